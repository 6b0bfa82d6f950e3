--- A folder of the lab at a moment: a copy beside it, with owners and modes.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local function copy(from, to)
  local result = proc.run { argv = { "cp", "-a", from, to }, timeout = 300 }
  if result.code == 0 then return end
  errors.raise { kind = "failed", module = "lab", op = "copy", message = result.stderr:gsub("%s+$", "") }
end

local function replace(from, to)
  if fs.exists(to) then fs.remove_tree(to) end
  copy(from, to)
end

--- Keeps a folder.
---@param path string
---@param kept string the path of the copy; replaced if it is there
---@return fun() put_back
function M.keep(path, kept)
  fs.mkdir(fs.folder(kept), 0x1c0)
  replace(path, kept)
  return function() replace(kept, path) end
end

return M

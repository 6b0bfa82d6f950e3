--- Folders of provers. One that is killed cannot remove its own: their names have its process, and the next prover
--- removes those of processes that have ended.

local fs = require "o2x.base.fs"
local program = require "o2x.core.program"

local M = {}

local NAME <const> = "o2x-prove-"

--- Where temporary folders are.
---@return string
function M.temporary() return os.getenv "TMPDIR" or "/tmp" end

--- How the names of this prover's folders begin.
---@return string
function M.prefix() return ("%s%d-"):format(NAME, program.pid()) end

--- Removes what provers left that have ended.
---@param parent string
function M.clear(parent)
  for _, name in ipairs(fs.list(parent)) do
    local process = name:match "^o2x%-prove%-(%d+)%-"
    if process and not fs.exists("/proc/" .. process) then
      pcall(fs.remove_tree, fs.join(parent, name)) -- somebody else's, or another prover is faster
    end
  end
end

--- A new, empty folder of this prover, after those of dead ones are removed.
---@param parent string
---@return string path
function M.folder(parent)
  M.clear(parent)
  return fs.temp_folder(fs.join(parent, M.prefix()))
end

return M

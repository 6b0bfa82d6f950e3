--- The part of a picture that is in files: bytes and modes below the lab's folders.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"

local M = {}

local FOLDERS <const> = { "platform", "secrets" }
local MODE <const> = 0xfff -- permission bits

local function item(path, found)
  local value = { type = found.type, mode = ("%04o"):format(found.mode & MODE) }
  if found.type == "file" then value.bytes = crypto.sha256(fs.read(path)) end
  return value
end

local function walk(root, name, add)
  local path = fs.join(root, name)
  local found = fs.stat(path, false)
  if not found then return end
  add(name, item(path, found))
  if found.type ~= "folder" then return end
  for _, each in ipairs(fs.list(path)) do
    walk(root, name .. "/" .. each, add)
  end
end

--- All files and folders.
---@param lab table
---@param add fun(name: string, value: any)
function M.files(lab, add)
  for _, name in ipairs(FOLDERS) do
    walk(lab.dir, name, add)
  end
end

return M

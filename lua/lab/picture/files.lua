--- The part of a picture that is in files: bytes and modes below the lab's folders.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"

local M = {}

local FOLDERS <const> = { "platform", "secrets" }
local MODE <const> = 0xfff -- permission bits
local MOST <const> = 5000 -- files that are remembered

local known, count = {}, 0 -- "path stamp" → item; the stamp tells whether a file changed

local function read_item(path)
  local found = fs.stat(path, false)
  if not found then return nil end
  local value = { type = found.type, mode = ("%04o"):format(found.mode & MODE) }
  if found.type == "file" then value.bytes = crypto.sha256(fs.read(path)) end
  return value
end

local function item(path, stamp)
  local key = path .. " " .. stamp
  if not known[key] then
    if count >= MOST then
      known, count = {}, 0
    end
    known[key], count = read_item(path), count + 1
  end
  return known[key]
end

--- All files and folders.
---@param lab table
---@param add fun(name: string, value: any, constant: boolean?)
function M.files(lab, add)
  for _, folder in ipairs(FOLDERS) do
    local root = fs.join(lab.dir, folder)
    local own = read_item(root)
    local paths, stamps = {}, {}
    if own and own.type == "folder" then
      paths, stamps = fs.walk(root)
    end
    if own then add(folder, own) end
    for i, name in ipairs(paths) do
      local value = item(fs.join(root, name), stamps[i])
      if value then add(folder .. "/" .. name, value, true) end
    end
  end
end

return M

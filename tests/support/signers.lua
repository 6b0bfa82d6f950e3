--- People with SSH keys, who approve plans in tests.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

--- Makes a key without a passphrase.
---@param folder string
---@param name string
---@return string path of the private key
---@return string public "TYPE KEY"
function M.key(folder, name)
  local path = folder .. "/" .. name
  local made = proc.run { argv = { "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path } }
  assert(made.code == 0, made.stderr)
  return path, fs.read(path .. ".pub"):match "^%S+ %S+"
end

--- Makes a key for each person, and the list of those who may sign.
---@param folder string of the keys
---@param path string of the list
---@param names string[]
---@param domain string? of their addresses
---@return table<string, string> keys by name: the path of the private key
function M.list(folder, path, names, domain)
  local keys, lines = {}, {}
  for _, name in ipairs(names) do
    local public
    keys[name], public = M.key(folder, name)
    lines[#lines + 1] = ("%s@%s %s\n"):format(name, domain or "example.com", public)
  end
  fs.write(path, table.concat(lines))
  return keys
end

return M

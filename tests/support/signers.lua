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

return M

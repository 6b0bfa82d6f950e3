--- The lab's certificate authority and the certificates it signs, by the openssl command. Elliptic curves, because
--- their keys are generated in a millisecond.

local fs = require "o2x.base.fs"
local errors = require "o2x.base.error"
local proc = require "o2x.base.proc"

local M = {}

local DAYS = "3650"

-- Not the machine's openssl.cnf, which may add extensions.
local CONFIG = [[
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = %s
[extensions]
%s
]]

local CA = [[
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
]]

local LEAF = [[
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = %s
]]

local function san(names)
  local list = {}
  for i, name in ipairs(names) do
    list[i] = (name:find("^[%d%.:]+$") and "IP:" or "DNS:") .. name
  end
  return table.concat(list, ",")
end

local function sign(folder, name, common_name, extensions, more)
  local path = fs.join(folder, name)
  fs.write(path .. ".cnf", CONFIG:format(common_name, extensions), { mode = 0x180 })
  local argv = {
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-sha256",
    "-days",
    DAYS,
    "-config",
    path .. ".cnf",
    "-keyout",
    path .. ".key",
    "-out",
    path .. ".crt",
  }
  table.move(more, 1, #more, #argv + 1, argv)
  local result = proc.run { argv = argv, timeout = 30 }
  fs.remove(path .. ".cnf")
  if result.code ~= 0 then
    local output = result.stderr:gsub("%s+$", "")
    errors.raise { kind = "failed", module = "lab", op = "tls", message = "openssl: " .. output }
  end
end

--- Creates the authority unless it exists.
---@param folder string
---@return string path of its certificate
function M.authority(folder)
  fs.mkdir(folder, 0x1c0)
  local path = fs.join(folder, "ca.crt")
  if not fs.exists(path) then sign(folder, "ca", "o2x lab authority", CA, {}) end
  return path
end

--- A certificate for names and addresses, signed by the authority. A new one is signed when the names change.
---@param folder string
---@param name string of its files
---@param names string[] host names (a first label may be `*`) and addresses
---@return { cert: string, key: string } as PEM text
function M.certificate(folder, name, names)
  local path, list = fs.join(folder, name), table.concat(names, "\n")
  if fs.read_if(path .. ".names") ~= list or not fs.exists(path .. ".key") then
    local authority = fs.join(folder, "ca")
    sign(folder, name, names[1], LEAF:format(san(names)), { "-CA", authority .. ".crt", "-CAkey", authority .. ".key" })
    fs.write(path .. ".names", list)
  end
  return { cert = fs.read(path .. ".crt"), key = fs.read(path .. ".key") }
end

return M

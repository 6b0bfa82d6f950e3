--- Certificates for tests, made by the openssl command: an authority, and servers right and wrong.
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local function run(folder, ...)
  local result = proc.run { argv = { ... }, cwd = folder }
  if result.code ~= 0 then error("openssl: " .. result.stderr) end
end

local EC <const> = { "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes" }

local function authority(folder, name)
  run(
    folder,
    "openssl",
    "req",
    "-x509",
    EC[1],
    EC[2],
    EC[3],
    EC[4],
    EC[5],
    "-keyout",
    name .. ".key",
    "-out",
    name .. ".pem",
    "-days",
    "2",
    "-subj",
    "/CN=test authority " .. name
  )
end

local function issue(folder, ca, name, names, days)
  run(
    folder,
    "openssl",
    "req",
    "-new",
    EC[1],
    EC[2],
    EC[3],
    EC[4],
    EC[5],
    "-keyout",
    name .. ".key",
    "-out",
    name .. ".csr",
    "-subj",
    "/CN=" .. name
  )
  fs.write(fs.join(folder, name .. ".ext"), "subjectAltName=" .. names .. "\n")
  run(
    folder,
    "openssl",
    "x509",
    "-req",
    "-in",
    name .. ".csr",
    "-CA",
    ca .. ".pem",
    "-CAkey",
    ca .. ".key",
    "-CAcreateserial",
    "-days",
    tostring(days),
    "-extfile",
    name .. ".ext",
    "-out",
    name .. ".pem"
  )
  return { cert = fs.read(fs.join(folder, name .. ".pem")), key = fs.read(fs.join(folder, name .. ".key")) }
end

---@return table ca (PEM), good, expired, other_host, foreign (another authority's), self_signed, client: {cert=, key=}
function M.make()
  local folder = os.tmpname()
  fs.remove(folder)
  fs.mkdir(folder, 448)
  authority(folder, "ca")
  authority(folder, "stranger")
  local here = "DNS:localhost,IP:127.0.0.1"
  local made = {
    ca = fs.read(fs.join(folder, "ca.pem")),
    good = issue(folder, "ca", "good", here, 2),
    expired = issue(folder, "ca", "expired", here, -1),
    other_host = issue(folder, "ca", "other", "DNS:other.example", 2),
    foreign = issue(folder, "stranger", "foreign", here, 2),
    self_signed = { cert = fs.read(fs.join(folder, "stranger.pem")), key = fs.read(fs.join(folder, "stranger.key")) },
    client = issue(folder, "ca", "client", "DNS:client", 2),
  }
  fs.remove_tree(folder)
  return made
end

return M

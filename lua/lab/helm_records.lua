--- Releases that are like one that helm installed: helm's record of it and its objects, with words replaced. A process
--- of helm for each would take as long as all the rest. What helm would have made is the same to the byte where charts
--- take a tenant's names from the values; tests/servers/lab/tenants_spec.lua asks helm.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local gzip = require "o2x.base.gzip"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local seed = require "lab.k8s.seed"
local value = require "lab.k8s.value"
local yaml = require "o2x.base.yaml"

local M = {}

local NAMESPACE <const> = "default"
local LARGEST <const> = 16 << 20 -- bytes of a record

local function secret_name(release) return ("sh.helm.release.v1.%s.v1"):format(release) end

M.TYPE = "helm.sh/release.v1" -- of the Secrets that have a record

--- Helm's record of a release.
---@param secret table
---@return table
function M.decode(secret)
  local packed, name = crypto.unbase64(crypto.unbase64(secret.data.release)), secret.metadata.name
  return json.decode(gzip.unpack(packed, LARGEST, name), name)
end

-- Helm's record of a release's first revision, and the Secret that has it.
local function record_of(lab, release)
  local secret = lab.k8s.get("v1", "Secret", NAMESPACE, secret_name(release))
  return M.decode(secret), secret
end

--- Packs texts as gzip does: one process for all.
---@param folder string for scratch
---@param texts string[]
---@return string[] bytes
function M.packed(folder, texts)
  fs.mkdir(folder, 0x1c0)
  local argv = { "gzip", "-n", "-f" }
  for i, text in ipairs(texts) do
    local path = fs.join(folder, tostring(i))
    fs.write_scratch(path, text)
    argv[#argv + 1] = path
  end
  local result = proc.run { argv = argv, timeout = 60 }
  if result.code ~= 0 then
    errors.raise { kind = "failed", module = "lab", op = "gzip", message = result.stderr:gsub("%s+$", "") }
  end
  local bytes = {}
  for i in ipairs(texts) do
    bytes[i] = fs.read(fs.join(folder, tostring(i) .. ".gz"))
  end
  fs.remove_tree(folder)
  return bytes
end

-- The objects of a manifest, as helm creates them.
local function objects_of(record)
  local objects = yaml.decode_all(record.manifest, record.name)
  for _, object in ipairs(objects) do
    object.metadata.annotations = object.metadata.annotations or {}
    object.metadata.annotations["meta.helm.sh/release-name"] = record.name
    object.metadata.annotations["meta.helm.sh/release-namespace"] = NAMESPACE
  end
  return objects
end

local function secret_of(release, pattern, bytes)
  local labels = value.copy(pattern.metadata.labels)
  labels.name = release.name
  return {
    apiVersion = "v1",
    kind = "Secret",
    metadata = { name = secret_name(release.name), namespace = NAMESPACE, labels = labels },
    type = M.TYPE,
    data = { release = crypto.base64(crypto.base64(bytes)) },
  }
end

--- Installs releases, and runs the controllers.
---@param lab table a lab whose Kubernetes simulator has started
---@param releases { name: string, from: string, text: string, replace: fun(text: string): string }[] from: the release
---  that it is like, at its first revision; text: its values file
function M.install(lab, releases)
  local patterns, texts, objects = {}, {}, {}
  for i, release in ipairs(releases) do
    local pattern = patterns[release.from]
    if not pattern then
      pattern = {}
      pattern.record, pattern.secret = record_of(lab, release.from)
      patterns[release.from] = pattern
    end
    local record = {}
    for key, item in pairs(pattern.record) do
      record[key] = item
    end
    record.name, record.manifest = release.name, release.replace(record.manifest)
    record.config = yaml.decode(release.text, release.name)
    texts[i] = json.encode(record)
    for _, object in ipairs(objects_of(record)) do
      objects[#objects + 1] = object
    end
  end
  local secrets = {}
  for i, bytes in ipairs(M.packed(fs.join(lab.dir, "cache/records"), texts)) do
    secrets[i] = secret_of(releases[i], patterns[releases[i].from].secret, bytes)
  end
  seed.create(lab, secrets, { manager = "helm" })
  seed.create(lab, objects, { manager = "helm" })
end

return M

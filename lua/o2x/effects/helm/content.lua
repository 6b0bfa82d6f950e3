--- The content of a revision of a release, as effects hold it: hashes of its values and its manifest. The texts stay in
--- memory for the diff; the journal must not have them, because old charts render secrets.

local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"

local M = {}

local texts, configs = {}, {}

--- The hash of a manifest; remembers its text.
---@param text string
---@return string
function M.hash_manifest(text)
  local hash = manifest.hash(text)
  texts[hash] = text
  return hash
end

--- The manifest of a hash, if it was hashed in this run.
---@param hash string?
---@return string?
function M.text(hash) return hash and texts[hash] end

-- Numbers as JSON has them, whether they come from YAML or from helm: 1000.0 becomes 1000.
local function plain_numbers(value)
  if math.type(value) == "float" then return math.tointeger(value) or value end
  if type(value) ~= "table" or value == json.null then return value end
  local copy = json.is_array(value) and json.array {} or {}
  for key, item in pairs(value) do
    copy[key] = plain_numbers(item)
  end
  return copy
end

--- The hash of values; remembers them.
---@param values table
---@return string
function M.hash_values(values)
  local plain = plain_numbers(values)
  local hash = crypto.sha256(json.encode(plain))
  configs[hash] = plain
  return hash
end

--- The values of a hash, if they were hashed in this run.
---@param hash string?
---@return table?
function M.values(hash) return hash and configs[hash] end

--- The diff of two sets of values, as lines.
---@param before string? hash
---@param after string? hash
---@return string[]
function M.values_diff(before, after)
  local old, new = M.values(before), M.values(after)
  if not old or not new then return {} end
  local lines = diff.lines(manifest.by_name(old), manifest.by_name(new))
  for i, line in ipairs(lines) do
    lines[i] = manifest.mask(line)
  end
  return lines
end

--- A revision's content.
---@param status table the output of `helm status` for the revision
---@param entry table its entry in `helm history`
---@return table content revision, status, chart, app_version, values, manifest
function M.of(status, entry)
  local config = status.config ~= json.null and status.config or {}
  return {
    revision = status.version,
    status = status.info.status,
    chart = entry.chart,
    app_version = entry.app_version,
    values = M.hash_values(config),
    manifest = M.hash_manifest(status.manifest),
  }
end

--- The image of the first container in a manifest.
---@param hash string of a manifest that was hashed in this run
---@return string?
function M.image(hash)
  for _, object in ipairs(manifest.objects(texts[hash] or "")) do
    local spec = object.spec and object.spec.template and object.spec.template.spec
    local container = spec and spec.containers and spec.containers[1]
    if container then return container.image end
  end
end

return M

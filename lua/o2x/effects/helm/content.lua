--- What a revision of a release is made of, as effects carry it: hashes of its values and its manifest. Their texts
--- stay in memory for the diff; the journal must not have them, because old charts render secrets.

local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"

local M = {}

local texts, configs = {}, {}

--- The hash of a manifest, whose text is remembered.
---@param text string
---@return string
function M.hash_manifest(text)
  local hash = manifest.hash(text)
  texts[hash] = text
  return hash
end

--- The text behind a hash, if it was seen.
---@param hash string?
---@return string?
function M.text(hash) return hash and texts[hash] end

-- Numbers as JSON has them, whether they came through YAML or through helm: 1000.0 is 1000.
local function plain_numbers(value)
  if math.type(value) == "float" then return math.tointeger(value) or value end
  if type(value) ~= "table" or value == json.null then return value end
  local copy = json.is_array(value) and json.array {} or {}
  for key, item in pairs(value) do
    copy[key] = plain_numbers(item)
  end
  return copy
end

--- The hash of values, which are remembered.
---@param values table
---@return string
function M.hash_values(values)
  local plain = plain_numbers(values)
  local hash = crypto.sha256(json.encode(plain))
  configs[hash] = plain
  return hash
end

--- The values behind a hash, if they were seen.
---@param hash string?
---@return table?
function M.values(hash) return hash and configs[hash] end

--- What differs between two sets of values, line by line.
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
---@param status table what `helm status` says of the revision
---@param entry table its line of `helm history`
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

--- The image of the first container that a manifest runs.
---@param hash string of a manifest that was seen
---@return string?
function M.image(hash)
  for _, object in ipairs(manifest.objects(texts[hash] or "")) do
    local spec = object.spec and object.spec.template and object.spec.template.spec
    local container = spec and spec.containers and spec.containers[1]
    if container then return container.image end
  end
end

return M

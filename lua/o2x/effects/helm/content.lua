--- The content of a revision of a release, as effects hold it: hashes of its values and its objects. The objects
--- themselves stay in memory for the diff; the journal must not have them, because old charts render secrets.

local crypto = require "o2x.base.crypto"
local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"
local run_memory = require "o2x.base.run_memory"

local M = {}

-- What the run knows: hash → objects, hash → values, text → hash. A release's manifest is looked at several times.
local function memory() return run_memory.of("helm.content", { "known", "configs", "manifests" }) end

--- The hash of objects; remembers them.
---@param objects table[]
---@return string
function M.hash_objects(objects)
  local hash = manifest.hash(objects)
  memory().known[hash] = objects
  return hash
end

--- The hash of a stored manifest; remembers its objects. A text that cannot be read has a hash, but no objects.
---@param text string
---@return string
function M.hash_manifest(text)
  local manifests = memory().manifests
  if not manifests[text] then
    local ok, objects = pcall(manifest.objects, text)
    manifests[text] = ok and M.hash_objects(objects) or crypto.sha256(text)
  end
  return manifests[text]
end

--- The objects of a hash, if they were hashed in this run.
---@param hash string?
---@return table[]?
function M.objects(hash) return hash and memory().known[hash] end

--- The objects and hooks of a content.
---@param found { manifest: string, hooks: string? }?
---@return table[]? objects nil if they are not known
function M.all(found)
  local objects = found and M.objects(found.manifest)
  local hooks = found and found.hooks and M.objects(found.hooks) or {}
  return objects and table.move(hooks, 1, #hooks, #objects + 1, { table.unpack(objects) })
end

--- The hash of values; remembers them.
---@param values table
---@return string
function M.hash_values(values)
  local plain = manifest.doubles(values)
  local hash = crypto.sha256(json.encode(plain))
  memory().configs[hash] = plain
  return hash
end

--- The values of a hash, if they were hashed in this run.
---@param hash string?
---@return table?
function M.values(hash) return hash and memory().configs[hash] end

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

local function is_test(hook)
  local events = type(hook.events) == "table" and hook.events or {}
  return tostring(events[1]):find("^test") ~= nil
end

-- The hash of a revision's hooks, nil if it has none. Its tests do not count: they are never run here.
local function hash_hooks(hooks)
  local texts = {}
  for _, hook in ipairs(hooks) do
    if not is_test(hook) then texts[#texts + 1] = hook.manifest end
  end
  return #texts > 0 and M.hash_manifest(table.concat(texts, "\n---\n")) or nil
end

--- A revision's content.
---@param record o2x.helm.record
---@return table content revision, status, chart, app_version, values, manifest, hooks
function M.of(record)
  return {
    revision = record.revision,
    status = record.status,
    chart = record.chart,
    app_version = record.app_version,
    values = M.hash_values(record.config),
    manifest = M.hash_manifest(record.manifest),
    hooks = hash_hooks(record.hooks),
  }
end

-- What an object has at a path; a manifest may have null, or anything, on the way.
local function at(item, ...)
  for _, key in ipairs { ... } do
    if type(item) ~= "table" then return nil end
    item = item[key]
  end
  return item
end

--- The image of the first container in a manifest.
---@param hash string of a manifest that was hashed in this run
---@return string?
function M.image(hash)
  for _, object in ipairs(M.objects(hash) or {}) do
    local image = at(object, "spec", "template", "spec", "containers", 1, "image")
    if type(image) == "string" then return image end
  end
end

return M

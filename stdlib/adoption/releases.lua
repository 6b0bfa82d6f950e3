--- What helm's releases say of a tenant that was made by hand: the values files that the tree lacks, image tags, and
--- where replicas and resources are not the catalogue's. A values file holds these for its service.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local helm = require "o2x.helm"
local helm_values = require "o2x.helm_values"
local json = require "o2x.json"
local naming = require "stdlib.naming"
local nested = require "stdlib.adoption.nested"
local tenant_rows = require "stdlib.adoption.tenant"

local M = {}

local REFERENCES <const> = { secret = true, secretName = true, existingSecret = true } -- names of Secrets

local function is_secret(name, value)
  return type(name) == "string"
    and type(value) == "string"
    and not REFERENCES[name]
    and tenant_rows.is_secret_name(name)
end

-- Takes secrets out of values: the file is in git, and Vault has them. -> the paths of what was taken out
local function without_secrets(values, prefix, taken)
  for name, value in pairs(values) do
    local path = prefix == "" and tostring(name) or prefix .. "." .. tostring(name)
    local is_entry = type(value) == "table" and type(value.name) == "string" and type(value.value) == "string"
    if type(value) == "table" and not (is_entry and tenant_rows.is_secret_name(value.name)) then
      without_secrets(value, path, taken)
    elseif is_entry then
      values[name].value = nil
      taken[#taken + 1] = path .. "." .. value.name
    elseif is_secret(name, value) then
      values[name] = nil
      taken[#taken + 1] = path
    end
  end
  return taken
end

local function read_values(release, tenant)
  return helm.values(helm.at(release.name, release.revision, tenant.namespace) or {}) or {}
end

-- The values of a release, or nil where no file can have them.
local function values_of(release, tenant)
  local ok, values = pcall(read_values, release, tenant)
  if not ok and not nested.is_too_deep(values) then error(values, 0) end
  return ok and nested.fits(values) and values or nil
end

local function difference(found, service, what, is, standard)
  if json.encode { is } == json.encode { standard } then return end
  found.overrides[#found.overrides + 1] = {
    what = ("%s of %s"):format(what, service.name),
    is = type(is) == "table" and json.encode(is) or tostring(is),
    standard = type(standard) == "table" and json.encode(standard) or tostring(standard),
  }
end

local function compare(found, service, values)
  if values.replicaCount ~= nil then
    difference(found, service, "replicas", values.replicaCount, service.replicas[1])
  end
  if values.resources ~= nil then difference(found, service, "resources", values.resources, service.resources) end
  local tag = type(values.image) == "table" and values.image.tag
  if type(tag) == "string" then found.tags[service.name] = tag end
end

local function take(tenant, found, service, release)
  local path = naming.values_file(tenant.name, service.name)
  local values
  if files.exists(path) then
    local doc = helm_values.parse(files.read(path), path)
    values = { replicaCount = doc:get "replicaCount", resources = doc:get "resources", image = doc:get "image" }
  else
    values = values_of(release, tenant)
    if not values then
      found.unread[path] = release.name
      return
    end
    tenant_rows.without_hidden(
      values,
      function(what, why)
        found.skipped[#found.skipped + 1] = { what = ("%s of %s"):format(what, release.name), why = why }
      end
    )
    for _, secret in ipairs(without_secrets(values, "", {})) do
      local why = "a secret in the values of %s: not taken into %s; a gateway reads it from Vault"
      found.skipped[#found.skipped + 1] = { what = secret, why = why:format(release.name, path) }
    end
    found.written[#found.written + 1] = { path = path, text = helm_values.render(values) }
  end
  compare(found, service, values)
end

--- Reads the releases.
---@param tenant table
---@return table found written: { path, text } of the values files that are missing; tags: service → image tag;
---  overrides: { what, is, standard }; missing: services without a release; skipped: { what, why };
---  unread: path → release, of those whose values no file can have
function M.read(tenant)
  local found = { written = {}, tags = {}, overrides = {}, missing = {}, skipped = {}, unread = {}, count = 0 }
  local releases = {}
  for _, release in ipairs(helm.list()) do
    releases[release.name] = release
  end
  for _, service in ipairs(catalogue.all()) do
    local release = releases[naming.resource(tenant, service.name)]
    if release then
      found.count = found.count + 1
      take(tenant, found, service, release)
    else
      found.missing[#found.missing + 1] = service.name
    end
  end
  return found
end

-- The tag that most services have; the first by name of several.
local function common(tags)
  local counts, names = {}, {}
  for _, tag in pairs(tags) do
    if not counts[tag] then names[#names + 1] = tag end
    counts[tag] = (counts[tag] or 0) + 1
  end
  table.sort(names)
  local most
  for _, tag in ipairs(names) do
    if not most or counts[tag] > counts[most] then most = tag end
  end
  return most
end

--- Which image and pins say the tags of the services.
---@param tags table<string, string> by service
---@param file table? the tenant's file, if there is one
---@param standard string the platform's tag
---@return string? image nil: the platform's
---@return table<string, string>? pins those of services that have another one
function M.images(tags, file, standard)
  local image = file and file.image or nil
  if not file then image = common(tags) end
  if image == standard and not file then image = nil end
  local pins
  for _, service in ipairs(catalogue.names()) do
    local tag = tags[service]
    if tag and tag ~= (image or standard) then
      pins = pins or {}
      pins[service] = tag
    end
  end
  return image, pins
end

return M

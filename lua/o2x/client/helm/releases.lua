--- Reads helm 3's records of releases, as helm reads them, over the Kubernetes API. A revision is a Secret
--- sh.helm.release.v1.NAME.vN; its labels have owner=helm, the release's name, status and version, its data.release the
--- record: base64 of gzip of JSON. Only helm writes them.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local gzip = require "o2x.base.gzip"
local json = require "o2x.base.json"
local memo = require "o2x.base.memo"
local scope = require "o2x.base.scope"
local shape = require "o2x.base.shape"
local status = require "o2x.client.k8s.status"

local M = {}

local LARGEST <const> = 64 << 20 -- bytes of a record: a Secret has 1 MiB, and gzip packs text to a tenth
local ATTEMPTS <const> = 3
local PAGE <const> = 50 -- records in one answer: most have 10 to 50 KB
local PREFIX <const> = "sh.helm.release.v1."
local SECRETS <const> =
  { group = "", kind = "Secret", plural = "secrets", base = "/api/v1", api_version = "v1", namespaced = true }
local NAMES_ONLY <const> = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

---@class o2x.helm.record one revision of a release
---@field name string
---@field revision integer
---@field status string "deployed", "failed", "superseded", "uninstalled", "uninstalling", "pending-install" …
---@field chart string "sso-1.2.0"
---@field app_version string
---@field updated string ISO 8601
---@field description string
---@field config table the values that were given
---@field manifest string
---@field hooks { manifest: string, events: any }[]
---@field labels table<string, string> of the Secret, those that were given to helm among them

local RECORD <const> = {
  name = "string",
  version = "integer",
  info = { status = "string", last_deployed = "string?", description = "string?" },
  chart = { "?", metadata = { "?", name = "string?", version = "string?", appVersion = "string?" } },
  config = "map?",
  manifest = "string?",
  hooks = { "each?", { manifest = "string?" } },
}

-- ---- one record ----

local function present(value) return value ~= json.null and value or nil end

-- The words that helm has for a chart without its metadata.
local function chart_of(chart)
  local about = present(chart) and present(chart.metadata) or {}
  return ("%s-%s"):format(about.name or "MISSING", about.version or "MISSING"), about.appVersion or ""
end

local function is_gzip(bytes) return bytes:sub(1, 3) == "\x1f\x8b\x08" end

--- The revision in a Secret.
---@param object table the Secret; its data are base64
---@return o2x.helm.record
function M.decode(object)
  local what = "Secret " .. tostring(object.metadata.name)
  local data = type(object.data) == "table" and object.data.release
  if type(data) ~= "string" then
    errors.raise { kind = "input", module = "helm", op = "read", message = what .. " has no data.release" }
  end
  local bytes = crypto.unbase64(crypto.unbase64(data))
  local text = is_gzip(bytes) and gzip.unpack(bytes, LARGEST, what) or bytes
  local record = shape.check(json.decode(text, what), RECORD, what, "helm")
  local chart, app_version = chart_of(record.chart)
  return {
    name = record.name,
    revision = record.version,
    status = record.info.status,
    updated = record.info.last_deployed or "",
    description = record.info.description or "",
    chart = chart,
    app_version = app_version,
    config = present(record.config) or {},
    manifest = record.manifest or "",
    hooks = present(record.hooks) or {},
    labels = object.metadata.labels or {},
  }
end

local function damaged(name, object, why)
  local secret = object.metadata.name
  return errors.new {
    kind = "failed",
    module = "helm",
    op = "read",
    code = "damaged",
    message = ("release %s: its record %s is damaged: %s"):format(name, secret, why),
    hint = ("kubectl delete secret %s -n %s removes it, and helm goes on from the revision before it"):format(
      secret,
      object.metadata.namespace or "default"
    ),
  }
end

-- What helm can read is not damaged: nobody should remove it.
local function too_deep(name, object, why)
  return errors.new {
    kind = "failed",
    module = "helm",
    op = "read",
    code = "deep",
    message = ("release %s: its record %s cannot be read: %s"):format(name, object.metadata.name, why),
    hint = ("helm get values %s -n %s shows what it has; a revision with flatter values can be read"):format(
      name,
      object.metadata.namespace or "default"
    ),
  }
end

local function unreadable(name, object, why)
  local make = why:find("nested deeper than", 1, true) and too_deep or damaged
  return make(name, object, why)
end

-- The record, or nil and why it cannot be read. helm skips such a record when it lists.
local function try(object)
  local ok, found = pcall(M.decode, object)
  if ok then return found end
  local err = errors.wrap(found)
  if err.kind == "cancelled" then error(err, 0) end
  return nil, err.message
end

-- ---- many records ----

local Releases = {}
Releases.__index = Releases

--- The releases that a client may read.
---@param k8s table client of the cluster
---@param names string[]? the releases; nil: all. Records of others are not asked for
---@return table releases
function M.new(k8s, names)
  local shared = memo.new(k8s.shares and math.huge or 0)
  return setmetatable({ k8s = k8s, names = names, memo = shared, records = {} }, Releases)
end

-- The same as try. A record that was read before, in the same version, is not taken apart again.
local function record_of(self, object)
  local uid, version = object.metadata.uid, object.metadata.resourceVersion
  if type(uid) ~= "string" or type(version) ~= "string" then return try(object) end
  local seen = self.records[uid]
  if seen and seen.version == version then return seen.record end
  local record, why = try(object)
  self.records[uid] = record and { version = version, record = record } or nil
  return record, why
end

--- Forgets what was read: helm has written.
function Releases:forget() self.memo:forget() end

local function selector(self, name, more)
  local parts = { "owner=helm" }
  if name then
    parts[2] = "name=" .. name
  elseif self.names then
    parts[2] = ("name in (%s)"):format(table.concat(self.names, ","))
  end
  parts[#parts + 1] = more
  return table.concat(parts, ",")
end

-- All Secrets of a selector. A list whose continue token has expired starts again.
local function secrets(self, namespace, asked, accept)
  local items
  repeat
    items = {}
    local whole = self.k8s:pages(
      SECRETS,
      namespace,
      { selector = asked, page = PAGE, accept = accept },
      function(list) table.move(list.items, 1, #list.items, #items + 1, items) end
    )
  until whole
  return items
end

local function is_newer(revision, than) return not than or revision > than.revision end

-- Release and revision of a record that is not read: the name of the Secret has them, by which it is read. A label may
-- have been lost.
local function labelled(object)
  local labels = object.metadata.labels or {}
  local revision = object.metadata.name:match "%.v(%d+)$" or labels.version
  return labels.name, math.tointeger(tonumber(revision)) or 0
end

-- The newest revision that can be read, and the newest one that cannot, by release.
local function sort_out(self, objects)
  local newest, broken = {}, {}
  for _, object in ipairs(objects) do
    local record, why = record_of(self, object)
    local name, revision = labelled(object)
    if record and is_newer(record.revision, newest[record.name]) then
      newest[record.name] = record
    elseif not record and name and is_newer(revision, broken[name]) then
      broken[name] = { revision = revision, error = unreadable(name, object, why) }
    end
  end
  return newest, broken
end

-- The revisions that were superseded, by release, the newest first: those newer than what was read.
local function superseded(self, namespace, newest)
  local places = {}
  for _, object in ipairs(secrets(self, namespace, selector(self, nil, "status=superseded"), NAMES_ONLY)) do
    local name, revision = labelled(object)
    if name and is_newer(revision, newest[name]) then
      places[name] = places[name] or {}
      table.insert(places[name], revision)
    end
  end
  for _, revisions in pairs(places) do
    table.sort(revisions, function(a, b) return a > b end)
  end
  return places
end

-- A revision that was superseded is hardly ever the newest one: so only the names of these are asked for. Of those that
-- are, the newest that can be read counts.
local function add_superseded(self, namespace, newest, broken)
  for name, revisions in pairs(superseded(self, namespace, newest)) do
    for _, revision in ipairs(revisions) do
      local ok, record = pcall(self.get, self, name, namespace, revision)
      if ok and record then
        if is_newer(record.revision, newest[name]) then newest[name] = record end
        break
      end
      if not ok and not (errors.is(record) and record.code == "damaged") then error(record, 0) end
      if not ok and is_newer(revision, broken[name]) then broken[name] = { revision = revision, error = record } end
    end
  end
end

local function read_newest(self, namespace)
  local newest, broken = sort_out(self, secrets(self, namespace, selector(self, nil, "status!=superseded")))
  add_superseded(self, namespace, newest, broken)
  return newest, broken
end

-- The newest revision of one release: the names of all say which it is. It may be pruned before it is read.
local function read_newest_of(self, name, namespace)
  for _ = 1, ATTEMPTS do
    local revision
    for _, object in ipairs(secrets(self, namespace, selector(self, name), NAMES_ONLY)) do
      local _, each = labelled(object)
      if not revision or each > revision then revision = each end
    end
    local record = revision and self:get(name, namespace, revision)
    if record or not revision then return record end
  end
  errors.raise {
    kind = "unreachable",
    module = "helm",
    op = "read",
    message = ("release %s: its records change faster than they can be read"):format(name),
    retryable = true,
  }
end

local function shared_newest(self, namespace)
  if self.names and #self.names == 0 then return {}, {} end
  return self.memo:get(namespace, function() return read_newest(self, namespace) end)
end

--- The newest revision of each release, by name. As with helm, a record that is damaged does not count.
---@param namespace string
---@return o2x.helm.record[] records
function Releases:list(namespace)
  local found = {}
  for name, record in pairs((shared_newest(self, namespace))) do
    local ok = not self.names or pcall(scope.name, self.names, name, "release")
    if ok then found[#found + 1] = record end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

--- The newest revision of a release: in a plan as the list of all has it, in a run as it is now. A record that is
--- damaged is an error here: helm would go on from an older revision and fail to write the next one.
---@param name string
---@param namespace string
---@return o2x.helm.record? record nil if there is no release
function Releases:newest(name, namespace)
  if not self.k8s.shares then return read_newest_of(self, name, namespace) end
  local newest, broken = shared_newest(self, namespace)
  if broken[name] and is_newer(broken[name].revision, newest[name]) then error(broken[name].error, 0) end
  return newest[name]
end

--- All revisions of a release, oldest first, without those that are damaged, as helm has them.
---@param name string
---@param namespace string
---@return o2x.helm.record[] records
function Releases:history(name, namespace)
  local found = {}
  for _, object in ipairs(secrets(self, namespace, selector(self, name))) do
    found[#found + 1] = record_of(self, object) or nil
  end
  table.sort(found, function(a, b) return a.revision < b.revision end)
  return found
end

--- The Secrets that hold the revisions of a release, as they are in the cluster.
---@param name string
---@param namespace string
---@return table[] objects their data are base64
function Releases:objects(name, namespace) return secrets(self, namespace, selector(self, name)) end

--- One revision of a release. A record that is damaged is an error.
---@param name string
---@param namespace string
---@param revision integer
---@return o2x.helm.record? record nil if there is none
function Releases:get(name, namespace, revision)
  local secret = ("%s%s.v%d"):format(PREFIX, name, revision)
  local path = ("%s/%s"):format(self.k8s:collection(SECRETS, namespace), secret)
  local response = self.k8s:send("GET", path, {})
  if response.status == 404 then return nil end
  local object = json.read(status.check("Secret " .. secret, response, "get").body, "Secret " .. secret)
  local record, why = record_of(self, object)
  if not record then error(unreadable(name, object, why), 0) end
  return record
end

return M

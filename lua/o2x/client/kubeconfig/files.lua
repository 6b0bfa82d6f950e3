--- Reads kubeconfig files and merges them, as kubectl does: null and an empty text count as absent, unknown fields are
--- left alone, a field of another type is refused, the first file to name a thing wins.

local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

local M = {}

--- Raises an error about a file.
---@param message string
---@param where string? its path
---@param hint string?
function M.bad(message, where, hint)
  errors.raise { kind = "input", module = "kubeconfig", op = "load", message = message, where = where, hint = hint }
end

-- ---- types of fields ----

local check_fields

local function text(value, what, path)
  if type(value) ~= "string" then
    M.bad(("%s must be a text, not a %s"):format(what, type(value)), path, "put it in quotes")
  end
  return value ~= "" and value or nil
end

local function flag(value, what, path)
  if type(value) ~= "boolean" then M.bad(("%s must be true or false"):format(what), path, "without quotes") end
  return value
end

local function map(value, what, path)
  if type(value) ~= "table" then M.bad(("%s must not be a %s"):format(what, type(value)), path) end
  if value[1] ~= nil or json.is_array(value) then M.bad(("%s must be a map, not a list"):format(what), path) end
  return value
end

local function list(value, what, path)
  if type(value) ~= "table" then M.bad(("%s must not be a %s"):format(what, type(value)), path) end
  if #value == 0 and next(value) ~= nil then M.bad(what .. " must be a list", path) end
  return value
end

-- A null among the texts is an empty one.
local function texts(value, what, path)
  local items = {}
  for i, item in ipairs(list(value, what, path)) do
    if item == json.null then item = "" end
    items[i] = type(item) == "string" and item
      or M.bad(("%s must be a list of texts"):format(what), path, "put its items in quotes")
  end
  return items
end

local function map_of_texts(value, what, path)
  local items = {}
  for key, item in pairs(map(value, what, path)) do
    items[key] = texts(item, what .. "." .. key, path)
  end
  return items
end

-- Base64 as Go reads it: line breaks may be anywhere, blanks nowhere.
local function bytes(value, what, path)
  local code = text(value, what, path)
  if not code then return nil end
  code = code:gsub("[\r\n]", "")
  local ok, decoded = pcall(crypto.unbase64, code)
  if not ok or #code % 4 ~= 0 or not code:find "^[%w+/]*=?=?$" then M.bad(what .. " is not base64", path) end
  return decoded
end

local function environment(value, what, path)
  local items = {}
  for i, item in ipairs(list(value, what, path)) do
    if type(item) ~= "table" then M.bad(what .. " has an entry that is not a map", path) end
    items[i] = check_fields(item, { name = text, value = text }, what .. ": ", path)
  end
  return items
end

local EXEC <const> = {
  apiVersion = text,
  command = text,
  args = texts,
  env = environment,
  installHint = text,
  interactiveMode = text,
  provideClusterInfo = flag,
}

local function exec(value, what, path) return check_fields(map(value, what, path), EXEC, "exec: ", path) end

local FIELDS <const> = {
  cluster = {
    server = text,
    ["certificate-authority"] = text,
    ["certificate-authority-data"] = bytes,
    ["insecure-skip-tls-verify"] = flag,
    ["tls-server-name"] = text,
    ["proxy-url"] = text,
    ["disable-compression"] = flag,
    extensions = list,
  },
  user = {
    token = text,
    tokenFile = text,
    username = text,
    password = text,
    ["client-certificate"] = text,
    ["client-certificate-data"] = bytes,
    ["client-key"] = text,
    ["client-key-data"] = bytes,
    as = text,
    ["as-uid"] = text,
    ["as-groups"] = texts,
    ["as-user-extra"] = map_of_texts,
    ["auth-provider"] = map,
    exec = exec,
  },
  context = { cluster = text, user = text, namespace = text },
}

local function preferences(value, what, path)
  return check_fields(map(value, what, path), { colors = flag, extensions = list }, what .. ": ", path)
end

-- The fields of a file beside its entries.
local FILE <const> = {
  kind = text,
  apiVersion = text,
  ["current-context"] = text,
  preferences = preferences,
  extensions = list,
}

function check_fields(value, fields, prefix, path)
  local checked = {}
  for name, check in pairs(fields) do
    if value[name] ~= nil then checked[name] = check(value[name], prefix .. name, path) end
  end
  return checked
end

-- ---- files ----

---@class o2x.kubeconfig.entry
---@field name string
---@field path string of its file: what it names is relative to it
---@field value table its fields, checked; "" and null are absent, base64 is decoded

local function read(path)
  local doc = yaml.read(fs.read(path), path, { first = true })
  if doc == nil then return {}, {} end
  if type(doc) ~= "table" or doc[1] ~= nil then M.bad("not a kubeconfig", path) end
  local fields = check_fields(doc, FILE, "", path)
  if (fields.kind or "Config") ~= "Config" then M.bad("not a kubeconfig: kind is " .. fields.kind, path) end
  if (fields.apiVersion or "v1") ~= "v1" then
    M.bad("not a kubeconfig: apiVersion is " .. fields.apiVersion, path, "write apiVersion: v1")
  end
  return doc, fields
end

local function entries(doc, kind, path)
  local found, plural = {}, kind .. "s"
  for _, entry in ipairs(doc[plural] ~= nil and list(doc[plural], plural, path) or {}) do
    if entry == json.null then entry = {} end
    if type(entry) ~= "table" then M.bad(plural .. " has an entry that is not a map", path) end
    local name = entry.name ~= nil and text(entry.name, plural .. ": name", path) or ""
    if found[name] then M.bad(("%s has two entries named %q"):format(plural, name), path, "remove one of them") end
    local value = entry[kind] ~= nil and map(entry[kind], ("%s %s"):format(kind, name), path) or {}
    found[name] = { name = name, path = path, value = check_fields(value, FIELDS[kind], "", path) }
  end
  return found
end

local function merge(into, path)
  local doc, fields = read(path)
  for kind in pairs(FIELDS) do
    for name, entry in pairs(entries(doc, kind, path)) do
      into[kind][name] = into[kind][name] or entry
    end
  end
  into.current = into.current or fields["current-context"]
end

--- Reads files and merges them.
---@param paths string separated by ":"; missing ones are skipped
---@return table? all cluster, user, context: name → o2x.kubeconfig.entry; current, path; nil if there is no file
function M.load(paths)
  local all = { cluster = {}, user = {}, context = {} }
  for path in paths:gmatch("[^:]+") do
    if fs.exists(path) then
      merge(all, path)
      all.path = all.path or path
    end
  end
  return all.path and all
end

--- A path that an entry names.
---@param entry o2x.kubeconfig.entry
---@param path string
---@return string
function M.resolve(entry, path)
  if path:sub(1, 1) == "/" then return path end
  return (entry.path:match("^(.*)/[^/]*$") or ".") .. "/" .. path
end

--- A certificate or key: from NAME-data, or from the file NAME.
---@param entry o2x.kubeconfig.entry
---@param name string
---@return string? bytes
function M.bytes(entry, name)
  local data, file = entry.value[name .. "-data"], entry.value[name]
  if data and file then M.bad(("%s and %s-data are both set"):format(name, name), entry.path, "remove one of them") end
  if not file then return data end
  local path = M.resolve(entry, file)
  return fs.read_if(path) or M.bad(("%s %s does not exist"):format(name, path), entry.path)
end

return M

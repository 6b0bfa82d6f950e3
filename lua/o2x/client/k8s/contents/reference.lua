--- Rules for what an object refers to: other objects by name, hosts, classes, annotations, and pods by their labels.

local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local literal = require "o2x.base.literal"
local promql = require "o2x.client.k8s.contents.promql"
local rule = require "o2x.client.k8s.contents.rule"
local scope = require "o2x.base.scope"
local value = require "o2x.base.value"

local M = {}

local below = rule.below

local function has(list, wanted)
  for _, item in ipairs(list or {}) do
    if item == wanted then return true end
  end
  return false
end

-- ---- names, hosts, classes ----

--- The name of an object of the tenant, or of a shared one.
---@param check table
---@param path string
---@param item any
function M.name(check, path, item)
  if not has(check.names, item) then check:refuse(path, ("names '%s', which is not the tenant's"):format(item)) end
end

--- The name of a Secret: the tenant's, or one that all tenants share.
---@param check table
---@param path string
---@param item any
function M.secret(check, path, item)
  if not has(check.secrets, item) then M.name(check, path, item) end
end

-- contents → what is known of its patterns: the text that each needs (needed), and the texts that were looked at and
-- are the tenant's (own). The services of a platform have most texts in common.
local known_of = setmetatable({}, { __mode = "k" })

local function known_in(contents)
  local known = known_of[contents] or { needed = {}, own = {} }
  known_of[contents] = known
  return known
end

local function no_match() end

--- A text that programs read: it names nothing that the platform's patterns know as another tenant's. A copied file of
--- values is recognised by this.
---@param check table
---@param path string
---@param item any
function M.text(check, path, item)
  rule.plain(check, path, item)
  if type(item) ~= "string" then return end
  local known = known_in(check.contents)
  if known.own[item] then return end
  for pattern, own in next, check.contents.patterns or {} do
    local needed = known.needed[pattern] or literal.of(pattern)
    known.needed[pattern] = needed
    local possible = item:find(needed, 1, true)
    for found in possible and item:gmatch(pattern) or no_match do
      if found ~= own then return check:refuse(path, ("names '%s', which is not the tenant's"):format(found)) end
    end
  end
  known.own[item] = true
end

--- The same in base64.
---@param check table
---@param path string
---@param item any
function M.encoded(check, path, item)
  rule.plain(check, path, item)
  local ok, text = pcall(crypto.unbase64, type(item) == "string" and item or "")
  if ok then M.text(check, path, text) end
end

--- A path of an Ingress: controllers put it into configuration files.
---@param check table
---@param path string
---@param item any
function M.path(check, path, item)
  if type(item) ~= "string" or item:find "[^%w%-._~/()|$*+?^%%\\%[%]:@!&=,]" then
    check:refuse(path, "has characters that a controller might act on")
  end
end

--- The name of a service account: the tenant's, or the namespace's default, which every pod gets that names none.
---@param check table
---@param path string
---@param item any
function M.account(check, path, item)
  if item ~= "default" then M.name(check, path, item) end
end

--- A host of the tenant.
---@param check table
---@param path string
---@param item any
function M.host(check, path, item)
  if type(item) ~= "string" or not pcall(scope.domain, check.contents.hosts, item, "host") then
    check:refuse(path, ("'%s' is not a host of the tenant"):format(item))
  end
end

--- A class that the platform lets tenants use: of an ingress, of a volume, of a priority.
---@param check table
---@param path string
---@param item any
function M.class(check, path, item)
  if not has(check.contents.classes, item) then
    check:refuse(path, ("'%s' is not a class that a run may use"):format(item))
  end
end

--- A namespace of the run.
---@param check table
---@param path string
---@param item any
function M.namespace(check, path, item)
  if not has(check.namespaces, item) then check:refuse(path, ("'%s' is not a namespace of the run"):format(item)) end
end

-- ---- labels and selectors ----

-- A label that tells whose an object is, or nil. Selectors of other tenants look for these.
local function identity(check, path, key, item)
  local label = check.label
  if label and key == label[1] then
    if item ~= label[2] then check:refuse(path, ("must be '%s'"):format(label[2])) end
    return true
  end
  if not has(check.contents.name_labels, key) then return false end
  M.name(check, path, item)
  return true
end

local function labels(check, path, item, only_listed)
  rule.entries(rule.plain)(check, path, item)
  for _, key in ipairs(rule.keys(item)) do
    local here, text = below(path, key), rawget(item, key)
    if text ~= json.null and not identity(check, here, key, text) then
      M.text(check, here, text)
      if only_listed and not has(check.contents.labels, key) then
        check:refuse(here, "is not among the labels of a " .. check.kind)
      end
    end
  end
end

--- Labels: those that tell whose an object is tell the truth.
---@param check table
---@param path string
---@param item any
function M.labels(check, path, item) labels(check, path, item, false) end

--- The same for the kinds that other programs pick up by any label of theirs (ConfigMaps of Grafana's sidecar).
---@param check table
---@param path string
---@param item any
function M.listed_labels(check, path, item) labels(check, path, item, true) end

--- Labels that pods are selected by: at least one tells whose they are.
---@param check table
---@param path string
---@param item any
function M.selector(check, path, item)
  local pinned = false
  for _, key in ipairs(rule.keys(item)) do
    local text = rawget(item, key)
    if text ~= json.null and identity(check, below(path, key), key, text) then pinned = true end
  end
  if pinned then return rule.entries(rule.plain)(check, path, item) end
  local label = check.label
  check:refuse(
    path,
    "selects pods of other tenants too" .. (label and (": add %s: %s"):format(label[1], label[2]) or "")
  )
end

local SELECTOR <const> = rule.map { matchLabels = rule.any, matchExpressions = rule.any }

--- matchLabels and matchExpressions, of which the labels say whose the pods are.
---@param check table
---@param path string
---@param item any
function M.label_selector(check, path, item)
  SELECTOR(check, path, item)
  local found = type(item) == "table" and rawget(item, "matchLabels") or {}
  M.selector(check, below(path, "matchLabels"), found == json.null and {} or found)
end

-- ---- annotations ----

-- Annotations are read by controllers, which put their text into configuration files: no quotes, braces, line ends.
local PLAIN <const> = "^[%w .,:/_=+-]*$"

local function annotation_rule(known, key)
  if known[key] ~= nil then return known[key] end
  for pattern, found in next, known do
    if pattern:sub(-1) == "*" and key:sub(1, #pattern - 1) == pattern:sub(1, -2) then return found end
  end
end

-- What is known after apply is looked at then: a plan writes nothing.
local function annotation(check, path, wanted, item)
  local may_be = type(wanted) == "table" or wanted == "name" or wanted == "plain"
  if may_be and value.is_unknown(item) then return end
  if type(wanted) == "table" then
    if not has(wanted, item) then check:refuse(path, "may only be " .. table.concat(wanted, " or ")) end
  elseif wanted == "name" then
    M.name(check, path, item)
  elseif wanted == "plain" then
    if not tostring(item):find(PLAIN) then check:refuse(path, "has characters that a controller might act on") end
  elseif wanted ~= "any" then
    check:refuse(path, "is not among the annotations that a run may write")
  end
end

local function annotations(check, path, item, free)
  rule.entries(rule.plain)(check, path, item)
  for _, key in ipairs(rule.keys(item)) do
    local text = rawget(item, key)
    local known = annotation_rule(check.contents.annotations or {}, key)
    if not known and free and not key:find("/", 1, true) then known = "any" end
    if text ~= json.null then annotation(check, below(path, key), known, text) end
  end
end

--- Annotations, by the platform's list. Without a domain they are free: no controller reads them.
---@param check table
---@param path string
---@param item any
function M.annotations(check, path, item) annotations(check, path, item, true) end

--- The same for ConfigMaps and Secrets: Grafana's sidecar reads annotations without a domain, too (grafana_folder).
---@param check table
---@param path string
---@param item any
function M.listed_annotations(check, path, item) annotations(check, path, item, false) end

-- ---- Prometheus ----

--- An expression that looks at the tenant's own series: each {…} has the tenant's label, one of its names or its id.
---@param check table
---@param path string
---@param item any
function M.expression(check, path, item)
  local selectors = type(item) == "string" and promql.selectors(item)
  if not selectors then return check:refuse(path, "is not a PromQL expression") end
  local function own(matcher)
    if matcher.op == "=" then
      local label = check.label
      return label and matcher.label == label[1] and matcher.value == label[2] or has(check.names, matcher.value)
    end
    local id = check.contents.id
    if matcher.op ~= "=~" or not id or matcher.value:find("|", 1, true) then return false end
    return matcher.value:sub(1, #id) == id and matcher.value:find("^\\%.", #id + 1) ~= nil
  end
  for _, matchers in ipairs(selectors) do
    local found = false
    for _, matcher in ipairs(matchers) do
      found = found or own(matcher)
    end
    if not found then return check:refuse(path, "looks at series of other tenants too") end
  end
  if #selectors == 0 then check:refuse(path, "looks at series of other tenants too") end
end

return M

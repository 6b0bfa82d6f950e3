--- The rules for a tenant file (tenants/NAME.yaml). All of them are checked before a run begins.

local naming = require "stdlib.naming"
local providers = require "stdlib.providers"
local text = require "o2x.text"

local pairs, type = pairs, type -- every field of every tenant's file is looked at

local M = {}

local ENVIRONMENTS = { production = true, sandbox = true, development = true, demo = true, staging = true }

local function problem(message, hint, ...) return { message = message:format(...), hint = hint } end

local function is_string(value) return type(value) == "string" and value ~= "" end

-- A schema: field → "string", "integer", "map", "map of texts", "map of values" (no tables in it), "list", or
-- "table" (a map or a list); with "?" it is optional.
local TOP = {
  name = "string",
  id = "string?",
  company = "string",
  environment = "string",
  region = "string?",
  domain = "string?",
  contacts = "map",
  admin = "map",
  profile = "map",
  integrations = "list?",
  features = "map?",
  properties = "map of texts?",
  invoice_template = "map?",
  branding = "map?",
  overrides = "map?",
  pins = "map of texts?",
  kept = "list?",
  notes = "string?",
  image = "string?",
}
local PARTS = {
  contacts = { primary = "string", technical = "string?", account_manager = "string?" },
  admin = { email = "string", firstname = "string", lastname = "string" },
  profile = {
    address = "string?",
    city = "string?",
    state = "string?",
    country = "string?",
    timezone = "string",
    currency = "string",
  },
  invoice_template = { name = "string", html = "string", css = "string?" },
  branding = { logo_url = "string?", primary_color = "string?", secondary_color = "string?" },
  overrides = { database = "string?" },
}
local INTEGRATION = {
  name = "string",
  index = "integer",
  type = "string",
  authtype = "string",
  apitype = "string",
  baseurl = "string",
  oauth1 = "map of values?",
  oauth2 = "map of values?",
  attributes = "map of values?",
  custom_mappings = "table?",
  custom_config = "table?",
  status = "string?",
}

-- An empty list is an empty map as well.
local function is_map(value) return type(value) == "table" and value[1] == nil end

local function is_list(value)
  if type(value) ~= "table" then return false end
  local count = 0
  for _ in pairs(value) do
    count = count + 1
    if value[count] == nil then return false end
  end
  return true
end

local SCALARS = { string = true, number = true, boolean = true }
local QUOTES = " (put it in quotes)"

-- kind → what the field must be, nil if it is
local CHECKS = {
  string = function(value)
    return not is_string(value) and "must be a string" .. (type(value) == "number" and QUOTES or "") or nil
  end,
  integer = function(value) return math.type(value) ~= "integer" and "must be an integer" or nil end,
  map = function(value) return not is_map(value) and "must be a map" or nil end,
  table = function(value) return type(value) ~= "table" and "must be a map or a list" or nil end,
  list = function(value) return not is_list(value) and "must be a list" or nil end,
}

local function check_items(value, is_good, message)
  for key, item in pairs(value) do
    if not is_good(item) then return (".%s %s"):format(key, message) end
  end
end

local ITEMS = {
  ["map of texts"] = { is_string, "must be a string (put it in quotes)" },
  ["map of values"] = { function(item) return SCALARS[type(item)] end, "must be a text, a number, true or false" },
}

-- What is wrong with a field that is there, as a text that follows its name.
local function type_problem(value, kind)
  local wrong = (CHECKS[kind] or CHECKS.map)(value)
  if wrong then return " " .. wrong end
  local items = ITEMS[kind]
  return items and check_items(value, items[1], items[2])
end

-- A schema as the checks need it, which compare every file with it: its fields in order, the kind of each, and which
-- must be there.
local function compiled(schema)
  local kinds, fields, needed, count = {}, {}, {}, 0
  for name, wanted in pairs(schema) do
    local optional = wanted:sub(-1) == "?"
    fields[#fields + 1] = name
    kinds[name] = optional and wanted:sub(1, -2) or wanted
    if not optional then
      needed[name], count = true, count + 1
    end
  end
  return { fields = fields, kinds = kinds, needed = needed, count = count }
end

local function unknown(prefix, field, schema)
  local names = {}
  for known in pairs(schema) do
    names[#names + 1] = known
  end
  table.sort(names)
  field = tostring(field)
  local suggestion = text.suggest(field, names)
  return problem("%s%s is not a known field%s", "known: " .. table.concat(names, ", "), prefix, field, suggestion)
end

-- Nothing is wrong with most files, and that is found out faster than what is wrong.
local function fits(value, schema)
  local kinds, needed, missing = schema.kinds, schema.needed, schema.count
  for field, item in pairs(value) do
    local kind = kinds[field]
    local fitting = kind == "string" and item ~= "" and type(item) == kind
    if not fitting and (not kind or type_problem(item, kind)) then return false end
    if needed[field] then missing = missing - 1 end
  end
  return missing == 0
end

local function check_fields(value, schema, prefix)
  if fits(value, schema) then return nil end
  local kinds = schema.kinds
  for field in pairs(value) do
    if not kinds[field] then return unknown(prefix, field, kinds) end
  end
  for _, field in ipairs(schema.fields) do
    local item = value[field]
    local wrong = item ~= nil and type_problem(item, kinds[field]) or nil
    if item == nil and schema.needed[field] then wrong = " is missing" end
    if wrong then return problem("%s%s%s", nil, prefix, field, wrong) end
  end
end

local FILE <const>, ONE_INTEGRATION <const>, PART_LIST <const> = compiled(TOP), compiled(INTEGRATION), {}
for part, schema in pairs(PARTS) do
  PART_LIST[#PART_LIST + 1] = { name = part, prefix = part .. ".", schema = compiled(schema) }
end

local COLUMNS <const> = {} -- by the type of a gateway: those that a file may set, as a set
for _, name in ipairs(providers.names()) do
  local gateway, columns = providers.find(name).type, {}
  for _, column in ipairs(providers.attributes(gateway).columns) do
    columns[column] = true
  end
  COLUMNS[gateway] = columns
end

-- What is wrong with an integration whose fields are as they should be; prefix stands before the name of a field.
local function integration_problem(item, seen, prefix)
  local provider = providers.find(item.name)
  if not provider then
    return problem(
      "%sname: '%s' is not a provider",
      "known: " .. table.concat(providers.names(), ", "),
      prefix,
      item.name
    )
  end
  if item.type ~= provider.type then
    return problem("%stype: %s is a %s, not a %s", nil, prefix, item.name, provider.type, item.type)
  end
  if seen[item.name] then return problem("%sname: %s is used twice", nil, prefix, item.name) end
  if seen[item.index] then return problem("%sindex: %d is used twice", "count from 0", prefix, item.index) end
  seen[item.name], seen[item.index] = true, true
  if item.authtype == "OAUTH2" and not item.oauth2 then return problem("%soauth2 is missing", nil, prefix) end
  if item.authtype == "OAUTH1" and not item.oauth1 then return problem("%soauth1 is missing", nil, prefix) end
  if not item.baseurl:find("^https://[%w%.%-]+") then
    return problem("%sbaseurl must begin with https://", nil, prefix)
  end
  local columns = COLUMNS[item.type]
  for column in pairs(item.attributes or {}) do
    if not columns[column] then return unknown(prefix .. "attributes.", column, columns) end
  end
end

local function check_integration(item, position, seen)
  if not is_map(item) then return problem("integrations[%d] must be a map", nil, position) end
  local prefix = "integrations[" .. position .. "]."
  return check_fields(item, ONE_INTEGRATION, prefix) or integration_problem(item, seen, prefix)
end

local KEPT <const> = compiled { what = "string", tag = "string" }

-- Differences that o2x adopt has found: what is there is left as it is.
local function check_kept(list)
  for position, item in ipairs(list) do
    if not is_map(item) then return problem("kept[%d] must be a map", "the runbook adopt writes it", position) end
    local wrong = check_fields(item, KEPT, ("kept[%d]."):format(position))
    if wrong then return wrong end
  end
end

local function check_identity(name, file, others)
  if file.name ~= name then
    return problem(
      "name is '%s', but the file name says '%s'",
      "the file of tenant NAME is tenants/NAME.yaml",
      tostring(file.name),
      name
    )
  end
  if file.id ~= nil and not naming.is_tenant_id(file.id) then
    return problem("id '%s' does not have the form TIDLT-100008", nil, tostring(file.id))
  end
  for _, other in ipairs(others or {}) do
    if other.name == name then
      return problem("name '%s' is also in %s", "two tenants cannot share a name", name, other.where)
    end
    if file.id and other.id == file.id then
      return problem("id %s is also in %s", "two tenants cannot share an id", file.id, other.where)
    end
  end
end

--- The first problem of a tenant file, or nil.
---@param name string the tenant's name as typed
---@param file any the decoded file
---@param others {name: string, id: string?, where: string}[]? from the other tenant files
---@return {message: string, hint: string?}|nil problem
function M.problem(name, file, others)
  if not is_map(file) then return problem("is not a tenant file", "tenants/newclient.yaml is an example") end
  local wrong = check_fields(file, FILE, "") or check_identity(name, file, others)
  if wrong then return wrong end
  for _, part in ipairs(PART_LIST) do
    local value = file[part.name]
    wrong = value and check_fields(value, part.schema, part.prefix)
    if wrong then return wrong end
  end
  if not ENVIRONMENTS[file.environment] then
    return problem(
      "environment '%s' is not known",
      "known: demo, development, production, sandbox, staging",
      file.environment
    )
  end
  local seen = {}
  for position, item in ipairs(file.integrations or {}) do
    wrong = check_integration(item, position, seen)
    if wrong then return wrong end
  end
  wrong = check_kept(file.kept or {})
  if wrong then return wrong end
  for key, flag in pairs(file.features or {}) do
    if type(flag) ~= "table" or type(flag.enabled) ~= "boolean" then
      return problem("features.%s.enabled must be true or false", nil, tostring(key))
    end
  end
end

return M

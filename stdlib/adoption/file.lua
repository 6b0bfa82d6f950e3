--- A tenant's file, made of what was found. One that is there already is edited in place: its comments, its order and
--- what only it knows stay.

local helm_values = require "o2x.helm_values"
local json = require "o2x.json"
local naming = require "stdlib.naming"
local remedy = require "stdlib.remedy"
local yaml = require "o2x.yaml"

local M = {}

-- The fields of a new file, in the order in which people read them; a gap stands before those of a table.
local ORDER <const> = {
  { "name" },
  { "id" },
  { "company" },
  { "environment" },
  { "region" },
  { "domain" },
  { "image" },
  { "notes" },
  { "contacts", { "primary", "technical", "account_manager" } },
  { "admin", { "email", "firstname", "lastname" } },
  { "profile", { "address", "city", "state", "country", "timezone", "currency" } },
  { "integrations" },
  { "features" },
  { "properties" },
  { "invoice_template", { "name", "html", "css" } },
  { "branding", { "logo_url", "primary_color", "secondary_color" } },
  { "pins" },
  { "overrides", { "database" } },
  { "kept" },
}
local INTEGRATION <const> = {
  "name",
  "index",
  "type",
  "authtype",
  "apitype",
  "baseurl",
  "status",
  "oauth1",
  "oauth2",
  "attributes",
  "custom_mappings",
  "custom_config",
}

local function is_empty(value) return value == nil or type(value) == "table" and next(value) == nil end

local function ordered(value, names)
  local pairs_of = {}
  for _, name in ipairs(names) do
    if not is_empty(value[name]) then pairs_of[#pairs_of + 1] = { name, value[name] } end
  end
  return yaml.ordered(pairs_of)
end

local function shaped(name, value, names)
  if names then return ordered(value, names) end
  if name ~= "integrations" and name ~= "kept" then return value end
  local list = {}
  for i, item in ipairs(value) do
    list[i] = ordered(item, name == "kept" and { "what", "tag" } or INTEGRATION)
  end
  return yaml.array(list)
end

-- The text of a new file.
local function new_text(wanted)
  local parts = {}
  for _, entry in ipairs(ORDER) do
    local name, value = entry[1], wanted[entry[1]]
    if not is_empty(value) then
      local text = yaml.encode(yaml.ordered { { name, shaped(name, value, entry[2]) } })
      local gap = type(value) == "table" and #parts > 0 and "\n" or ""
      parts[#parts + 1] = gap .. text
    end
  end
  return table.concat(parts)
end

-- ---- editing ----

local function is_list(value) return type(value) == "table" and (json.is_array(value) or #value > 0) end

local function same(a, b) return json.encode { a } == json.encode { b } end

local function escape(name) return (tostring(name):gsub("[%.%[%]\\]", "\\%0")) end

local function by_name(list)
  local items = {}
  for _, item in ipairs(list or {}) do
    items[item.name] = item
  end
  return items
end

local edit

local function edit_integrations(doc, there, wanted)
  if not there or not there[1] then return doc:set("integrations", shaped("integrations", wanted)) end
  local known = by_name(there)
  for _, item in ipairs(wanted) do
    local path = ("integrations[name=%s]"):format(escape(item.name))
    if known[item.name] then
      edit(doc, path, known[item.name], item)
    else
      doc:set(path, ordered(item, INTEGRATION))
    end
  end
end

-- Brings what the file says at a path to what is wanted. What is not wanted otherwise stays.
function edit(doc, path, there, wanted)
  if wanted == nil or same(there, wanted) then return end
  if path == "integrations" then return edit_integrations(doc, there, wanted) end
  local is_map = type(wanted) == "table" and not is_list(wanted)
  if not is_map or type(there) ~= "table" or is_list(there) then return doc:set(path, wanted) end
  for name, item in pairs(wanted) do
    edit(doc, path == "" and escape(name) or path .. "." .. escape(name), there[name], item)
  end
end

local function edited_text(text, path, file, wanted)
  local doc = helm_values.parse(text, path)
  for name, value in pairs(wanted) do
    if name == "kept" then
      if is_empty(value) and file.kept then
        doc:remove "kept"
      elseif not is_empty(value) and not same(file.kept, value) then
        doc:set("kept", shaped("kept", value))
      end
    elseif not is_empty(value) then
      edit(doc, escape(name), file[name], value)
    end
  end
  return doc:text()
end

--- What a tenant's file will say. What no system knows is the file's own, or a substitute.
---@param tenant table
---@param live table of stdlib.adoption.tenant
---@param file table? the file that is there
---@return table wanted
---@return { what: string, why: string, field: string }[] guessed what nobody knows, and the file has a substitute for
function M.wanted(tenant, live, file)
  local wanted, guessed = {}, {}
  for name, value in pairs(live) do
    wanted[name] = value
  end
  wanted.name = tenant.name
  local function need(part, name, substitute, why)
    local own = file and (part and (file[part] or {})[name] or not part and file[name])
    local has = part and (wanted[part] or {})[name] or not part and wanted[name]
    if own or has then return end
    guessed[#guessed + 1] = { what = part and part .. "." .. name or name, why = why .. ": " .. substitute }
    if part then
      wanted[part] = wanted[part] or {}
      wanted[part][name] = substitute
    else
      wanted[name] = substitute
    end
  end
  if file then -- people know this better than any system
    wanted.contacts, wanted.region, wanted.domain = nil, nil, nil
    if file.notes then wanted.notes = nil end
  end
  need(nil, "company", tenant.name, "no system knows it; the file has the tenant's name")
  need(nil, "environment", "production", "the registry does not say it; the file has the strictest")
  need("profile", "timezone", "UTC", "no system knows it; the file has the database's default")
  need("profile", "currency", "USD", "no system knows it; the file has the database's default")
  need("admin", "email", "admin@" .. tenant.domain, "there is none; the file has the usual one")
  need("admin", "firstname", "Admin", "no system knows it; the file has the usual one")
  need("admin", "lastname", "User", "no system knows it; the file has the usual one")
  local admin = (wanted.admin or file and file.admin).email
  need("contacts", "primary", admin, "no document names one; the file has the administrator")
  return wanted, guessed
end

local LARGEST <const> = 1 << 20 -- bytes that o2x reads of a tenant's file

-- The bytes of all texts in a value, and where the longest is.
local function sizes(value, path)
  if type(value) ~= "table" then
    local size = #tostring(value)
    return size, path, size
  end
  local total, where, length = 0, path, 0
  for name, item in pairs(value) do
    local all, inner, size = sizes(item, path and ("%s.%s"):format(path, name) or tostring(name))
    total = total + all
    if size > length then
      where, length = inner, size
    end
  end
  return total, where, length
end

--- Refuses what would be too large to be read again.
---@param tenant table
---@param wanted table of M.wanted
function M.check_size(tenant, wanted)
  local total, where, length = sizes(wanted)
  if total <= LARGEST then return end
  local path, source = naming.tenant_file(tenant.name), tenant.database
  if where:find "^contacts" or where == "region" then source = "docs/runbooks" end
  if where == "notes" then source = "docs/TENANT_INVENTORY.md" end
  fail(
    ("%s would have %d bytes, and it may have %d: %s alone has %d"):format(path, total, LARGEST, where, length),
    ("shorten it where it is, in %s; then %s"):format(source, remedy.run(tenant, "adopt"))
  )
end

--- The text of the tenant's file.
---@param tenant table
---@param wanted table of M.wanted, with kept, image and pins
---@param text string? of the file that is there
---@param file table? what it says
---@return string
function M.text(tenant, wanted, text, file)
  if not text then return new_text(wanted) end
  return edited_text(text, naming.tenant_file(tenant.name), file, wanted)
end

return M

--- What the registry, the tenant's database and the documents say of a tenant that was made by hand, in the words of
--- its file. Only what is there is in it: an empty or absent value is no field.

local files = require "o2x.files"
local json = require "o2x.json"
local naming = require "stdlib.naming"
local nested = require "stdlib.adoption.nested"
local pg = require "o2x.pg"
local providers = require "stdlib.providers"
local remedy = require "stdlib.remedy"

local M = {}

-- What a file in git must not have, whatever it is for: the names of such values say it.
local SECRET_NAMES <const> = { "passw", "secret", "token", "credential", "api_?key", "private_?key", "decrypt_?key" }

--- Does a name say that its value is a secret?
---@param name string
---@return boolean
function M.is_secret_name(name)
  if type(name) ~= "string" then return true end
  local folded = name:lower():gsub("[%-%.]", "_")
  for _, pattern in ipairs(SECRET_NAMES) do
    if folded:find(pattern) then return true end
  end
  return false
end

local HIDDEN <const> = "‹secret"
local WHY <const> = "has the text of a secret of the tenant's in Vault, and the file is in git; it stays as it is"

-- Has it the text of a secret, which reads hide (o2x.adoption.hide_secrets)? A text that is one, whole, is no text.
local function is_hidden(item)
  return type(item) == "userdata" and item ~= json.null or type(item) == "string" and item:find(HIDDEN, 1, true) ~= nil
end

local function shown(name) return is_hidden(name) and "one whose name is a secret" or tostring(name) end

--- Takes out what has the text of a secret.
---@param values table
---@param taken fun(path: string, why: string) called for each
---@param prefix string? of the paths
function M.without_hidden(values, taken, prefix)
  local names = {}
  for name in pairs(values) do
    names[#names + 1] = name
  end
  for _, name in ipairs(names) do
    local item, path = values[name], (prefix and prefix .. "." or "") .. shown(name)
    if is_hidden(name) or is_hidden(item) then
      values[name] = nil
      taken(path, WHY)
    elseif type(item) == "table" then
      M.without_hidden(item, taken, path)
    end
  end
end

-- A text without nothing in it: an empty one is no field of a file. PostgreSQL fills char(n) with spaces.
local function field(value)
  if type(value) ~= "string" then return value end
  value = value:gsub(" +$", "")
  return value ~= "" and value or nil
end

local function fields(row, names)
  local found = {}
  for _, name in ipairs(names) do
    found[name] = field(row and row[name])
  end
  return found
end

local COLUMNS <const> = { "id", "vaulturi", "vaultpath", "status" }

local function registered(tenant)
  local read, row = pcall(pg.control.row, pg.control, "core_config.tenant", { name = tenant.name }, COLUMNS)
  if read then return row end
  if not tostring(row):find("more than one row", 1, true) then error(row, 0) end
  local sql = ("select id, name, status from core_config.tenant where name = %s"):format(remedy.literal(tenant.name))
  fail(
    ("the registry has more than one row of %s, and nobody knows which of them is right"):format(tenant.name),
    remedy.psql(tenant.platform.database.control, sql) .. " shows them"
  )
end

--- Refuses a tenant of which there is nothing that could be taken over.
---@param tenant table
function M.check(tenant)
  local row, database = registered(tenant), pg.admin:database(tenant.database)
  if row and database then return end
  local name, path = tenant.name, naming.tenant_file(tenant.name)
  local first = "a new tenant: " .. remedy.onboard(tenant)
  if not files.exists(path) then first = ("a new tenant: write %s, then o2x run onboard %s"):format(path, name) end
  if not row and not database then
    local message = "there is no tenant %s: it is not in the registry, and there is no database %s"
    invalid(message:format(name, tenant.database), first, path)
  elseif row then
    local message = "%s is in the registry only (%s): there is no database %s, so there is nothing to take over"
    invalid(message:format(name, row.id, tenant.database), first, path)
  end
  fail(
    ("there is a database %s, but no %s in the registry"):format(tenant.database, name),
    remedy.psql(tenant.platform.database.control, "select id, name from core_config.tenant")
      .. " shows who is there; put its row back first"
  )
end

local function environment_of(row) return row.vaultpath:match "/([%w-]+)/?$" end

local PROFILE <const> = { "address", "city", "state", "country", "timezone", "currency" }

local function profile(tenant, live, skipped)
  local columns = { "companyname", table.unpack(PROFILE) }
  local row = pg.tenant:row("core_config.tenant_profile", { tenantid = tenant.id }, columns)
  if not row then
    skipped[#skipped + 1] = { what = "profile", why = "core_config.tenant_profile has no row of the tenant" }
    return
  end
  live.company, live.profile = field(row.companyname), fields(row, PROFILE)
end

-- The attributes of one integration, by its index; texts: columns of JSON that are read as texts.
local function attributes(tenant, index, name, columns, texts)
  local list = table.move(columns, 1, #columns, 1, {})
  for _, column in ipairs(texts or {}) do
    list[#list + 1] = column .. "::text"
  end
  local sql = "select %s from core_config.%s where id = $1 and index = $2"
  return pg.tenant:one(sql:format(table.concat(list, ", "), name), tenant.id, index)
end

-- What a column has in JSON, or nothing where a file cannot have it.
local function unfolded(text, what, skipped)
  local function skip(name, why) skipped[#skipped + 1] = { what = name, why = why } end
  local found, why = nested.decode(text)
  if why then return skip(what, is_hidden(text) and WHY or why) end
  nested.without_nulls(found, function(path, reason) skip(("%s: %s"):format(what, path), reason) end)
  if found == json.null then return skip(what, nested.NULL) end
  return found
end

local AUTH <const> = {
  OAUTH1 = { "oauth1", "oauth1_attributes", { "realm", "environment", "signaturemethod" } },
  OAUTH2 = { "oauth2", "oauth2_attributes", { "realmid", "environment", "redirecturi" } }, -- state belongs to a login
}
local MERCHANT <const> = { "name", "type", "authtype", "apitype", "baseurl", "status" }

local CUSTOM <const> = { "custom_mappings", "custom_config" }

local function integration(tenant, row, skipped)
  local item, kind = fields(row, MERCHANT), providers.attributes(row.type)
  item.index = math.tointeger(tonumber(row.index))
  if item.status == "ACTIVE" then item.status = nil end
  local auth = AUTH[row.authtype]
  if auth then item[auth[1]] = fields(attributes(tenant, item.index, auth[2], auth[3]), auth[3]) end
  local own = attributes(tenant, item.index, kind.table, kind.columns, CUSTOM)
  item.attributes = own and fields(own, kind.columns)
  for _, name in ipairs(CUSTOM) do
    item[name] = unfolded(own and own[name], ("%s of integration %s"):format(name, row.name), skipped)
  end
  return item
end

local function integrations(tenant, live, skipped)
  local rows = pg.tenant:rows("select * from core_config.tenant_merchants where id = $1 order by index", tenant.id)
  live.integrations = {}
  for _, row in ipairs(rows) do
    if providers.find(row.name) then
      live.integrations[#live.integrations + 1] = integration(tenant, row, skipped)
    else
      local why = "no provider of this platform, so its file cannot name it; the row stays as it is"
      skipped[#skipped + 1] = { what = "integration " .. shown(row.name), why = why }
    end
  end
end

local function features(tenant, live, skipped)
  local rows = pg.tenant:rows(
    "select feature_key, enabled, config::text from core_config.feature_flags where tenant_id = $1 order by 1",
    tenant.id
  )
  for _, row in ipairs(rows) do
    live.features = live.features or {}
    local config = unfolded(row.config, "config of feature " .. shown(row.feature_key), skipped)
    live.features[row.feature_key] = { enabled = row.enabled == true, config = config }
  end
end

local function properties(tenant, live, skipped)
  local rows = pg.tenant:rows(
    "select property_key, property_value from core_config.tenant_property_defaults where tenant_id = $1 order by 1",
    tenant.id
  )
  for _, row in ipairs(rows) do
    local key, value = row.property_key, row.property_value
    if is_hidden(key) then
      skipped[#skipped + 1] = { what = "property: " .. shown(key), why = WHY }
    elseif M.is_secret_name(key) or value == "" then
      local why = value == "" and "is empty, which a file cannot say; the row stays as it is"
        or "its name says that it is a secret, and the file is in git; the row stays as it is"
      skipped[#skipped + 1] = { what = "property " .. key, why = why }
    else
      live.properties = live.properties or {}
      live.properties[key] = value
    end
  end
end

local function looks(tenant, live, skipped)
  local templates = pg.tenant:rows(
    "select template_name, template_html, template_css from core_config.invoice_template where tenant_id = $1 "
      .. "order by template_name <> 'DEFAULT', 1",
    tenant.id
  )
  local first = templates[1]
  if first then
    live.invoice_template = { name = first.template_name, html = first.template_html, css = field(first.template_css) }
  end
  for i = 2, #templates do
    local what = "invoice template " .. shown(templates[i].template_name)
    skipped[#skipped + 1] = { what = what, why = "a file has one template; the row stays as it is" }
  end
  local colours = { "logo_url", "primary_color", "secondary_color" }
  local sql = "select %s from core_config.selfcare_config where tenantid = $1"
  local row = pg.tenant:one(sql:format(table.concat(colours, ", ")), tenant.id)
  live.branding = row and fields(row, colours)
end

-- The administrator: the one that the file names, else the first.
local function administrator(file, live, skipped)
  local rows = pg.tenant:rows(
    "select email, userid, firstname, lastname from core_config.users where roleid = 'ADMIN_ROLE_ID' order by "
      .. "userid <> $1, category is distinct from 'SYSTEM_ADMIN', created_at, userid",
    file and file.admin.email or ""
  )
  local row = rows[1]
  if not row then
    skipped[#skipped + 1] = { what = "administrator", why = "core_config.users has none with ADMIN_ROLE_ID" }
    return
  end
  live.admin = { email = field(row.userid), firstname = field(row.firstname), lastname = field(row.lastname) }
end

-- ---- documents that people wrote ----

local function text_of(path) return files.exists(path) and files.read(path) or "" end

local function noted(text, label) return field(text:match("%*%*" .. label .. ":%*%*[ \t]*([^\r\n]+)")) end

-- Only what a file can have: a text in UTF-8.
local function drop_unreadable(values, where, skipped)
  for name, text in pairs(values) do
    if type(text) == "string" and not utf8.len(text) then
      values[name] = nil
      skipped[#skipped + 1] = { what = name, why = ("what %s says of it is not UTF-8"):format(where) }
    end
  end
end

local function documents(tenant, live, skipped)
  local path = ("docs/runbooks/TENANT_%s.md"):format(tenant.name)
  local page = text_of(path)
  local region = { region = noted(page, "Region") }
  live.contacts = {
    primary = noted(page, "Primary Contact"),
    technical = noted(page, "Client Technical Contact"),
    account_manager = noted(page, "Tenant Account Manager"),
  }
  drop_unreadable(live.contacts, path, skipped)
  drop_unreadable(region, path, skipped)
  live.region = region.region
  local inventory = "\n" .. text_of "docs/TENANT_INVENTORY.md"
  local heading = ("\n## %s (%s)\n"):format(tenant.name, tenant.id)
  local start = inventory:find(heading, 1, true)
  if not start then return end
  local finish = inventory:find("\n## ", start + 1, true) or #inventory
  local found = { notes = noted(inventory:sub(start, finish), "Special Notes") }
  drop_unreadable(found, "docs/TENANT_INVENTORY.md", skipped)
  if found.notes ~= "Standard configuration, no customizations" then live.notes = found.notes end
end

--- Reads what there is.
---@param tenant table
---@param file table? the file that the tenant has already
---@return table live id, company, environment, profile, … as a tenant's file has them
---@return { what: string, why: string }[] skipped what is there, and no file can or may say
function M.read(tenant, file)
  local row = registered(tenant)
  local live, skipped = { id = row.id, environment = environment_of(row), overrides = {} }, {}
  profile(row, live, skipped)
  integrations(row, live, skipped)
  features(row, live, skipped)
  properties(row, live, skipped)
  looks(row, live, skipped)
  administrator(file, live, skipped)
  documents({ name = tenant.name, id = row.id }, live, skipped)
  local legacy = (tenant.platform.database.legacy or {})[tenant.name]
  if legacy then live.overrides.database = legacy end
  M.without_hidden(live, function(what, why) skipped[#skipped + 1] = { what = what, why = why } end)
  live.domain, live.region = tenant.domain, live.region or tenant.platform.region
  return live, skipped
end

--- The path of the tenant's file.
---@param tenant table
---@return string
function M.path(tenant) return naming.tenant_file(tenant.name) end

return M

--- What a tenant claims: every name in every system that its file and its own name lead to. No two tenants may claim
--- the same one, and none may claim the platform's.

local built = require "stdlib.built"
local naming = require "stdlib.naming"

local M = {}

local function problem(field, message, hint, ...)
  local text = message:format(...)
  return { field = field, message = text, hint = hint }
end

local function text(value) return type(value) == "string" and value ~= "" and value or nil end

-- ---- what a tenant has ----

local function default_domain(name, platform) return name .. "." .. platform.domain end

local function default_database(name, platform, file)
  local names = { tenant = name, environment = text(file.environment), domain = platform.domain }
  return naming.fill(platform.database.name, names)
end

--- The identities of a tenant, from its name and its file. Of a file that breaks the rules, only what is usable.
---@param name string
---@param platform table platform.yaml
---@param file table tenants/NAME.yaml
---@return table identity id, domain, database, vault_uri, vault_path, redis_host, data_pvc, data_bucket
function M.identity(name, platform, file)
  local names = { tenant = name, environment = text(file.environment), domain = platform.domain }
  local overrides = type(file.overrides) == "table" and file.overrides or {}
  return {
    name = name,
    id = file.id,
    domain = text(file.domain) or default_domain(name, platform),
    database = text(overrides.database) or default_database(name, platform, file),
    vault_uri = naming.fill(platform.vault.uri, names),
    vault_path = naming.fill(platform.vault.path, names),
    redis_host = naming.fill(platform.redis.host, names),
    data_pvc = naming.fill(platform.kubernetes.volume_claim, names),
    data_bucket = naming.fill(platform.storage.data_bucket, names),
  }
end

M.services, M.objects, M.files, M.folders = built.services, built.objects, built.files, built.folders

-- ---- domains ----

--- The form in which domains are compared: DNS ignores case and a dot at the end.
---@param domain string
---@return string
function M.folded(domain)
  domain = domain:lower()
  return domain:sub(-1) == "." and domain:sub(1, -2) or domain
end

local folded = M.folded

local function is_below(domain, above) return domain:sub(-#above - 1) == "." .. above end

local function is_within(host, domain) return host == folded(domain) or is_below(host, folded(domain)) end

-- Does a run that may change one of them reach the other?
local function overlap(a, b)
  a, b = folded(a), folded(b)
  return a == b or is_below(a, b) or is_below(b, a)
end

local function domain_form(domain)
  if #domain > 253 or not domain:find "^[a-z0-9.-]+$" or not domain:find "%.%l[%l%d-]*$" then return false end
  for label in (domain .. "."):gmatch "([^.]*)%." do
    if #label > 63 or not label:find "^%w[%w-]*$" or label:find "%-$" then return false end
  end
  return true
end

-- All host names of the platform in platform.yaml, at any depth.
local function hosts_in(value, domain, hosts)
  if type(value) == "table" then
    for key, item in pairs(value) do
      if key ~= "custom_domains" then hosts_in(item, domain, hosts) end
    end
  elseif type(value) == "string" and not value:find("{", 1, true) then
    for host in value:lower():gmatch "[%w.-]+" do
      if is_below(folded(host), domain) then hosts[#hosts + 1] = folded(host) end
    end
  end
  return hosts
end

local function listed(list, name) return type(list) == "table" and text(list[name]) or nil end

--- Calls visit for each domain above a domain: "b.c" and "c" of "a.b.c".
---@param domain string
---@param visit fun(higher: string)
function M.each_above(domain, visit)
  local dot = domain:find(".", 1, true)
  while dot do
    visit(domain:sub(dot + 1))
    dot = domain:find(".", dot + 1, true)
  end
end

--- The host names of the platform, in the form in which domains are compared.
---@param platform table platform.yaml
---@return {is: table<string, string>, below: table<string, string>} hosts the hosts themselves; and by each domain
---  above one, that host
function M.hosts(platform)
  local hosts = { is = {}, below = {} }
  for _, host in ipairs(hosts_in(platform, folded(platform.domain), {})) do
    hosts.is[host] = host
    M.each_above(host, function(higher) hosts.below[higher] = hosts.below[higher] or host end)
  end
  return hosts
end

-- The host that a run which may change the domain would reach, or that reaches the domain.
local function overlapping(domain, hosts)
  local host = hosts.is[domain] or hosts.below[domain]
  if not host then M.each_above(domain, function(higher) host = host or hosts.is[higher] end) end
  return host
end

local function domain_problem(own, platform, hosts)
  local domain, top = own.domain, folded(platform.domain)
  if not domain_form(domain) then
    return problem(
      "domain",
      "domain '%s' is not a domain name",
      "lower-case letters, digits, hyphens and dots, such as newclient." .. top,
      domain
    )
  end
  if domain == top or is_below(top, domain) then
    return problem(
      "domain",
      "domain %s is the platform's own (platform.yaml: %s)",
      ("leave it out for %s.%s"):format(own.name, top),
      domain,
      top
    )
  end
  local host = overlapping(domain, hosts)
  if host then
    return problem(
      "domain",
      "domain %s belongs to the platform: platform.yaml has %s",
      is_within(own.name .. "." .. top, host) and "choose another name for the tenant"
        or ("use %s.%s, or another name below %s"):format(own.name, top, top),
      domain,
      host
    )
  end
  if not is_below(domain, top) and listed(platform.custom_domains, own.name) ~= domain then
    return problem(
      "domain",
      "domain %s is not below the platform's, %s",
      ("to allow it, add to platform.yaml: custom_domains: {%s: %s}"):format(own.name, domain),
      domain,
      top
    )
  end
end

-- The tenant whose name a pattern such as "coredb-{tenant}" would make into a text.
local function named_by(pattern, value)
  local before, after = pattern:match "^(.-){tenant}(.*)$"
  if not before or #value <= #before + #after then return nil end
  if value:sub(1, #before) ~= before or value:sub(-#after - 1, -1):sub(2) ~= after then return nil end
  return value:sub(#before + 1, #value - #after)
end

--- The names of other tenants whose domain or database a tenant's would be, whether they have a file or not.
---@param tenant {name: string, domain: string, database: string, platform: table}
---@return {name: string, claim: string, field: string}[] names claim: "domain shm.embrix.com"; field: of the file
function M.names_of(tenant)
  local platform, list = tenant.platform, {}
  local function add(name, claim, value, field)
    if not name or name == tenant.name then return end
    list[#list + 1] = { name = name, claim = ("%s %s"):format(claim, value), field = field }
  end
  local top = "." .. folded(platform.domain)
  local below = tenant.domain:sub(-#top) == top and tenant.domain:sub(1, -#top - 1) or ""
  add(below:match "[^.]+$", "domain", tenant.domain, "domain")
  add(named_by(platform.database.name, tenant.database), "database", tenant.database, "overrides.database")
  return list
end

-- ---- databases ----

local RESERVED = { postgres = true, template0 = true, template1 = true, rdsadmin = true }

local function database_problem(own, platform, file)
  local database, legacy = own.database, listed(platform.database.legacy, own.name)
  local default = default_database(own.name, platform, file)
  if not database:find "^[a-z][a-z0-9_-]*$" or #database > 63 then
    return problem(
      "overrides.database",
      "database '%s' is not a name: lower-case letters, digits, _ and -, at most 63",
      ("leave out overrides.database for %s"):format(default),
      database
    )
  end
  if RESERVED[database] then
    return problem(
      "overrides.database",
      "database %s belongs to the server",
      ("leave out overrides.database for %s"):format(default),
      database
    )
  end
  if database == platform.database.control and legacy ~= database then
    return problem(
      "overrides.database",
      "database %s is the control database (platform.yaml: database.control)",
      ("leave out overrides.database for %s"):format(default),
      database
    )
  end
  if database ~= default and legacy ~= database then
    return problem(
      "overrides.database",
      "database %s is not %s",
      (
        "leave out overrides.database; a database older than the rule is listed in platform.yaml: "
        .. "database.legacy: {%s: %s}"
      ):format(own.name, database),
      database,
      default
    )
  end
end

-- ---- two tenants ----

--- What a tenant has a right to: what follows from its name, and what platform.yaml lists for it.
---@param name string
---@param platform table platform.yaml
---@param file table tenants/NAME.yaml
---@return table<string, table<string, boolean>> right "domain" and "database" → their names
function M.rights(name, platform, file)
  local function set(value, list) return { [value] = true, [listed(list, name) or value] = true } end
  return {
    domain = set(folded(default_domain(name, platform)), platform.custom_domains),
    database = set(default_database(name, platform, file), platform.database.legacy),
  }
end

local SAME = {
  domain = overlap,
  database = function(a, b) return a:lower() == b:lower() end,
}
local FIELD = { domain = "domain", database = "overrides.database" }

--- The domains or databases that a file states or that its name leads to: others may have neither.
---@param what "domain"|"database"
---@param identity table of M.identity
---@param right table of M.rights
---@return string[]
function M.stated(what, identity, right)
  local list = { identity[what] }
  for value in pairs(right[what]) do
    list[#list + 1] = value
  end
  return list
end

-- A stated name that another tenant has. Of two tenants that claim it, the one that has a right to it goes on.
local function stated_conflict(what, own, own_right, theirs, right, other)
  local mine = own_right[what][folded(own[what])]
  for _, value in ipairs(M.stated(what, theirs, right)) do
    if SAME[what](own[what], value) then
      local message = ("%s %s belongs to %s, which has %s (%s)"):format(
        what,
        own[what],
        theirs.name,
        value,
        other.where
      )
      local hint = "two tenants cannot share a " .. what .. ": correct one of the two files"
      if not mine or right[what][folded(value)] then return { field = FIELD[what], message = message, hint = hint } end
      return nil, ("%s: %s %s belongs to %s"):format(other.where, what, value, own.name)
    end
  end
end

-- Calls visit for each text in a tenant's file but its notes, with its key and the path of what it is in, which is nil
-- for the file itself.
local function each_text(value, visit, path)
  for key, item in pairs(value) do
    if type(item) == "string" then
      if path or key ~= "notes" then visit(item, key, path) end
    elseif type(item) == "table" then
      if type(key) == "boolean" then key = tostring(key) end
      each_text(item, visit, path and path .. "." .. key or key)
    end
  end
end

local function decoded(hex) return string.char(tonumber(hex, 16)) end

-- Has a text a dot or a hyphen? All names that are built have one.
local function may_be_name(word) return word:find(".", 1, true) or word:find("-", 1, true) end

--- Calls visit for each word of a tenant's file that may be a name in some system.
---@param file table
---@param visit fun(word: string, original: string, key: any, path: string|number|nil) word: in the form in which names
---  are compared; key and path of its text: "redirecturi" and "integrations.1.oauth2"
function M.each_word(file, visit)
  each_text(file, function(item, key, path)
    local plain = item:find("%", 1, true) and item:gsub("%%(%x%x)", decoded) or item
    if not may_be_name(plain) then return end
    for word in plain:gmatch "[%w._-]+" do
      if may_be_name(word) then visit(folded(word), word, key, path) end
    end
  end)
end

local function words_of(file)
  local words = {}
  M.each_word(
    file,
    function(word, original, key, path)
      words[#words + 1] = { path and ("%s.%s"):format(path, key) or tostring(key), word, original }
    end
  )
  return words
end

local function set_of(...)
  local set = {}
  for _, list in ipairs { ... } do
    for _, name in ipairs(list) do
      set[name] = true
    end
  end
  return set
end

--- All names that are built from a tenant's name: a + b-c is a-b + c.
---@param tenant table of M.identity
---@return string[][] names of objects, of files, and its path in Vault
function M.built(tenant) return { M.objects(tenant), M.files(tenant), { tenant.vault_path } } end

-- A copied file may keep what is the other tenant's, such as the redirect URI of an OAuth client, or its id in a URL.
local function mention_conflict(words, own, theirs, right, where)
  local names =
    set_of(M.objects(theirs), M.stated("database", theirs, right), { text(theirs.id) and theirs.id:lower() })
  local domains = M.stated("domain", theirs, right)
  for _, entry in ipairs(words) do
    local field, word = entry[1], entry[2]
    local hit = names[word]
    for _, domain in ipairs(is_within(word, own.domain) and {} or domains) do
      hit = hit or is_within(word, domain)
    end
    if hit and not (field == "domain" or field == "overrides.database" or field == "id") then
      local message = "%s names %s, which belongs to %s (%s)"
      local wrong =
        problem(field, message, "correct it; only notes may name another tenant's", field, entry[3], theirs.name, where)
      wrong.text = word
      return wrong
    end
  end
end

local function built_conflict(own, mine, theirs, where)
  for _, list in ipairs(M.built(theirs)) do
    for _, name in ipairs(list) do
      if mine[name] then
        return problem(
          "name",
          "name '%s' leads to %s, which %s has, too (%s)",
          "choose another name for one of the two tenants",
          own.name,
          name,
          theirs.name,
          where
        )
      end
    end
  end
end

local function shared_conflict(own, platform)
  local kubernetes = platform.kubernetes
  for _, name in ipairs { kubernetes.postgres_secret, kubernetes.vault_secret, kubernetes.ingress_service.name } do
    if built.is_object(own, name) then
      return problem("name", "name '%s' leads to %s, which belongs to the platform", nil, own.name, name)
    end
  end
end

--- Why a tenant may not have what it claims, or nil.
---@param own table of identity
---@param platform table platform.yaml
---@param file table the tenant's file
---@param others {tenant: string, file: table, where: string}[] the other tenants that may have the same (stdlib.survey)
---@param hosts table of M.hosts
---@return {message: string, hint: string?, field: string, text: string?}|nil problem field: of the file, such as
---  "overrides.database"; text: what of the field is wrong
---@return string[] notes what is wrong with other files that claim what is this tenant's
function M.problem(own, platform, file, others, hosts)
  local notes = {}
  local wrong = domain_problem(own, platform, hosts)
    or database_problem(own, platform, file)
    or shared_conflict(own, platform)
  if wrong or #others == 0 then return wrong, notes end
  local own_right, words = M.rights(own.name, platform, file), words_of(file)
  local mine = set_of(table.unpack(M.built(own)))
  for _, other in ipairs(others) do
    local theirs, right = M.identity(other.tenant, platform, other.file), M.rights(other.tenant, platform, other.file)
    for _, what in ipairs { "domain", "database" } do
      local conflict, note = stated_conflict(what, own, own_right, theirs, right, other)
      if conflict then return conflict, notes end
      notes[#notes + 1] = note
    end
    wrong = mention_conflict(words, own, theirs, right, other.where) or built_conflict(own, mine, theirs, other.where)
    if wrong then return wrong, notes end
  end
  return nil, notes
end

return M

--- All tenants of the platform at once: who has which name. A tenant is then compared with those few that may have what
--- it claims, and not with all, so that the work for all tenants grows as their number does.

local built = require "stdlib.built"
local claims = require "stdlib.claims"
local platform_file = require "stdlib.platform_file"

local M = {}

local function text(value) return type(value) == "string" and value or nil end

-- Notes a tenant's position below a key: the position, or a list of them where there are several. Most keys have one.
---@return integer|integer[]|nil others that were there before
local function note(index, key, position)
  local there = index[key]
  if not there then
    index[key] = position
  elseif type(there) ~= "table" then
    if there == position then return nil end
    index[key] = { there, position }
  elseif there[#there] ~= position then
    there[#there + 1] = position
  end
  return there
end

-- The other tenants: those that have a file, and those that only platform.yaml lists.
local function with_listed(files, platform)
  local all, seen = table.move(files, 1, #files, 1, {}), {}
  for _, other in ipairs(files) do
    seen[other.tenant] = true
  end
  for _, list in ipairs { platform.custom_domains or {}, platform.database.legacy or {} } do
    for name in pairs(list) do
      if type(name) == "string" and not seen[name] then
        seen[name] = true
        all[#all + 1] = { tenant = name, file = {}, where = "platform.yaml" }
      end
    end
  end
  return all
end

-- Notes a name that platform.yaml's patterns make: others may have the same, or an object of that name.
local function note_made(survey, name, position)
  note(survey.names, name, position)
  built.each_tenant(name, function(tenant) note(survey.twins, tenant, position) end)
end

-- Everything by which another tenant's text or name may meet this one's. The names that are built from a tenant's own
-- are not noted: they lead back to it.
local function note_claims(survey, other, platform, position)
  local identity = claims.identity(other.tenant, platform, other.file)
  local right = claims.rights(other.tenant, platform, other.file)
  for _, stated in ipairs(claims.stated("domain", identity, right)) do
    local domain = claims.folded(stated)
    note(survey.domains, domain, position)
    claims.each_above(domain, function(higher) note(survey.below, higher, position) end)
  end
  for _, database in ipairs(claims.stated("database", identity, right)) do
    note(survey.names, database, position)
    note(survey.names, database:lower(), position)
  end
  local id = text(identity.id)
  if id then note(survey.names, id:lower(), position) end
  note_made(survey, identity.data_pvc, position)
  note_made(survey, identity.vault_path, position)
  survey.positions[other.tenant] = position
end

--- Notes what all tenants claim.
---@param platform table platform.yaml
---@param files {tenant: string, name: any, id: any, file: table, where: string}[] tenant: the name of the file;
---  name and id: what it says
---@return table survey
function M.of(platform, files)
  local survey = { names = {}, twins = {}, domains = {}, below = {}, stated = {}, positions = {} }
  survey.nobodys = {} -- words that were looked for and lead to no tenant: many files have the same
  survey.problem = platform_file.problem(platform)
  survey.hosts = not survey.problem and claims.hosts(platform) or nil
  survey.tenants = survey.problem and files or with_listed(files, platform)
  for position, other in ipairs(survey.tenants) do
    local name, id = text(other.name), text(other.id)
    if name then note(survey.stated, name, position) end
    if id then note(survey.stated, id, position) end
    if not survey.problem then note_claims(survey, other, platform, position) end
  end
  return survey
end

-- The tenants at these positions but the own one, in the order of their files.
local function at(survey, found, own)
  local list = {}
  for position in pairs(found) do
    local other = survey.tenants[position]
    if other.tenant ~= own then list[#list + 1] = other end
  end
  return list
end

local function gather(found, noted)
  if type(noted) ~= "table" then
    if noted then found[noted] = true end
    return
  end
  for _, position in ipairs(noted) do
    found[position] = true
  end
end

--- The other tenants whose files state a tenant's name or id.
---@param survey table of M.of
---@param name string
---@param id any
---@return table[] others
function M.namesakes(survey, name, id)
  local found = {}
  gather(found, survey.stated[name])
  gather(found, survey.stated[text(id) or name])
  return at(survey, found, name)
end

-- Those that have a name which is built from a tenant's: each is found from both sides.
local function gather_twins(survey, found, own)
  local positions = survey.positions
  local function add(tenant) gather(found, positions[tenant]) end
  built.each_twin(own.name, add)
  gather(found, survey.twins[own.name])
  for _, name in ipairs { own.data_pvc, own.vault_path } do
    gather(found, survey.names[name])
    built.each_tenant(name, add)
  end
end

--- The other tenants that may have what a tenant claims, or claim what it has.
---@param survey table of M.of
---@param own table of claims.identity
---@param file table the tenant's file
---@param words string[]? all words of the file that may be names
---@return table[] others
function M.near(survey, own, file, words)
  local found, domain, names, domains = {}, claims.folded(own.domain), survey.names, survey.domains
  local positions, nobodys, met = survey.positions, survey.nobodys, false
  local function meet(noted)
    met = met or noted ~= nil
    gather(found, noted)
  end
  local function is_of(host) meet(domains[host]) end
  local function has(tenant) meet(positions[tenant]) end
  local function look_for(word)
    if nobodys[word] then return end
    met = false
    meet(names[word])
    built.each_tenant(word, has)
    is_of(word)
    claims.each_above(word, is_of)
    nobodys[word] = not met or nil
  end
  is_of(domain)
  claims.each_above(domain, is_of)
  gather(found, survey.below[domain])
  gather(found, names[own.database:lower()])
  gather_twins(survey, found, own)
  if not words then claims.each_word(file, look_for) end
  for _, word in ipairs(words or {}) do
    look_for(word)
  end
  return at(survey, found, own.name)
end

return M

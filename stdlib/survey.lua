--- All tenants of the platform at once: who has which name. A tenant is then compared with those few that may have what
--- it claims, and not with all, so that the work for all tenants grows as their number does.

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

-- Calls visit for each domain above a domain: "b.c" and "c" of "a.b.c".
local function each_above(domain, visit)
  local dot = domain:find(".", 1, true)
  while dot do
    visit(domain:sub(dot + 1))
    dot = domain:find(".", dot + 1, true)
  end
end

-- Notes a name, and for each of those that have it that it is shared.
local function note_name(survey, name, position)
  local there = note(survey.names, name, position)
  if not there then return end
  local shared = survey.shared
  shared[position] = shared[position] or {}
  shared[position][name] = true
  if type(there) ~= "table" then
    shared[there] = shared[there] or {}
    shared[there][name] = true
  end
end

-- Everything by which another tenant's text or name may meet this one's.
local function note_claims(survey, other, platform, position)
  local identity = claims.identity(other.tenant, platform, other.file)
  local right = claims.rights(other.tenant, platform, other.file)
  for _, stated in ipairs(claims.stated("domain", identity, right)) do
    local domain = claims.folded(stated)
    note(survey.domains, domain, position)
    each_above(domain, function(higher) note(survey.below, higher, position) end)
  end
  for _, database in ipairs(claims.stated("database", identity, right)) do
    note_name(survey, database, position)
    note_name(survey, database:lower(), position)
  end
  local id = text(identity.id)
  if id then note_name(survey, id:lower(), position) end
  for _, list in ipairs(claims.built(identity)) do
    for _, name in ipairs(list) do
      note_name(survey, name, position)
    end
  end
  survey.positions[other.tenant] = position
end

--- Notes what all tenants claim.
---@param platform table platform.yaml
---@param files {tenant: string, name: any, id: any, file: table, where: string}[] tenant: the name of the file;
---  name and id: what it says
---@return table survey
function M.of(platform, files)
  local survey = { names = {}, shared = {}, domains = {}, below = {}, stated = {}, positions = {} }
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

-- Those that have a name which a tenant has: known since all names were noted, if it was among them.
local function gather_shared(survey, found, own)
  local position = survey.positions[own.name]
  if position then
    for name in pairs(survey.shared[position] or {}) do
      gather(found, survey.names[name])
    end
    return
  end
  for _, list in ipairs(claims.built(own)) do
    for _, name in ipairs(list) do
      gather(found, survey.names[name])
    end
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
  local function is_of(host) gather(found, domains[host]) end
  local function look_for(word)
    gather(found, names[word])
    is_of(word)
    each_above(word, is_of)
  end
  is_of(domain)
  each_above(domain, is_of)
  gather(found, survey.below[domain])
  gather(found, names[own.database:lower()])
  gather_shared(survey, found, own)
  if not words then claims.each_word(file, look_for) end
  for _, word in ipairs(words or {}) do
    look_for(word)
  end
  return at(survey, found, own.name)
end

return M

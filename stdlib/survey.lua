--- All tenants of the platform at once: who has which name. A tenant is then compared with those few that may have what
--- it claims, and not with all, so that the work for all tenants grows as their number does.

local claims = require "stdlib.claims"
local platform_file = require "stdlib.platform_file"

local M = {}

local function text(value) return type(value) == "string" and value or nil end

local function note(index, key, position)
  local list = index[key]
  if not list then
    index[key] = { position }
  elseif list[#list] ~= position then
    list[#list + 1] = position
  end
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

-- The domains above a domain: "b.c" and "c" of "a.b.c".
local function above(domain)
  local list, dot = {}, domain:find(".", 1, true)
  while dot do
    list[#list + 1] = domain:sub(dot + 1)
    dot = domain:find(".", dot + 1, true)
  end
  return list
end

local function note_domain(survey, domain, position)
  domain = claims.folded(domain)
  note(survey.domains, domain, position)
  for _, higher in ipairs(above(domain)) do
    note(survey.below, higher, position)
  end
end

-- Everything by which another tenant's text or name may meet this one's.
local function note_claims(survey, theirs, position)
  for _, domain in ipairs(claims.stated("domain", theirs.identity, theirs.right)) do
    note_domain(survey, domain, position)
  end
  for _, database in ipairs(claims.stated("database", theirs.identity, theirs.right)) do
    note(survey.names, database, position)
    note(survey.names, database:lower(), position)
  end
  local id = text(theirs.identity.id)
  if id then note(survey.names, id:lower(), position) end
  survey.built[theirs.identity.name] = claims.built(theirs.identity)
  for _, list in ipairs(survey.built[theirs.identity.name]) do
    for _, name in ipairs(list) do
      note(survey.names, name, position)
    end
  end
end

--- Notes what all tenants claim.
---@param platform table platform.yaml
---@param files {tenant: string, name: any, id: any, file: table, where: string}[] tenant: the name of the file;
---  name and id: what it says
---@return table survey
function M.of(platform, files)
  local survey =
    { problem = platform_file.problem(platform), names = {}, domains = {}, below = {}, stated = {}, built = {} }
  survey.hosts = not survey.problem and claims.hosts(platform) or nil
  survey.tenants = survey.problem and files or with_listed(files, platform)
  for position, other in ipairs(survey.tenants) do
    for _, stated in ipairs { text(other.name) or false, text(other.id) or false } do
      if stated then note(survey.stated, stated, position) end
    end
    if not survey.problem then
      local theirs = {
        identity = claims.identity(other.tenant, platform, other.file),
        right = claims.rights(other.tenant, platform, other.file),
      }
      note_claims(survey, theirs, position)
    end
  end
  return survey
end

-- The tenants at these positions but the own one, in the order of their files.
local function at(survey, found, own)
  local positions, list = {}, {}
  for position in pairs(found) do
    positions[#positions + 1] = position
  end
  table.sort(positions)
  for _, position in ipairs(positions) do
    local other = survey.tenants[position]
    if other.tenant ~= own then list[#list + 1] = other end
  end
  return list
end

local function gather(found, positions)
  for _, position in ipairs(positions or {}) do
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

--- The other tenants that may have what a tenant claims, or claim what it has.
---@param survey table of M.of
---@param own table of claims.identity
---@param file table the tenant's file
---@return table[] others
function M.near(survey, own, file)
  local found, domain = {}, claims.folded(own.domain)
  local function within(host)
    gather(found, survey.domains[host])
    for _, higher in ipairs(above(host)) do
      gather(found, survey.domains[higher])
    end
  end
  within(domain)
  gather(found, survey.below[domain])
  gather(found, survey.names[own.database:lower()])
  for _, list in ipairs(survey.built[own.name] or claims.built(own)) do
    for _, name in ipairs(list) do
      gather(found, survey.names[name])
    end
  end
  claims.each_word(file, function(word)
    gather(found, survey.names[word])
    within(word)
  end)
  return at(survey, found, own.name)
end

return M

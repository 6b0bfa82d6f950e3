--- Naming backwards: which tenant does a name belong to? Only whole names that the platform makes are known: newclient
--- and newclient-sbx are two tenants, and grafana.embrix.com is none.

local claims = require "stdlib.claims"
local naming = require "stdlib.naming"

local M = {}

local ANY <const> = { name = "{tenant}" }

-- The tenant in a name that a pattern such as "coredb-{tenant}" made.
local function inside(pattern, name)
  local before, after = pattern:match "^(.-){tenant}(.*)$"
  if not before or #name <= #before + #after then return nil end
  if name:sub(1, #before) ~= before or name:sub(#name - #after + 1) ~= after then return nil end
  local tenant = name:sub(#before + 1, #name - #after)
  return not naming.tenant_name_problem(tenant) and tenant or nil
end

local function inside_any(patterns, name)
  for _, pattern in ipairs(patterns) do
    local tenant = inside(pattern, name)
    if tenant then return tenant end
  end
end

local function of_database(name, platform)
  if name == platform.database.control then return nil end
  for tenant, legacy in pairs(platform.database.legacy or {}) do
    if legacy == name then return tenant end
  end
  return inside(naming.fill(platform.database.name, { domain = platform.domain }), name)
end

local function of_domain(name, platform)
  local domain = claims.folded(platform.domain)
  return inside_any({ "api.{tenant}." .. domain, "*.{tenant}." .. domain }, claims.folded(name))
end

local function of_file(path) return inside_any(claims.files(ANY), path) or inside_any(claims.folders(ANY), path) end

-- An id that the registry does not have stands for its tenant.
local function of_queue(name, _, ids)
  local id = name:match "^([^.]+)%."
  return naming.is_tenant_id(id) and (ids[id] or id) or nil
end

local function itself(name) return name end

local OF <const> = {
  ["pg.database"] = of_database,
  ["pg.row"] = itself,
  ["vault.secret"] = itself,
  ["k8s.object"] = itself, -- the value of the label
  ["dns.record"] = of_domain,
  ["file.text"] = of_file,
  ["file.section"] = itself,
  ["broker.queue"] = of_queue,
}

--- The tenant that a name belongs to.
---@param kind string of the effect, such as "pg.database"
---@param name string
---@param platform table platform.yaml
---@param ids table<string, string> tenants by their ids
---@return string? tenant its name, or its id if nothing else is known; nil: the name is no tenant's
function M.of(kind, name, platform, ids) return OF[kind] and OF[kind](name, platform, ids) end

-- The folders in which each tenant has a file or a folder of its own.
local function parents()
  local folders, seen = {}, {}
  for _, list in ipairs { claims.files(ANY), claims.folders(ANY) } do
    for _, path in ipairs(list) do
      local parent = path:match "^([^{]*/)[^/]*{tenant}"
      if parent and not seen[parent] then folders[#folders + 1] = parent end
      seen[parent or ""] = true
    end
  end
  table.sort(folders)
  return folders
end

--- Where names of all tenants are, for one who only reads names.
---@param platform table platform.yaml
---@param inventory string the file with a section for each tenant
---@param readable string[] folders of the tree
---@return table places grants by module, as platform.grants has them, and `places`
function M.places(platform, inventory, readable)
  return {
    pg = { control = platform.database.control, admin = "postgres" },
    sslmode = platform.database.sslmode,
    vault = { "tenant/" },
    dns = { claims.folded(platform.domain) },
    files = { read = readable, write = {} },
    places = {
      registry = { table = "core_config.tenant", id = "id", name = "name", status = "status" },
      namespaces = { platform.namespace, platform.monitoring.namespace },
      label = "tenant",
      queues = naming.TENANT_ID.prefix,
      folders = parents(),
      sections = { path = inventory, heading = "^## (%S+) %(" },
    },
  }
end

return M

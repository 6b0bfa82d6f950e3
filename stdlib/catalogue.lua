--- The services of the platform: their resources, replicas, dependencies and start order
--- (guide: "Service Architecture per Tenant", Appendix A).

local M = {}

local SMALL = { limits = { cpu = "1000m", memory = "2Gi" }, requests = { cpu = "500m", memory = "1Gi" } }
local MEDIUM = { limits = { cpu = "2000m", memory = "4Gi" }, requests = { cpu = "1000m", memory = "2Gi" } }
local LARGE = { limits = { cpu = "4000m", memory = "8Gi" }, requests = { cpu = "2000m", memory = "4Gi" } }

local GATEWAYS = { "payment-gateway", "tax-gateway", "finance-gateway", "provision-gateway", "crm-gateway" }

-- In the guide's order. replicas = { min, max }. depends = Appendix A without databases and other servers.
-- batch-process and jobs-common are not in the appendix: they process the output of billing and revenue.
local SERVICES = {
  { name = "service-sso", replicas = { 2, 2 }, resources = SMALL, depends = {} },
  {
    name = "service-transactional",
    replicas = { 2, 4 },
    resources = MEDIUM,
    depends = { "service-sso", table.unpack(GATEWAYS) },
  },
  {
    name = "service-billing",
    replicas = { 2, 3 },
    resources = MEDIUM,
    depends = { "service-transactional", "service-usage" },
  },
  {
    name = "service-invoice",
    replicas = { 2, 3 },
    resources = MEDIUM,
    depends = { "service-billing", "finance-gateway" },
  },
  {
    name = "service-payment",
    replicas = { 2, 4 },
    resources = MEDIUM,
    depends = { "service-billing", "payment-gateway", "finance-gateway" },
  },
  {
    name = "service-revenue",
    replicas = { 2, 2 },
    resources = SMALL,
    depends = { "service-invoice", "finance-gateway" },
  },
  { name = "service-usage", replicas = { 2, 4 }, resources = LARGE, depends = { "service-transactional" } },
  { name = "service-mediation", replicas = { 2, 3 }, resources = MEDIUM, depends = { "service-usage" } },
  {
    name = "batch-process",
    replicas = { 2, 2 },
    resources = SMALL,
    depends = { "service-revenue", "service-payment", "service-mediation" },
  },
  {
    name = "jobs-common",
    replicas = { 2, 2 },
    resources = SMALL,
    depends = { "service-revenue", "service-payment", "service-mediation" },
  },
  { name = "service-proxy", replicas = { 3, 5 }, resources = MEDIUM, depends = "core" },
  { name = "payment-gateway", replicas = { 2, 4 }, resources = SMALL, depends = {} },
  { name = "tax-gateway", replicas = { 2, 4 }, resources = SMALL, depends = {} },
  { name = "finance-gateway", replicas = { 2, 4 }, resources = SMALL, depends = {} },
  { name = "provision-gateway", replicas = { 2, 4 }, resources = SMALL, depends = {} },
  { name = "crm-gateway", replicas = { 2, 4 }, resources = SMALL, depends = {} },
}

local NAMES, by_name = {}, {}
for i, service in ipairs(SERVICES) do
  NAMES[i] = service.name
  service.gateway = service.name:find("%-gateway$") ~= nil
  by_name[service.name] = service
end

-- "core" stands for all other services that are not gateways.
local function dependencies(service)
  if service.depends ~= "core" then return service.depends end
  local names = {}
  for _, other in ipairs(SERVICES) do
    if not other.gateway and other ~= service then names[#names + 1] = other.name end
  end
  return names
end

local function level_of(name, levels, path)
  if levels[name] then return levels[name] end
  for _, seen in ipairs(path) do
    if seen == name then
      error("catalogue: services depend on each other: " .. table.concat(path, " → ") .. " → " .. name)
    end
  end
  path[#path + 1] = name
  local level = 1
  for _, needed in ipairs(dependencies(by_name[name])) do
    if not by_name[needed] then error(("catalogue: %s depends on %s, which is not a service"):format(name, needed)) end
    level = math.max(level, level_of(needed, levels, path) + 1)
  end
  path[#path] = nil
  levels[name] = level
  return level
end

--- Every service, in the guide's order: core first, then gateways.
---@return table[] services { name, gateway, replicas = { min, max }, resources, depends }
function M.all() return SERVICES end

--- The services that are gateways to providers.
---@return table[] services
function M.gateways()
  local list = {}
  for _, service in ipairs(SERVICES) do
    if service.gateway then list[#list + 1] = service end
  end
  return list
end

--- One service by name.
---@param name string
---@return table|nil service as in M.all; nil if there is no such service
function M.find(name) return by_name[name] end

--- The names of all services.
---@return string[]
function M.names() return table.move(NAMES, 1, #NAMES, 1, {}) end

--- The start order. Services of one wave depend only on services of earlier waves, so they can start side by side.
---@return string[][] waves names of services
function M.waves()
  local levels, waves = {}, {}
  for _, service in ipairs(SERVICES) do
    local level = level_of(service.name, levels, {})
    waves[level] = waves[level] or {}
    table.insert(waves[level], service.name)
  end
  return waves
end

return M

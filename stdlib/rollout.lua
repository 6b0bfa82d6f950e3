--- Deploying to one tenant: an image tag, or what the tree says, in waves, each healthy before the next. What fails
--- takes everything back that was deployed with it.

local files = require "o2x.files"
local health = require "stdlib.health"
local helm = require "o2x.helm"
local helm_values = require "o2x.helm_values"
local maintenance = require "stdlib.maintenance.note"
local naming = require "stdlib.naming"
local services = require "stdlib.services"
local yaml = require "o2x.yaml"

local M = {}

-- ---- what is meant ----

-- Customisation level 4: a tenant, or one of its services, stays at a tag of its own.
local function pin(tenant, service) return tenant.pins[service] or tenant.image end

local function split_pinned(tenant, chosen, image)
  local free, pinned = {}, {}
  for _, service in ipairs(chosen) do
    local tag = pin(tenant, service)
    if image and tag and tag ~= image then
      pinned[#pinned + 1] = service
    else
      free[#free + 1] = service
    end
  end
  return free, pinned
end

local function check_chart(service, wanted)
  local path = naming.chart(service) .. "/Chart.yaml"
  local version = yaml.decode(files.read(path)).version
  if version ~= wanted then
    invalid(
      ("chart=%s, but %s is version %s"):format(wanted, path, version),
      "check the tree out at that version, or name services="
    )
  end
end

-- What a service is before the deployment: its revision and its values file, to which a failure goes back.
local function note(tenant, service)
  local path = naming.values_file(tenant.name, service)
  if not files.exists(path) then
    invalid("there is no " .. path, ("o2x run onboard %s makes it"):format(tenant.name))
  end
  local status = helm.status(naming.resource(tenant, service))
  local text = files.read(path)
  return { revision = status and status.revision, text = text, tag = helm_values.parse(text, path):get("image.tag") }
end

local function notes(tenant, chosen)
  local found, noted = parallel.each(chosen, function(service) return note(tenant, service) end, { limit = 4 }), {}
  for i, service in ipairs(chosen) do
    noted[service] = found[i]
  end
  return noted
end

local function repair(tenant, chosen)
  parallel.each(chosen, function(service) helm.repair(naming.resource(tenant, service)) end, { limit = 4 })
end

-- ---- there ----

local function write_values(tenant, service, image, noted)
  if not image then return end
  local path = naming.values_file(tenant.name, service)
  files.ensure(path, helm_values.parse(noted.text, path):set("image.tag", image):text())
end

local function release(tenant, service)
  return health.try(helm.ensure_release, naming.resource(tenant, service), {
    chart = naming.chart(service),
    values = naming.values_file(tenant.name, service),
    namespace = tenant.namespace,
    wait = false,
  })
end

local function deploy(tenant, service, params, noted)
  write_values(tenant, service, params.image, noted)
  local result = step("Release", release, tenant, service)
  if result.ok then result = step("Become healthy", health.wait, tenant, service, params.timeout) end
  return result
end

-- ---- and back ----

local function undo(tenant, service, noted)
  local name = naming.resource(tenant, service)
  if noted.revision then
    helm.rollback(name, noted.revision, { wait = false })
  else
    helm.remove_release(name, tenant.namespace)
  end
  files.ensure(naming.values_file(tenant.name, service), noted.text)
end

local function take_back(tenant, done, noted)
  services.each(services.reverse_waves(done), function(service) undo(tenant, service, noted[service]) end)
end

local function has_failed(results)
  for _, result in pairs(results) do
    if not result.ok then return true end
  end
  return false
end

-- Deploys wave by wave until one has a failure. -> results by service, the services that were begun
local function waves(tenant, chosen, params, noted)
  local results = services.each(
    services.waves(chosen),
    function(service) return deploy(tenant, service, params, noted[service]) end,
    has_failed
  )
  local begun = {}
  for service in pairs(results) do
    begun[#begun + 1] = service
  end
  return results, begun, has_failed(results)
end

local function report(tenant, chosen, pinned, params, noted, results, failed)
  local rows, troubles = {}, {}
  for _, service in ipairs(chosen) do
    local result = results[service]
    local state = not result and "not begun"
      or not failed and "deployed"
      or result.ok and "taken back"
      or "failed, taken back"
    local was = noted[service].tag
    rows[#rows + 1] = { service = service, was = was, image = params.image or was, state = state }
    if result and not result.ok then troubles[#troubles + 1] = service .. ": " .. result.why end
  end
  for _, service in ipairs(pinned) do
    local tag = pin(tenant, service)
    rows[#rows + 1] = { service = service, was = tag, image = tag, state = "pinned: left alone" }
  end
  output { columns = { "service", "was", "image", "state" }, rows = rows }
  return troubles
end

--- Deploys to a tenant.
---@param tenant table
---@param params { image: string?, chart: string?, services: string[]?, timeout: integer }
function M.run(tenant, params)
  maintenance.refuse(tenant, "deploy")
  local chosen, pinned = split_pinned(tenant, (services.choose(params.services)), params.image)
  for _, service in ipairs(pinned) do
    log(("%s is pinned to %s in tenants/%s.yaml: left alone"):format(service, pin(tenant, service), tenant.name))
  end
  for _, service in ipairs(params.chart and chosen or {}) do
    check_chart(service, params.chart)
  end
  step("Repair what was left pending", repair, tenant, chosen)
  local noted = step("Note what is there", notes, tenant, chosen)
  local results, begun, failed = waves(tenant, chosen, params, noted)
  if failed then step("Take it back", take_back, tenant, begun, noted) end
  local troubles = report(tenant, chosen, pinned, params, noted, results, failed)
  if failed then
    fail(
      ("%s; everything that was deployed went back to its own revision"):format(table.concat(troubles, "; ")),
      "when the cause is mended, begin anew: o2x run deploy " .. tenant.name
    )
  end
end

return M

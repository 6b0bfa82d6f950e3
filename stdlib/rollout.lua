--- Deploys an image tag, or the tree as it is, to one tenant. Goes in waves, each healthy before the next. If a service
--- fails, everything that was deployed with it is rolled back.

local charts = require "stdlib.charts"
local files = require "o2x.files"
local health = require "stdlib.health"
local helm = require "o2x.helm"
local helm_values = require "o2x.helm_values"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local services = require "stdlib.services"

local M = {}

-- ---- before the deployment ----

-- Customisation level 4: a tenant, or one of its services, has its own image tag.
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

local function check_chart(tenant, service, wanted)
  local version, path = charts.version(tenant, service)
  if version ~= wanted then
    invalid(
      ("chart=%s, but %s is version %s"):format(wanted, path, version or "unknown"),
      "check out the tree at that version, or select services="
    )
  end
end

-- Before anything is written: a plan says it in the same words.
local function need_chart(tenant, service)
  local path = charts.missing(tenant, service)
  if path then invalid("there is no such chart", charts.WHERE, path) end
end

-- A service's revision and values file before the deployment, to roll back to.
local function previous_state(tenant, service)
  local path = naming.values_file(tenant.name, service)
  if not files.exists(path) then
    invalid("there is no " .. path, ("o2x run onboard %s creates it"):format(tenant.name))
  end
  local status = helm.status(naming.resource(tenant, service))
  local text = files.read(path)
  return { revision = status and status.revision, text = text, tag = helm_values.parse(text, path):get("image.tag") }
end

local function previous_states(tenant, chosen)
  local states = parallel.each(chosen, function(service) return previous_state(tenant, service) end, { limit = 4 })
  local previous = {}
  for i, service in ipairs(chosen) do
    previous[service] = states[i]
  end
  return previous
end

local function repair(tenant, chosen)
  parallel.each(chosen, function(service) helm.repair(naming.resource(tenant, service)) end, { limit = 4 })
end

-- ---- the deployment ----

local function with_image(path, image, previous)
  return image and helm_values.parse(previous.text, path):set("image.tag", image):text() or previous.text
end

local function write_values(tenant, service, image, previous)
  if not image then return end
  local path = naming.values_file(tenant.name, service)
  files.ensure(path, with_image(path, image, previous))
end

local function release(tenant, service)
  local o = charts.of(tenant, service)
  o.values, o.namespace, o.wait = naming.values_file(tenant.name, service), tenant.namespace, false
  return health.try(helm.ensure_release, naming.resource(tenant, service), o)
end

local function deploy(tenant, service, params, previous)
  write_values(tenant, service, params.image, previous)
  local result = step("Release", release, tenant, service)
  if result.ok then result = step("Wait until healthy", health.wait, tenant, service, params.timeout) end
  return result
end

-- ---- rolling back ----

-- What somebody else wrote into the values file since stays.
local function restore_values(tenant, service, image, previous)
  local path = naming.values_file(tenant.name, service)
  local now = files.read(path)
  if now == with_image(path, image, previous) then return files.ensure(path, previous.text) end
  if now ~= previous.text then log(("%s stays as it is: somebody else has changed it since"):format(path)) end
end

local function roll_back(tenant, service, image, previous)
  local name = naming.resource(tenant, service)
  if previous.revision then
    helm.rollback(name, previous.revision, { wait = false })
  else
    helm.remove_release(name, tenant.namespace)
  end
  restore_values(tenant, service, image, previous)
end

local function roll_back_all(tenant, started, image, previous)
  services.each(
    services.reverse_waves(started),
    function(service) roll_back(tenant, service, image, previous[service]) end
  )
end

local function has_failed(results)
  for _, result in pairs(results) do
    if not result.ok then return true end
  end
  return false
end

-- Deploys wave by wave until a service fails. -> results by service, the services that were started, whether one failed
local function waves(tenant, chosen, params, previous)
  local results = services.each(
    services.waves(chosen),
    function(service) return deploy(tenant, service, params, previous[service]) end,
    { is_over = has_failed }
  )
  local started = {}
  for service in pairs(results) do
    started[#started + 1] = service
  end
  return results, started, has_failed(results)
end

local function report(tenant, chosen, pinned, params, previous, results, failed)
  local rows, problems = {}, {}
  for _, service in ipairs(chosen) do
    local result = results[service]
    local state = not result and "not started"
      or not failed and "deployed"
      or result.ok and "rolled back"
      or "failed, rolled back"
    local was = previous[service].tag
    rows[#rows + 1] = { service = service, was = was, image = params.image or was, state = state }
    if result and not result.ok then problems[#problems + 1] = service .. ": " .. result.why end
  end
  for _, service in ipairs(pinned) do
    local tag = pin(tenant, service)
    rows[#rows + 1] = { service = service, was = tag, image = tag, state = "pinned" }
  end
  output { columns = { "service", "was", "image", "state" }, rows = rows }
  return problems
end

-- The command with the words that it had.
local function again(tenant, params)
  local words = { "o2x run deploy", tenant.name }
  if params.services then words[#words + 1] = "services=" .. table.concat(params.services, ",") end
  for _, name in ipairs { "image", "chart" } do
    if params[name] then words[#words + 1] = ("%s=%s"):format(name, params[name]) end
  end
  words[#words + 1] = "--confirm=" .. tenant.name
  return table.concat(words, " ")
end

--- Deploys to a tenant. An input error if a values file is missing or a chart has another version; fails after the
--- rollback if a service does not become healthy.
---@param tenant table
---@param params { image: string?, chart: string?, services: string[]?, timeout: integer }
--- image: tag; chart: required version; timeout: seconds for one service
function M.run(tenant, params)
  maintenance.refuse(tenant, "deploy")
  local chosen, pinned = split_pinned(tenant, (services.choose(params.services)), params.image)
  for _, service in ipairs(pinned) do
    log(("%s is skipped: tenants/%s.yaml pins it to %s"):format(service, tenant.name, pin(tenant, service)))
  end
  for _, service in ipairs(chosen) do
    need_chart(tenant, service)
    if params.chart then check_chart(tenant, service, params.chart) end
  end
  step("Repair pending releases", repair, tenant, chosen)
  local previous = step("Save the current state", previous_states, tenant, chosen)
  local results, started, failed = waves(tenant, chosen, params, previous)
  if failed then step("Roll back", roll_back_all, tenant, started, params.image, previous) end
  local problems = report(tenant, chosen, pinned, params, previous, results, failed)
  if failed then
    fail(
      ("%s; everything that was deployed is back on its own revision, so a resumed run fails again"):format(
        table.concat(problems, "; ")
      ),
      ("fix the cause, then start again: %s"):format(again(tenant, params))
    )
  end
end

return M

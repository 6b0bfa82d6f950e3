--- Rollback (guide: "Rollback Deployment"): each release to its own revision, dependants first. The guide uses one
--- number for all releases, but a revision belongs to its release.

local clock = require "o2x.clock"
local health = require "stdlib.health"
local helm = require "o2x.helm"
local maintenance = require "stdlib.maintenance.status"
local naming = require "stdlib.naming"
local runs = require "o2x.runs"
local services = require "stdlib.services"
local text = require "o2x.text"
local values = require "stdlib.values"

local M = {}

-- ---- choosing the revisions ----

-- "90m" ago, or an ISO 8601 time with its offset.
local function time_of(to)
  local seconds = text.parse_duration(to)
  if seconds then return clock.now() - seconds end
  local ok, time = pcall(clock.parse, to)
  return ok and time
    or invalid(
      ("to=%s is not a revision, a run or a time"):format(to),
      "a revision of one service (to=3), a run (to=R-20261123-…), a time (to=2026-11-23T07:00:00Z) or an age (to=2h)"
    )
end

local function to_revision(revision)
  return function(name)
    return helm.at(name, revision)
      or invalid(("release %s has no revision %d"):format(name, revision), "helm history " .. name)
  end
end

-- The revision that each release had before a run changed it.
local function to_run(id)
  local run, before = runs.find(id), {}
  for _, effect in ipairs(run.effects) do
    if effect.kind == "helm.release" and effect.outcome ~= "unchanged" and before[effect.key] == nil then
      before[effect.key] = effect.before and effect.before.revision or false
    end
  end
  if next(before) == nil then invalid(("run %s changed no release"):format(run.id)) end
  return function(name)
    if not before[name] then return nil end
    return to_revision(before[name])(name)
  end
end

-- The function that finds the revision to go back to, according to to=.
local function finder(params, chosen, named)
  local to = params.to
  if not to then return helm.previous end
  if to:find("^%d+$") then
    if not named or #chosen ~= 1 then
      invalid(
        ("to=%s: a revision belongs to one release, but several services are selected"):format(to),
        "name one: services=service-billing to=" .. to
      )
    end
    return to_revision(math.tointeger(tonumber(to)))
  end
  if to:find("^R%-") then return to_run(to) end
  local time = time_of(to)
  return function(name) return helm.before(name, time), "had no good revision at that time" end
end

local function target(name, find)
  local status = helm.status(name)
  if not status then return nil, "has no release" end
  local found, problem = find(name)
  if not found then return nil, problem or "has no earlier revision to go back to" end
  local now = helm.at(name, status.revision)
  return {
    from = status.revision,
    status = status.status,
    to = found.revision,
    image = found.image,
    was = now and now.image,
  }
end

-- The revisions of all services that can go back. It is an error if a service given by name cannot.
local function choose(tenant, params)
  local chosen, named = services.choose(params.services)
  local find = finder(params, chosen, named)
  local targets, list = {}, {}
  local found = parallel.each(chosen, function(service)
    local name = naming.resource(tenant, service)
    local revision, problem = target(name, find)
    if not revision and named then invalid(name .. " " .. problem, "helm history " .. name) end
    return revision or false
  end, { limit = 4 })
  for i, service in ipairs(chosen) do
    if found[i] then
      targets[service], list[#list + 1] = found[i], service
    end
  end
  if #list == 0 then
    local diagnose = "what is wrong: o2x run diagnose " .. tenant.name
    invalid(tenant.name .. " has no release with an earlier revision", diagnose)
  end
  return { targets = targets, services = list }
end

-- ---- rolling back ----

local function tag(image) return image and image:match(":([^:/]+)$") or "?" end

-- Makes the values file match the release, so that the next deployment does not undo the rollback.
local function restore_values(tenant, service, revisions)
  local name = naming.resource(tenant, service)
  local from, to = helm.at(name, revisions.from), helm.at(name, revisions.to)
  if from and to then values.revert(tenant, service, helm.values(from), helm.values(to)) end
end

local function roll_back(tenant, service, revisions, timeout)
  local name, from, to = naming.resource(tenant, service), revisions.from, revisions.to
  log(("%s: %s → %s, revision %d → %d"):format(service, tag(revisions.was), tag(revisions.image), from, to))
  local outcome = step("Roll back", helm.rollback, name, to, { wait = false })
  local result = step("Wait until healthy", health.wait, tenant, service, timeout)
  if result.ok then
    step("Restore the values file", restore_values, tenant, service, revisions)
    return { state = outcome == "unchanged" and "unchanged" or "rolled back" }
  end
  if revisions.status ~= "deployed" then return { state = "failing", why = result.why } end
  log(("%s also fails on revision %d: %s"):format(service, to, result.why))
  step("Return to the current revision", helm.rollback, name, from, { wait = false })
  return { state = "kept", why = result.why }
end

local function report(chosen, results)
  local rows, problems = {}, {}
  for _, service in ipairs(chosen.services) do
    local revisions, result = chosen.targets[service], results[service]
    rows[#rows + 1] = {
      service = service,
      from = revisions.from,
      was = tag(revisions.was),
      to = revisions.to,
      image = tag(revisions.image),
      state = result.state,
    }
    if result.why then
      problems[#problems + 1] = ("%s also fails on revision %d%s (%s)"):format(
        service,
        revisions.to,
        result.state == "kept" and (" and was returned to %d"):format(revisions.from) or "",
        result.why
      )
    end
  end
  output { columns = { "service", "from", "was", "to", "image", "state" }, rows = rows }
  if #problems > 0 then fail(table.concat(problems, "; ")) end
end

--- Rolls services back, dependants first, each to its own revision. An input error if there is no revision to go back
--- to; fails if a service is not healthy on it either.
---@param tenant table
---@param params { services: string[]?, to: string?, timeout: integer }
--- to: revision, run, time or age; default: the previous good revision; timeout: seconds for one service
function M.run(tenant, params)
  maintenance.refuse(tenant, "rollback")
  local chosen = step("Choose the revisions", choose, tenant, params)
  local results = services.each(
    services.reverse_waves(chosen.services),
    function(service) return roll_back(tenant, service, chosen.targets[service], params.timeout) end
  )
  report(chosen, results)
end

return M

--- Going back (guide: "Rollback Deployment"): each release to its own revision, dependants first. The guide uses one
--- number for all releases; a revision belongs to its release.

local clock = require "o2x.clock"
local health = require "stdlib.health"
local helm = require "o2x.helm"
local maintenance = require "stdlib.maintenance.note"
local naming = require "stdlib.naming"
local runs = require "o2x.runs"
local services = require "stdlib.services"
local text = require "o2x.text"
local values = require "stdlib.values"

local M = {}

-- ---- which revision ----

-- "90m" ago, or a moment with its offset.
local function time_of(word)
  local seconds = text.parse_duration(word)
  if seconds then return clock.now() - seconds end
  local ok, time = pcall(clock.parse, word)
  return ok and time
    or invalid(
      ("to=%s is no revision, run or time"):format(word),
      "a revision of one service (to=3), a run (to=R-20261123-…), a time (to=2026-11-23T07:00:00Z), how long ago (to=2h)"
    )
end

local function to_revision(revision)
  return function(name)
    return helm.at(name, revision)
      or invalid(("release %s has no revision %d"):format(name, revision), "helm history " .. name)
  end
end

-- What a run found before its first write to a release.
local function to_run(word)
  local run, before = runs.find(word), {}
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

-- How the revision to go back to is found, by what to= says.
local function finder(params, chosen, named)
  local to = params.to
  if not to then return helm.previous end
  if to:find("^%d+$") then
    if not named or #chosen ~= 1 then
      invalid(
        ("to=%s: a revision belongs to one release, and several services are meant"):format(to),
        "name one: services=service-billing to=" .. to
      )
    end
    return to_revision(math.tointeger(tonumber(to)))
  end
  if to:find("^R%-") then return to_run(to) end
  local time = time_of(to)
  return function(name) return helm.before(name, time), "had no good revision then" end
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

-- The revisions of all services that can go back; a service that was asked for by name must.
local function choose(tenant, params)
  local chosen, named = services.choose(params.services)
  local find = finder(params, chosen, named)
  local targets, list = {}, {}
  local found = parallel.each(chosen, function(service)
    local name = naming.resource(tenant, service)
    local one, problem = target(name, find)
    if not one and named then invalid(name .. " " .. problem, "helm history " .. name) end
    return one or false
  end, { limit = 4 })
  for i, service in ipairs(chosen) do
    if found[i] then
      targets[service], list[#list + 1] = found[i], service
    end
  end
  if #list == 0 then invalid(tenant.name .. " has no release with an earlier revision") end
  return { targets = targets, services = list }
end

-- ---- going there ----

local function tag(image) return image and image:match(":([^:/]+)$") or "?" end

-- The values file says again what the release says, so that the next deployment does not undo this.
local function restore_values(tenant, service, one)
  local name = naming.resource(tenant, service)
  local from, to = helm.at(name, one.from), helm.at(name, one.to)
  if from and to then values.revert(tenant, service, helm.values(from), helm.values(to)) end
end

local function back(tenant, service, one, timeout)
  local name = naming.resource(tenant, service)
  log(("%s: %s → %s, revision %d → that of %d"):format(service, tag(one.was), tag(one.image), one.from, one.to))
  local outcome = step("Go back", helm.rollback, name, one.to, { wait = false })
  local found = step("Become healthy", health.wait, tenant, service, timeout)
  if found.ok then
    step("Restore the values file", restore_values, tenant, service, one)
    return { state = outcome == "unchanged" and "as it was" or "back" }
  end
  if one.status ~= "deployed" then return { state = "failing", why = found.why } end
  log(("%s fails on revision %d, too: %s"):format(service, one.to, found.why))
  step("Put it back where it was", helm.rollback, name, one.from, { wait = false })
  return { state = "put back", why = found.why }
end

local function report(chosen, results)
  local rows, troubles = {}, {}
  for _, service in ipairs(chosen.services) do
    local one, result = chosen.targets[service], results[service]
    rows[#rows + 1] = {
      service = service,
      from = one.from,
      was = tag(one.was),
      to = one.to,
      image = tag(one.image),
      state = result.state,
    }
    if result.why then
      troubles[#troubles + 1] = ("%s fails on revision %d, too%s (%s)"):format(
        service,
        one.to,
        result.state == "put back" and (", and was put back to %d"):format(one.from) or "",
        result.why
      )
    end
  end
  output { columns = { "service", "from", "was", "to", "image", "state" }, rows = rows }
  if #troubles > 0 then fail(table.concat(troubles, "; ")) end
end

--- Takes services back, dependants first, each to its own revision.
---@param tenant table
---@param params { services: string[]?, to: string?, timeout: integer }
function M.run(tenant, params)
  maintenance.refuse(tenant, "rollback")
  local chosen = step("Choose the revisions", choose, tenant, params)
  local results = services.each(
    services.reverse_waves(chosen.services),
    function(service) return back(tenant, service, chosen.targets[service], params.timeout) end
  )
  report(chosen, results)
end

return M

--- Looks ahead within a run: what a unit of its script (unit.lua) would change now. The script is planned once more, in
--- a run of its own with what the journal has until now, up to the end of that unit. Only reads from the systems.

local defer = require "o2x.base.defer"
local errors = require "o2x.base.error"
local memory = require "o2x.engine.memory"
local plan = require "o2x.engine.plan"
local script_order = require "o2x.base.script_order"
local task = require "o2x.base.task"
local undo = require "o2x.engine.undo"

local M = {}

local SEEN <const> = "seen" -- the code of the error that ends a look; no script can catch it

local LISTS <const> = { "effects", "changes", "checks", "problems" }

---@class o2x.ahead
---@field reached boolean did the script come to the unit?
---@field part table a plan of the unit alone
---@field result any what the unit gave
---@field steps string[] the steps that were begun, the unit's own included
---@field members string[] the outermost steps of a parallel
---@field waits_for string? a step that comes before the unit and is not done
---@field problem table? the error that ended the script

local function contents_of(made)
  local known = {}
  for _, name in ipairs(LISTS) do
    for _, item in ipairs(made[name]) do
      known[item] = true
    end
  end
  return known
end

-- What a plan has and is not known.
local function rest_of(made, known)
  local part = plan.new()
  for _, name in ipairs(LISTS) do
    for _, item in ipairs(made[name]) do
      if not known[item] then table.insert(part[name], item) end
    end
  end
  return part
end

-- The last of the steps that must be done before what comes now.
local function first_before(done, place)
  for i = #done, 1, -1 do
    if script_order.precedes(done[i].place, place) then return done[i].path end
  end
end

local function watch(twin, wanted, seen)
  local done = {}
  return function(name, perform, ...)
    if type(name) == "string" then seen.steps[#seen.steps + 1] = name end
    if name ~= wanted then
      local results = table.pack(perform(...))
      if type(name) == "string" then done[#done + 1] = { path = name, place = task.place() } end
      return table.unpack(results, 1, results.n)
    end
    local known, first = contents_of(twin.plan), #seen.steps + 1
    seen.waits_for = first_before(done, task.place())
    seen.result = perform(...)
    seen.reached, seen.part = true, rest_of(twin.plan, known)
    for i = first, #seen.steps do
      if not seen.steps[i]:find("/", 1, true) then table.insert(seen.members, seen.steps[i]) end
    end
    errors.raise { kind = "failed", code = SEEN, final = true, message = "the look ends here" }
  end
end

local function perform(twin)
  local _close <close> = defer(twin.close_clients)
  twin.registration:check()
  if twin.undo then undo.remember_id(twin) end
  twin.runbook.run(twin.tenant, twin.params)
end

--- What a unit would do now.
---@param run table
---@param wanted string|integer the path of a step, or the number of a parallel
---@return o2x.ahead
function M.look(run, wanted)
  local twin = run.plan_again()
  local seen = { steps = {}, members = {}, reached = false }
  twin.id, twin.plan, twin.store = "plan", plan.new(), run.store
  twin.ctx.run_id = run.ctx.run_id
  twin.past = memory.new(run.store:look(run.id))
  twin.watch = watch(twin, wanted, seen)
  local ok, err = xpcall(perform, errors.handler, twin)
  err = not ok and errors.wrap(err) or nil
  if err and err.kind == "cancelled" then error(err, 0) end
  if err and err.code ~= SEEN then seen.problem = err end
  seen.part = seen.part or rest_of(twin.plan, {})
  return seen
end

--- Is there nothing to do, as far as a plan can know?
---@param part table a plan
---@return boolean
function M.is_done(part)
  for _, effect in ipairs(part.effects) do
    if effect.outcome ~= "unchanged" then return false end
  end
  return #part.checks == 0 and #part.problems == 0
end

return M

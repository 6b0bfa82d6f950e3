-- What a plan shows is what a run does, in odd states: in each of the states of tests/support/states.lua each shipped
-- runbook is planned twice, which gives the same to the byte, then run. The run makes the effects that the plan shows,
-- in the same order, with the same values before and after, or meets one of the problems that the plan shows. After a
-- run to a state (not of a deed, such as a backup), a plan shows nothing. Some of all here; with O2X_PLANS=all (make
-- plans) each runbook in each state.

local fits = require "tests.support.fits"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local plan_file = require "o2x.engine.plan_file"
local states = require "tests.support.states"
local value = require "o2x.base.value"

-- The runbooks. settles: what it makes stays so; the next plan is empty.
local ROWS <const> = {
  { "onboard newclient", settles = true },
  { "deploy newclient services=service-sso,tax-gateway" },
  { "deploy newclient services=service-usage image=v2.5.1" },
  { "rollback newclient services=service-sso" },
  { "scale newclient service=service-billing replicas=4 force=true", settles = true },
  { "scale newclient service=service-invoice replicas=2 permanent=true force=true", settles = true },
  { "restart newclient services=service-sso" },
  { "maintenance newclient mode=on" },
  { "maintenance newclient mode=off", settles = true },
  { "cache-clear newclient", settles = true },
  { "vacuum newclient days=0" },
  { "backup newclient" },
  { "backup newclient to={dir}/newclient.dump" },
  { "restore newclient archive={dir}/kept.dump" },
  { "migrations-repair newclient", settles = true },
  { "smoke newclient" },
  { "diagnose newclient" },
  { "logs newclient services=service-sso" },
}

-- State × row of the sample; all others with O2X_PLANS=all.
local SAMPLE <const> = {
  [1] = { 1 },
  [4] = { 7 },
  [9] = { 5 },
  [14] = { 10 },
  [19] = { 8 },
  [24] = { 3 },
  [28] = { 13 },
}

local SEVERE <const> = {
  deploy = true,
  rollback = true,
  scale = true,
  restart = true,
  maintenance = true,
  ["cache-clear"] = true,
  restore = true,
  ["migrations-repair"] = true,
}

local function words_of(row, dir)
  local words = {}
  for word in row:gsub("{dir}", dir):gmatch "%S+" do
    words[#words + 1] = word
  end
  return words
end

-- A plan has no id yet; what is named after the run ends in "plan".
local function name_of(effect)
  local name = ("%s: %s %s"):format(effect.step or effect.path, effect.kind, effect.target or effect.key)
  return (name:gsub("R%-%d+%-%d+%-%x%x%x%x", "plan"))
end

-- The service makes the invoice of a bill by itself.
local function by_others(effect) return (effect.target or effect.key):find "invoice o2x%-smoke$" ~= nil end

local function compare_values(planned, done, found)
  local function note(what, one, other)
    found[#found + 1] = ("%s: %s: planned %s, came %s"):format(
      name_of(done),
      what,
      json.encode(one or json.null):sub(1, 600),
      json.encode(other or json.null):sub(1, 600)
    )
  end
  if planned.outcome == "open" or by_others(done) then return end
  if planned.outcome ~= done.outcome then note("outcome", planned.outcome, done.outcome) end
  if done.outcome == "unchanged" then return end
  if not fits(value.revive(planned.before), value.revive(done.before)) then
    note("before", planned.before, done.before)
  end
  if not fits(value.revive(planned.desired), value.revive(done.desired)) then
    note("desired", planned.desired, done.desired)
  end
end

local function names(list, but)
  local result = {}
  for _, effect in ipairs(list) do
    if effect.outcome ~= but and not by_others(effect) then result[#result + 1] = name_of(effect) end
  end
  return result
end

-- A plan without problems: the run makes exactly its effects. done: all of a run that succeeded.
local function compare_all(planned, done, found)
  for n = 1, math.max(#planned, #done) do
    local one, other = planned[n], done[n]
    if not one or not other or name_of(one) ~= name_of(other) and not name_of(other):find("******", 1, true) then
      found[#found + 1] = ("effect %d: planned %s, came %s"):format(
        n,
        one and name_of(one) or "nothing",
        other and name_of(other) or "nothing"
      )
      return
    end
    compare_values(one, other, found)
  end
end

-- A run that stopped makes no effect that the plan does not show.
local function compare_some(changes, done, found)
  local shown = {}
  for _, change in ipairs(changes) do
    shown[name_of(change)] = true
  end
  for _, name in ipairs(names(done, "unchanged")) do
    if not shown[name] then found[#found + 1] = "not in the plan: " .. name end
  end
end

-- Why a run stopped: one of the problems of the plan, or a check that could be made only then.
local function compare_stop(plan, result, found)
  for _, problem in ipairs(plan.problems) do
    local first = problem.error.message:match "^[^\n]*"
    if result.stderr:find(first:sub(1, 60), 1, true) then return end
  end
  for _, check in ipairs(plan.checks) do
    if result.stderr:find(check.name, 1, true) then return end
  end
  local shown = {}
  for _, problem in ipairs(plan.problems) do
    shown[#shown + 1] = problem.error.message
  end
  found[#found + 1] = ("the run stopped: %s\nproblems of the plan: %s"):format(
    result.stderr:sub(-900),
    table.concat(shown, "; ")
  )
end

local function first_difference(one, other)
  for n = 1, #one do
    if one:byte(n) ~= other:byte(n) then
      return ("%s\nor %s"):format(one:sub(math.max(1, n - 300), n + 80), other:sub(math.max(1, n - 60), n + 80))
    end
  end
  return "longer"
end

local function examine(ground, row)
  local lab, found = ground.lab, {}
  local file = fs.join(lab.dir, "a.plan")
  local words = words_of(row[1], lab.dir)
  local function plan(...)
    if fs.exists(file) then fs.remove(file) end
    return lab:o2x { "plan", "--json", ... }
  end
  local first = plan("--out=" .. file, table.unpack(words))
  local planned = fs.exists(file) and plan_file.read(file).parts[1].effects
  local second = plan("--out=" .. file, table.unpack(words))
  if first.stdout ~= second.stdout then
    found[#found + 1] = "two plans differ: " .. first_difference(first.stdout, second.stdout)
  end
  if first.stdout == "" then return found, "refused" end
  local shown = json.decode(first.stdout)
  local run = { "run", table.unpack(words) }
  run[#run + 1] = SEVERE[words[1]] and "--confirm=newclient" or nil
  local result = lab:o2x(run)
  local journal = lab:o2x { "show", "--json" }
  local done = journal.code == 0 and json.decode(journal.stdout).effects or {}
  if result.code == 0 and planned then
    compare_all(planned, done, found)
  else
    compare_some(shown.changes, done, found)
    if result.code ~= 0 then compare_stop(shown, result, found) end
    if result.code == 0 then found[#found + 1] = "the plan had problems, the run has none" end
  end
  if result.code ~= 0 then return found, "stopped" end
  if row.settles then
    local after = json.decode(plan(table.unpack(words)).stdout)
    for _, change in ipairs(after.changes) do
      found[#found + 1] = "planned again after the run: " .. name_of(change) .. " " .. table.concat(change.diff, " ")
    end
  end
  return found, "done"
end

describe("in an odd state a plan is what the run does", function()
  local ground
  setup(function() ground = states.start() end)
  teardown(function()
    if ground then ground:close() end
  end)

  for number = 1, states.COUNT do
    local rows = SAMPLE[number] or {}
    if os.getenv "O2X_PLANS" == "all" then
      rows = {}
      for n = 1, #ROWS do
        rows[n] = n
      end
    end
    for _, index in ipairs(rows) do
      local row = ROWS[index]
      it(("state %d: %s"):format(number, row[1]), function()
        if ground.number ~= number then
          ground:put_into(number)
        else
          ground:again()
        end
        local found = examine(ground, row)
        assert.same({}, found, "odd: " .. table.concat(ground.what, ", "))
      end)
    end
  end
end)

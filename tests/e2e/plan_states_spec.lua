-- What a plan shows is what a run does, in odd states: in each of the states of tests/support/states.lua each shipped
-- runbook is planned twice, which gives the same to the byte, then run. The run makes the effects that the plan shows,
-- in the same order, with the same values before and after, or meets one of the problems that the plan shows. After a
-- run to a state (not of a deed, such as a backup), a plan shows nothing. Some of all here; with O2X_PLANS=all (make
-- plans) each runbook in each state.

local build = require "tests.support.build"
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
  { "adopt newclient", settles = true },
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

local HASTE <const> = "20" -- times as fast does time pass for o2x

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

-- A plan has no id and no time yet; what is named after the run has "plan" in their place.
local function as_planned(text, id)
  local stamp = id:match "^R%-(%d+%-%d+)"
  return (text:gsub(id:gsub("%p", "%%%0"), "plan"):gsub(stamp:gsub("%p", "%%%0"), "plan"))
end

local function name_of(effect)
  return ("%s: %s %s"):format(effect.step or effect.path, effect.kind, effect.target or effect.key)
end

-- The service makes the invoice of a bill by itself.
local function by_others(effect) return (effect.target or effect.key):find "invoice o2x%-smoke$" ~= nil end

-- What is shown has no tags of secrets.
local function without_tags(item)
  if type(item) ~= "table" or item == json.null then return item end
  local copy = {}
  for name, one in pairs(item) do
    if name ~= "fp" or not (item["$secret"] or item["$masked"]) then copy[name] = without_tags(one) end
  end
  return copy
end

local function is_masked(name) return name:find("******", 1, true) ~= nil end

local function compare_values(planned, done, found, fields)
  local function note(what, one, other)
    found[#found + 1] = ("%s: %s: planned %s, came %s"):format(
      name_of(done),
      what,
      json.encode(one == nil and json.null or one):sub(1, 600),
      json.encode(other == nil and json.null or other):sub(1, 600)
    )
  end
  if planned.outcome == "open" or by_others(done) then return end
  if planned.outcome ~= done.outcome then note("outcome", planned.outcome, done.outcome) end
  if done.outcome == "unchanged" or is_masked(name_of(done)) then return end
  for _, field in ipairs(fields) do
    local one, other = planned[field], done[field]
    -- Vacuumed since a time that depends on now: o2x apply takes the plan's.
    if field == "desired" and done.kind == "pg.vacuum" then one = other end
    if not planned.show then
      one, other = without_tags(one), without_tags(other)
    end
    if not fits(value.revive(one), value.revive(other)) then note(field, one, other) end
  end
end

-- A plan without problems: the run makes exactly its effects. done: all of a run that succeeded.
local function compare_all(planned, done, found)
  for n = 1, math.max(#planned, #done) do
    local one, other = planned[n], done[n]
    if not one or not other or name_of(one) ~= name_of(other) and not is_masked(name_of(other)) then
      found[#found + 1] = ("effect %d: planned %s, came %s"):format(
        n,
        one and name_of(one) or "nothing",
        other and name_of(other) or "nothing"
      )
      return
    end
    compare_values(one, other, found, { "before", "desired", "after" })
  end
end

-- A run may have learned a secret that is in a name.
local function is_same(planned, done)
  if is_masked(name_of(done)) then return planned.kind == done.kind and planned.step == done.step end
  return name_of(planned) == name_of(done)
end

local function is_problem(plan, effect)
  for _, problem in ipairs(plan.problems) do
    if problem.kind == effect.kind and problem.target == effect.target then return true end
  end
  return false
end

-- A plan with problems: a run that stopped makes no effect that the plan does not show, with the same values, in the
-- same order.
local function compare_some(plan, done, found)
  local changes, at = plan.changes, 1
  for _, effect in ipairs(done) do
    local stops = effect.outcome == "failed" and is_problem(plan, effect)
    if effect.outcome ~= "unchanged" and not by_others(effect) and not stops then
      local n = at
      while changes[n] and not is_same(changes[n], effect) do
        n = n + 1
      end
      if not changes[n] then
        found[#found + 1] = "not in the plan, or in another order: " .. name_of(effect)
      elseif effect.outcome ~= "failed" and effect.outcome ~= "begun" then
        compare_values(changes[n], effect, found, { "before", "after" })
        at = n + 1
      end
    end
  end
end

-- What the plan says that undo cannot bring back is what undo says of the run, too.
local function compare_marks(changes, left, found)
  local planned, listed = {}, {}
  for _, change in ipairs(changes) do
    if change.irreversible then planned[change.kind] = true end
  end
  for _, one in ipairs(left) do
    listed[one.kind] = true
    if not planned[one.kind] then found[#found + 1] = ("not marked: %s: %s"):format(one.kind, one.why) end
  end
  for kind in pairs(planned) do
    if not listed[kind] then found[#found + 1] = "marked as irreversible, and undone: " .. kind end
  end
end

-- Does a step's own change stand in the plan? What it does then, or waits for, may fail.
local function is_in_changed_step(plan, result)
  local step = result.stderr:match "\no2x: (.-): "
  for _, change in ipairs(plan.changes) do
    if step and (change.step == step or change.step:sub(1, #step + 1) == step .. "/") then return true end
  end
  return false
end

-- Why a run stopped: one of the problems of the plan, a check that could be made only then, or what a planned change
-- led to.
local function compare_stop(plan, result, found)
  if is_in_changed_step(plan, result) then return end
  for _, problem in ipairs(plan.problems) do
    local first = problem.error.message:match "^[^\n]*"
    if result.stderr:find(first:sub(1, 60), 1, true) then return end
  end
  for _, check in ipairs(plan.checks) do
    if result.stderr:find(check.name:gsub(" %(now: .*", ""):gsub(" is ready$", ""), 1, true) then return end
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

-- Time passes fast: what a run waits for in vain is over soon.
local HASTENED <const> = { build.dev, "tests/support/hastened.lua", HASTE }

local function o2x(lab, words) return lab:run(table.move(words, 1, #words, 4, { table.unpack(HASTENED) })) end

local function examine(ground, row)
  local lab, found = ground.lab, {}
  local file = fs.join(lab.dir, "a.plan")
  local words = words_of(row[1], lab.dir)
  local function plan(...)
    if fs.exists(file) then fs.remove(file) end
    return o2x(lab, { "plan", "--json", ... })
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
  local result = o2x(lab, run)
  local journal, done = o2x(lab, { "show", "--json" }), {}
  if journal.code == 0 then
    local id = json.decode(journal.stdout).id
    done = json.decode(as_planned(journal.stdout, id)).effects
  end
  local is_done = result.code == 0 or result.code == 2
  if is_done and planned then
    compare_all(planned, done, found)
  else
    compare_some(shown, done, found)
    if is_done then
      found[#found + 1] = "the plan had problems, the run has none: " .. shown.problems[1].error.message
    else
      compare_stop(shown, result, found)
    end
  end
  if not is_done then return found, "stopped" end
  if #done > 0 then
    local back = o2x(lab, { "undo", json.decode(journal.stdout).id, "--json" })
    if back.stdout ~= "" then compare_marks(shown.changes, json.decode(back.stdout).left or {}, found) end
  end
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

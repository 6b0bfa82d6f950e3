--- Cases of a guard: somebody else changes the target with the ordinary client after the run has compared it, and
--- before it writes. The foreign value stays, a resumed run refuses it, too, and the operator's word overwrites it.
--- Where something else of the same thing changes, that is kept, and the run goes on.
---
--- A case changes the target at one of two moments: when the intent is on the disk, or (`late`) at the very last point
--- before the request that writes, which only a guard that rides with the write can notice.

local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local memory = require "o2x.engine.memory"
local points = require "o2x.base.points"

local assert = require "luassert"

local function records_of(run) return run.journal.records or run.records end

local function past_of(run, words)
  local records = json.decode(json.encode(json.array(records_of(run))))
  return memory.new(history.of(records), words)
end

local WRITES <const> = { http = true, pg = true, child = true, file = true }

-- Calls fn once at the moment before the write of a kind.
local function between(kind, late, fn)
  local begun
  points.watch(function(moment, system, name, changes)
    if system == "effect" and moment == "intended" and name:sub(1, #kind + 1) == kind .. " " then begun = true end
    local is_now = begun and (not late or moment == "before" and WRITES[system] and changes)
    if not is_now then return end
    points.watch(nil)
    fn()
  end)
end

local function attempt(fn, ...)
  local ok, err = pcall(fn, ...)
  points.watch(nil)
  return ok, err
end

---@class guards.case
---@field [1] string what
---@field kind string
---@field prepare fun(env: table)?
---@field write fun(api: table, env: table)
---@field foreign fun(env: table) changes what the effect wants
---@field look fun(env: table): string by the ordinary client
---@field theirs string what look gives after foreign
---@field ours string? what it gives when the run has written; without it, the word of the operator is not tried
---@field late boolean? only the last moment
---@field early boolean? only the first moment: the type looks right before it writes
---@field mine boolean? the refusal is the type's own, and has no three values
---@field beside { [1]: fun(env: table), [2]: string }? changes something else; what look gives when both are there

local function refused(case, env, late)
  if case.prepare then case.prepare(env) end
  local api, run = env.run { id = "R-guard" }
  between(case.kind, late, function() case.foreign(env) end)
  local ok, err = attempt(case.write, api, env)
  assert.is_false(ok, "it was written")
  assert.equal("conflict", err.kind, tostring(err))
  assert.equal(case.theirs, case.look(env), tostring(err))
  if case.mine then return end
  assert.equal("foreign_change", err.code, tostring(err))
  assert.matches("^  before: .*\n  ours:   .*\n  now:    ", table.concat(err.details, "\n"))
  local word = err.hint:match "o2x resume R%-guard %-%-take%-over=(%x+)$"
  assert.is_string(word, err.hint)
  -- A resumed run refuses it, too.
  local again, second = env.run { id = "R-guard", past = past_of(run) }
  ok, err = attempt(case.write, again, env)
  assert.is_false(ok, "the resumed run wrote")
  assert.equal("foreign_change", err.code, tostring(err))
  assert.equal(case.theirs, case.look(env))
  if not case.ours then return end
  for _, record in ipairs(records_of(second)) do
    table.insert(records_of(run), record)
  end
  case.write(env.run { id = "R-guard", past = past_of(run, { word }) }, env)
  assert.equal(case.ours, case.look(env))
end

local function kept(case, env, late)
  if case.prepare then case.prepare(env) end
  between(case.kind, late, function() case.beside[1](env) end)
  local ok, err = attempt(case.write, (env.run { id = "R-beside" }), env)
  assert.is_true(ok, tostring(err))
  assert.equal(case.beside[2], case.look(env))
end

--- Makes a test of each case.
---@param it function of the spec
---@param cases guards.case[]
---@param with fun(body: fun(env: table)) calls body with an environment: run(o) gives an api and its run
return function(it, cases, with)
  for _, case in ipairs(cases) do
    for _, late in ipairs { false, true } do
      local is_meant = not (late and case.early) and not (not late and case.late)
      local when = late and "at the last moment" or "after the intent"
      if is_meant and case.foreign then
        it(("%s: %s, %s"):format(case.kind, case[1], when), function()
          with(function(env) refused(case, env, late) end)
        end)
      end
      if is_meant and case.beside then
        it(("%s: something else beside it is kept: %s, %s"):format(case.kind, case[1], when), function()
          with(function(env) kept(case, env, late) end)
        end)
      end
    end
  end
end

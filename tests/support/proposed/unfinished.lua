--- Rows of what is proposed, on the toy platform: what is said of runs that are unfinished, or are none.

local assert = require "luassert"
local paste = require "tests.support.proposed.paste"

local WRONG <const> =
  [[step("Make", toy.ensure, "a" .. tenant.name, 1) step("Use", function() local x = nil; return x.y end)]]
local RIGHT <const> = [[step("Make", toy.ensure, "a" .. tenant.name, 1)]]

local function fail(toy)
  toy:runbook("frail", WRONG)
  local result = toy:o2x { "run", "frail", "alpha" }
  assert.equal(1, result.code)
  return result
end

local function unfinished(toy) return #toy:json { "runs", "--unfinished", "--json" } end

local function id_of(toy) return toy:json({ "runs", "--json" })[1].id end

-- After a failure, after another run for the tenant, among several.
local dismisses = paste.toy(function(toy, follow)
  follow(fail(toy), "to leave it: (o2x dismiss R%-[^\n]+)")
  assert.equal(0, unfinished(toy))
  toy:reset()
  fail(toy)
  toy:runbook("plain", RIGHT)
  follow(toy:o2x { "run", "plain", "alpha" }, "or (o2x dismiss R%-[^\n]+)")
  assert.equal(0, unfinished(toy))
end)

local chooses = paste.toy(function(toy, follow)
  fail(toy)
  assert.equal(1, toy:o2x({ "run", "frail", "beta" }).code)
  local several = toy:o2x { "resume" }
  local id = paste.commands(several, "R%-[%w-]+")
  follow({ stdout = "", stderr = several.stderr:gsub("RUN", id) }, "o2x dismiss R%-[^\n]+")
  assert.equal(1, unfinished(toy))
end)

local once_edited = paste.toy(function(toy, follow)
  fail(toy)
  local note = toy:o2x { "resume" }
  toy:runbook("frail", RIGHT)
  follow(note, "after an edit, (o2x resume R%-[^\n]+)")
  assert.equal(0, unfinished(toy))
end)

local dismissed = paste.toy(function(toy, follow)
  fail(toy)
  local id = id_of(toy)
  local said = toy:o2x { "dismiss", id, "--reason=x" }
  toy:runbook("frail", RIGHT)
  local again = toy:o2x { "dismiss", id, "--reason=x" }
  again.stderr = again.stderr:gsub("goes on", "--edited goes on") -- the script has been mended
  follow(again, "(o2x resume R%-[%w-]+ %-%-edited) goes on")
  follow(said, "(o2x undo R%-[%w-]+) takes")
  follow(toy:o2x { "dismiss", id, "--reason=x" }, "(o2x undo R%-[%w-]+) shows")
end)

local refused = paste.toy(function(toy, follow)
  toy:runbook("sly", [[invalid("no", "yes")]])
  assert.equal(3, toy:o2x({ "run", "sly", "alpha" }).code)
  follow(toy:o2x { "dismiss", id_of(toy), "--reason=x" }, "(o2x runs %-%-unfinished)")
end)

local fleet = paste.toy(function(toy, follow)
  toy:runbook("frail", WRONG)
  assert.equal(1, toy:o2x({ "run", "frail", "--tenants=alpha,beta" }).code)
  local id = toy:json({ "runs", "--unfinished", "--json" })[1].id
  assert.equal(0, toy:o2x({ "dismiss", id, "--reason=x" }).code)
  follow(toy:o2x { "dismiss", id, "--reason=x" }, "(o2x runs F%-[%w-]+)")
end)

local HELP <const> = { "the help of the command; tests/e2e/dismiss_spec.lua" }

return {
  ["lua/o2x/cli/ending.lua: o2x dismiss"] = dismisses,
  ["lua/o2x/cli/resume.lua: o2x dismiss"] = chooses,
  ["lua/o2x/cli/dismiss.lua: o2x resume"] = HELP,
  ["lua/o2x/cli/dismiss.lua: o2x runs"] = HELP,
  ["lua/o2x/cli/dismiss.lua: o2x undo"] = dismissed,
  ["lua/o2x/cli/runs.lua: o2x dismiss"] = HELP,
  ["lua/o2x/cli/runs.lua: o2x resume"] = HELP,
  ["lua/o2x/cli/runs.lua: o2x undo"] = HELP,
  ["lua/o2x/engine/same_again.lua: o2x resume"] = once_edited,
  ["lua/o2x/engine/fleet.lua: o2x runs"] = fleet,
  ["lua/o2x/engine/unfinished.lua: o2x resume"] = dismissed,
  ["lua/o2x/engine/unfinished.lua: o2x runs"] = refused,
  ["lua/o2x/engine/unfinished.lua: o2x undo"] = dismissed,
}

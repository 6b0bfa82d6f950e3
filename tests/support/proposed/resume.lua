--- Rows of what is proposed, on the toy platform: how a run goes on after each kind of end.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local faults = require "tests.support.faults"
local assert = require "luassert"
local fs = require "o2x.base.fs"
local journal = require "o2x.engine.journal"
local paste = require "tests.support.proposed.paste"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"

local PLAIN <const> = [[step("Make", toy.ensure, "a", 1)]]

local function stopped(result, says)
  assert.are_not.equal(0, result.code, result.stdout)
  assert.is_nil(result.signal)
  if says then assert.matches(says, result.stderr) end
  return result
end

-- A run that fails once, and succeeds when it is resumed.
local function fail_once(toy)
  toy:runbook("frail", PLAIN)
  toy:fault("a", "failed")
  return stopped(toy:o2x { "run", "frail", "alpha" })
end

local after_a_failure = paste.toy(function(toy, follow)
  follow(fail_once(toy), "next: (o2x resume R%-[%w-]+)")
  assert.same({ a = 1 }, toy:holds())
end)

-- What these say is o2x resume alone, after an error of some kind.
local after_errors = paste.toy(function(toy, follow)
  for _, kind in ipairs { "conflict", "timeout", "failed", "unauthorised" } do
    toy:reset()
    toy:runbook("frail", PLAIN)
    toy:fault("a", kind)
    follow(stopped(toy:o2x { "run", "frail", "alpha" }), "next: (o2x resume) R%-[%w-]+")
    assert.same({ a = 1 }, toy:holds())
  end
end)

local chooses = paste.toy(function(toy, follow)
  for _, tenant in ipairs { "alpha", "beta" } do
    toy:runbook("frail", [[step("Make", toy.ensure, tenant.name, 1)]])
    toy:fault(tenant, "failed")
    stopped(toy:o2x { "run", "frail", tenant })
  end
  local several = stopped(toy:o2x { "resume" }, "choose one: o2x resume RUN")
  local id = paste.commands(several, "R%-[%w-]+")
  follow({ stdout = "", stderr = several.stderr:gsub("RUN", id) }, "o2x resume R%-[%w-]+")
end)

local is_done = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  local id = paste.commands(toy:o2x { "run", "plain", "alpha" }, "R%-[%w-]+")
  follow(stopped(toy:o2x { "resume", id }), "o2x show R%-[%w-]+")
  follow(stopped(toy:o2x { "resume" }), "o2x runs")
end)

local fleet = paste.toy(function(toy, follow)
  toy:runbook("frail", [[step("Make", toy.ensure, tenant.name, 1)]])
  toy:fault("beta", "failed")
  follow(toy:o2x { "run", "frail", "--tenants=alpha,beta" }, "o2x resume F%-[%w-]+")
  assert.same({ alpha = 1, beta = 1 }, toy:holds())
end)

local takes_over = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  assert.equal(9, toy:o2x({ "run", "plain", "alpha" }, { O2X_KILL_AT = "3" }).signal)
  fs.write(toy.system .. "/a", "7")
  follow(stopped(toy:o2x { "resume" }, "to overwrite it"), "to overwrite it: (o2x resume [^\n]+)")
  assert.same({ a = 1 }, toy:holds())
end)

local runbook_gone = paste.toy(function(toy, follow)
  fail_once(toy)
  fs.remove(toy.project .. "/runbooks/frail.lua")
  follow(stopped(toy:o2x { "resume", "--edited" }, "no longer exists"), "its own copy: (o2x resume R%-[%w-]+)")
  assert.same({ a = 1 }, toy:holds())
end)

local copy_gone = paste.toy(function(toy, follow)
  fail_once(toy)
  assert.equal(0, proc.run({ argv = { "sh", "-c", "rm -r " .. toy.state .. "/R-*/sources" } }).code)
  follow(stopped(toy:o2x { "resume" }, "own copy of"), "o2x resume R%-[%w-]+ %-%-edited")
  assert.same({ a = 1 }, toy:holds())
end)

-- The command has the words of the run.
local was_refused = paste.toy(function(toy, follow)
  toy:runbook("sly", PLAIN)
  local path = toy.project .. "/runbooks/sly.lua"
  local honest = fs.read(path)
  fs.write(path, (honest:gsub('effects = { "toy:write" }', "effects = {}")))
  local id = paste.commands(stopped(toy:o2x { "run", "sly", "alpha" }, "without declaring it"), "R%-[%w-]+")
  local refused = stopped(toy:o2x { "resume", id }, "was refused and wrote nothing")
  fs.write(path, honest)
  follow(refused, "again with (o2x run [^\n]+)")
  assert.same({ a = 1 }, toy:holds())
end)

-- A disk that takes no more, with each of the system's words for it.
local full_disk = paste.toy(function(toy, follow)
  if build.sanitized then return end -- no faults there
  toy:runbook("plain", PLAIN)
  for _, fault in ipairs { "write ENOSPC", "write EDQUOT", "fsync EIO", "write EFBIG", "write EROFS" } do
    local call, name = fault:match "(%l+) (%u+)"
    -- The first fault that finds the run begun stops it at a later record.
    local function strike(n)
      toy:reset()
      local env, struck = faults.env(call, n, name, true)
      local result = toy:o2x({ "run", "plain", "alpha" }, env)
      assert(struck(), name .. ": the run was done before the fault")
      if result.stderr:find "then o2x resume" then return result end
      assert.is_nil(result.stderr:find("o2x resume", 1, true), result.stderr)
      return strike(n + 1)
    end
    follow(stopped(strike(1)), "then (o2x resume)")
    assert.same({ a = 1 }, toy:holds(), name)
  end
end)

local mismatch = paste.toy(function(toy, follow)
  toy:runbook("plain", PLAIN)
  toy:fault("a", "rot")
  follow(stopped(toy:o2x { "run", "plain", "alpha" }, "read%-back mismatch"), "(o2x resume) tries again")
  assert.same({ a = 1 }, toy:holds())
end)

local out_of_time = paste.toy(function(toy, follow)
  toy:runbook("slow", PLAIN .. [[ step("Wait", function() toy.somebody("test -e $TOY/.go || sleep 2") end)]])
  local result = toy:o2x { "run", "slow", "alpha", "--set", "limits.run=1" }
  stopped(result, "if it needs longer, raise limits.run")
  result.stderr = result.stderr:gsub("=limits%.run=1 continues", "=limits.run=60 continues") -- as it says
  follow(result, "(o2x resume[^\n]-) continues it")
end)

-- The end of the process is for what no error stops; the error comes first.
local hog = paste.toy(function(toy, follow)
  toy:runbook("hog", PLAIN .. [[ step("Count", function() for _ = 1, 100000000 do end end)]])
  local result =
    stopped(toy:o2x({ "run", "hog", "alpha" }, { O2X_CPU_LIMIT = "0.1,60" }), "without waiting for anything")
  follow(result, "next: (o2x resume R%-[%w-]+)", { O2X_CPU_LIMIT = "60,60" })
  assert.same({ a = 1 }, toy:holds())
end)

local continued_elsewhere = paste.toy(function(toy, follow)
  toy:runbook("slow", [[step("Make", function() toy.ensure("a", 1) toy.wait(300) end)]])
  local child <close> = toy:start { "run", "slow", "alpha" }
  eventually("the first effect", function() return toy:holds().a end)
  local id = paste.commands(toy:o2x { "runs" }, "R%-[%w-]+")
  local second = raised(journal.reopen, ("%s/%s/journal"):format(toy.state, id)) -- o2x sees the tenant's lock first
  assert.matches("another process continues this run", second.message)
  local listed = follow({ stdout = "", stderr = second.hint }, "o2x runs").stdout
  assert.truthy(listed:find(id, 1, true) and listed:find("running", 1, true), listed)
  child:kill(9)
  proc.wait(child, 60)
end)

-- The step is done by hand, whatever its name is.
local skips = paste.toy(function(toy, follow)
  for _, name in ipairs { "Make", "It's 5 $HOME; `x`" } do
    toy:reset()
    toy:runbook("frail", ('step(%q, toy.ensure, "a", 1)'):format(name))
    toy:fault("a", "failed")
    local failed = stopped(toy:o2x { "run", "frail", "alpha" })
    fs.write(toy.system .. "/a", "1")
    follow(stopped(toy:o2x { "resume", "--skip=Mist", "--reason=x" }, "has no step"), "o2x show R%-[%w-]+")
    follow(stopped(toy:o2x { "resume", "--reason=x" }), "o2x help resume")
    follow(failed, "done by hand: (o2x resume [^\n]+)")
    assert.same({}, toy:writes())
  end
end)

local does_not_skip = paste.toy(function(toy, follow)
  fail_once(toy)
  local refused = stopped(toy:o2x { "resume", "--skip=Make", "--reason=x" }, "not everything is there")
  follow(refused, "(o2x resume R%-[%w-]+) runs the step")
  assert.same({ a = 1 }, toy:holds())
end)

return {
  ["lua/o2x/cli/resume.lua: o2x help"] = skips,
  ["lua/o2x/engine/skip.lua: o2x show"] = skips,
  ["lua/o2x/engine/skip.lua: o2x resume"] = does_not_skip,
  ["lua/o2x/cli/commands.lua: o2x resume"] = after_a_failure,
  ["lua/o2x/cli/ending.lua: o2x resume"] = after_a_failure,
  ["lua/o2x/cli/show.lua: o2x resume"] = after_a_failure,
  ["lua/o2x/cli/run.lua: o2x resume"] = after_a_failure,
  ["lua/o2x/cli/resume.lua: o2x resume"] = chooses,
  ["lua/o2x/cli/resume.lua: o2x runs"] = is_done,
  ["lua/o2x/engine/store.lua: o2x show"] = is_done,
  ["lua/o2x/cli/fleet_ending.lua: o2x resume"] = fleet,
  ["lua/o2x/cli/fleet.lua: o2x resume"] = fleet,
  ["lua/o2x/engine/memory.lua: o2x resume"] = takes_over,
  ["lua/o2x/engine/run.lua: o2x resume"] = runbook_gone,
  ["lua/o2x/engine/store.lua: o2x resume"] = copy_gone,
  ["lua/o2x/engine/store.lua: o2x run"] = was_refused,
  ["lua/o2x/engine/journal.lua: o2x resume"] = full_disk,
  ["lua/o2x/engine/journal.lua: o2x runs"] = continued_elsewhere,
  ["lua/o2x/engine/apply.lua: o2x resume"] = mismatch,
  ["lua/o2x/engine/deadline.lua: o2x resume"] = out_of_time,
  ["lua/o2x/script/sandbox.lua: o2x resume"] = hog,
  ["host/loop.c: o2x resume"] = after_errors,
  ["lua/o2x/base/retry_rules/helm.lua: o2x resume"] = after_errors,
  ["lua/o2x/base/retry_rules/init.lua: o2x resume"] = after_errors,
  ["lua/o2x/base/retry_rules/kubernetes.lua: o2x resume"] = after_errors,
  ["lua/o2x/base/retry_rules/postgresql.lua: o2x resume"] = after_errors,
  ["lua/o2x/effects/archive/swap.lua: o2x resume"] = after_errors,
  ["lua/o2x/effects/rds.lua: o2x resume"] = after_errors,
  ["lua/o2x/effects/service/send.lua: o2x resume"] = after_errors,
}

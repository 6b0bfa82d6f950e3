local folder = require "tests.support.folder"
local hooks = require "o2x.script.hooks"
local sandboxes = require "o2x.script.sandbox"
local silent = require "tests.support.silent"

local function new_run(loaded)
  local report = silent()
  local run = {
    id = "R-1",
    tenant = { name = "acme" },
    given = { rooms = "3" },
    runbook = { name = "build", version = "1.0.0", summary = "Build" },
    seen_steps = {},
    report = report,
    declared = { ["pg:write"] = true },
    warnings = {},
    hooks = loaded,
  }
  run.ctx =
    { declared = run.declared, log = function(_, level, text) table.insert(run.warnings, level .. " " .. text) end }
  return run
end

describe("hooks.lua", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function load(text)
    if text then place:write("runbooks/hooks.lua", text) end
    return hooks.load(sandboxes.new { root = place.path, runbooks = place:at "runbooks", stdlib = place:at "stdlib" })
  end

  local function refused(message, text)
    local ok, err = pcall(load, text)
    assert.is_false(ok)
    assert.matches(message, tostring(err))
  end

  it("need not be there", function() assert.is_nil(load()) end)

  it("gives two functions and what they may write", function()
    local loaded = load 'return { effects = { "webhook:write" }, before = function() end }'
    assert.equal("function", type(loaded.before))
    assert.is_nil(loaded.after)
    assert.same({ "webhook:write" }, loaded.effects)
  end)

  it("says what is wrong with it", function()
    refused("hooks.lua: .*table", "return 1")
    refused('unknown field "befor"; did you mean before', "return { befor = function() end }")
    refused("before: .*function", "return { before = 1 }")
    refused('unknown effect "webhok:write"', 'return { effects = { "webhok:write" } }')
  end)
end)

describe("a hook", function()
  it("is told of the run before it and after it", function()
    local seen = {}
    local function note(tenant, run)
      seen[#seen + 1] = ("%s %s %s %s"):format(tenant.name, run.runbook, run.params.rooms, run.status)
    end
    local run = new_run { before = note, after = note, effects = {} }
    hooks.before(run)
    hooks.after(run, "done")
    assert.same({ "acme build 3 begun", "acme build 3 done" }, seen)
  end)

  it("may write what the hooks declare, not what the runbook does", function()
    local during
    local run = new_run { effects = { "webhook:write" } }
    run.hooks.before = function() during = run.ctx.declared end
    hooks.before(run)
    assert.same({ ["webhook:write"] = true }, during)
    assert.same({ ["pg:write"] = true }, run.ctx.declared)
  end)

  it("before a run can keep it from beginning", function()
    local run = new_run { before = function() error("no", 0) end, effects = {} }
    assert.is_false((pcall(hooks.before, run)))
    assert.same({ ["pg:write"] = true }, run.declared)
  end)

  it("after a run is only warned about", function()
    local run = new_run { after = function() error("no", 0) end, effects = {}, path = "runbooks/hooks.lua" }
    hooks.after(run, "done")
    assert.equal(1, #run.warnings)
    assert.matches("^warn runbooks/hooks.lua", run.warnings[1])
  end)

  it("does not come after a run that was interrupted", function()
    local run = new_run { after = function() error "called" end, effects = {} }
    hooks.after(run, "failed", { kind = "cancelled" })
    assert.same({}, run.warnings)
  end)
end)

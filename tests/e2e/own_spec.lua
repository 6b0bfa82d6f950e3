-- What operators have of their own: a tenant's version of a runbook, versions and their lock, hooks.

local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

local function has(text, part) assert.truthy(text:find(part, 1, true), text) end

describe("a tenant's own version of a runbook", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function override(fields)
    toy:write(
      "runbooks/tenants/alpha/build.lua",
      ([[
local runbook = require "o2x.runbook"
local toy     = require "o2x.toy"
return runbook.override(require "runbooks.build", {
  version = "1.2.0",
%s
})]]):format(fields)
    )
  end

  it("puts steps before, after, instead of and without the standard's", function()
    override [[
  before  = {
    Build = function(tenant)
      step("Look at the ground", function() toy.ensure("ground", { of = tenant.name }) end)
    end,
  },
  after   = { ["Furnish/room 1"] = function() step("Carpet", function() toy.ensure("carpet", { red = true }) end) end },
  instead = { ["Furnish/room 2"] = function(_, _, standard) standard() toy.ensure("lamp", { on = true }) end },
  without = { "Put up the sign" },]]
    local plan = ok(toy:o2x { "plan", "build", "alpha" })
    has(
      plan.stderr,
      "note: alpha uses its own build: runbooks/tenants/alpha/build.lua 1.2.0, based on runbooks/build.lua 1.0.0"
    )
    local run = ok(toy:o2x { "run", "runbooks/build.lua", "alpha" })
    has(run.stderr, "alpha uses its own build")
    local holds = toy:holds()
    assert.same({ of = "alpha" }, holds.ground)
    assert.same({ { red = true }, { on = true } }, { holds.carpet, holds.lamp })
    assert.is_nil(holds.sign)
    assert.equal(4, holds["room-2"].chairs)
    assert.equal("ground", toy:writes()[2]:match("^%S+"))
    local shown = toy:json { "show", "--json" }
    assert.same({ "1.2.0", "1.0.0" }, { shown.runbook.version, shown.runbook.overrides.version })
    local paths = {}
    for _, step in ipairs(shown.steps) do
      paths[step.path] = step.status
    end
    assert.same({ "done", "done" }, { paths["Furnish/Carpet"], paths["Look at the ground"] })
    assert.is_nil(paths["Put up the sign"])
  end)

  it("is for that tenant only, and can be left aside", function()
    override [[ without = { "Put up the sign" }, ]]
    ok(toy:o2x { "run", "build", "beta" })
    assert.truthy(toy:holds().sign)
    toy:reset()
    ok(toy:o2x { "run", "build", "alpha", "--standard" })
    assert.truthy(toy:holds().sign)
    local result = toy:o2x { "run", "runbooks/tenants/alpha/build.lua", "beta" }
    assert.equal(3, result.code)
    has(result.stderr, "this runbook belongs to tenant alpha, the run is for beta")
    has(ok(toy:o2x { "list" }).stdout, "(own version: alpha)")
    assert.same({ "alpha" }, toy:json({ "list", "--json" }).runbooks[1].own_versions)
  end)

  it("calls the standard one with other parameters, and wraps it", function()
    override [[
  params = { rooms = { default = 1 }, colour = { "string", default = "red", help = "of the door" } },
  run = function(tenant, params, standard)
    step("Door", function() toy.ensure("door", { colour = params.colour }) end)
    standard(tenant, params)
    step("Sign", function() toy.ensure("late", { x = 1 }) end)
  end,]]
    ok(toy:o2x { "run", "build", "alpha", "colour=blue" })
    assert.same({ colour = "blue" }, toy:holds().door)
    assert.is_nil(toy:holds()["room-2"])
    assert.equal("late", toy:writes()[#toy:writes()]:match("^%S+"))
    assert.equal(3, toy:o2x({ "run", "build", "alpha", "rooms=10" }).code)
  end)

  it("changes the order: leaves a step out and puts it elsewhere", function()
    override [[
  without = { "Furnish" },
  before = { Build = function() step("Furnish", function() toy.ensure("room-1", { early = true }) end) end },]]
    ok(toy:o2x { "run", "build", "alpha" })
    assert.equal("room-1", toy:writes()[2]:match("^%S+"))
  end)

  it("goes on where it was killed, with nothing done twice", function()
    override [[
  before = {
    Build = function(tenant)
      step("Look at the ground", function() toy.ensure("ground", { of = tenant.name }) end)
    end,
  },]]
    for kill = 1, 16, 3 do
      toy:reset()
      toy:o2x({ "run", "build", "alpha" }, { O2X_KILL_AT = tostring(kill) })
      ok(toy:o2x { "resume" })
      assert.equal(8, #toy:writes())
    end
  end)

  it("says what is wrong with it", function()
    local function refused(message, fields)
      override(fields)
      local result = toy:o2x { "run", "build", "alpha" }
      assert.equal(3, result.code, result.stderr)
      has(result.stderr, message)
      assert.same({}, toy:holds())
    end
    refused(
      'runbooks/tenants/alpha/build.lua:5: override: runbooks/build.lua has no step "Furnsh"; did you mean Furnish?',
      [[ without = { "Furnsh" }, ]]
    )
    refused('unknown field "befor"; did you mean before?', [[ befor = {}, ]])
    refused('before["Build"]: expected a function, got a string', [[ before = { Build = "x" }, ]])
    refused("params.rooms: the type must be one of", [[ params = { rooms = { "intege" } }, ]])
    toy:write("runbooks/tenants/alpha/build.lua", 'return require "o2x.runbook".override(require "runbooks.bild", {})')
    has(toy:o2x({ "run", "build", "alpha" }).stderr, "unknown runbook bild; did you mean build?")
  end)
end)

describe("versions", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("has an older one beside the new", function()
    local text = fs.read(toy.project .. "/runbooks/build.lua")
    toy:write("runbooks/build@1.lua", text)
    toy:write("runbooks/build.lua", (text:gsub("1%.0%.0", "2.0.0"):gsub('" at "', '" in "')))
    ok(toy:o2x { "run", "build@1", "alpha" })
    assert.equal("Alpha Ltd at 1", toy:holds().sign.text)
    ok(toy:o2x { "run", "build", "alpha" })
    assert.equal("Alpha Ltd in 1", toy:holds().sign.text)
    toy:write("runbooks/build@3.lua", text)
    has(toy:o2x({ "run", "build@3", "alpha" }).stderr, "version: 1.0.0, but the file is build@3.lua")
  end)

  it("are locked: changed content under an unchanged version does not run", function()
    has(ok(toy:o2x { "lock" }).stderr, "build 1.0.0")
    has(fs.read(toy.project .. "/runbooks/versions.lock"), "build 1.0.0 ")
    ok(toy:o2x { "check" })
    local path = toy.project .. "/runbooks/build.lua"
    local text = fs.read(path)
    fs.write(path, (text:gsub('" at "', '" in "')))
    local result = toy:o2x { "run", "build", "alpha" }
    assert.equal(3, result.code)
    has(result.stderr, "runbooks/build.lua: edited, but its version is still 1.0.0 (versions.lock)")
    has(result.stderr, "--allow-edited")
    assert.same({}, toy:holds())
    assert.equal(3, toy:o2x({ "check" }).code)
    assert.equal(3, toy:o2x({ "lock" }).code)
    has(ok(toy:o2x { "plan", "build", "alpha" }).stderr, "edited without a new version")
    ok(toy:o2x { "run", "build", "alpha", "--allow-edited" })
    assert.same({ "runbooks/build.lua 1.0.0" }, toy:json({ "show", "--json" }).allow_edited)
    has(ok(toy:o2x { "show" }).stdout, "edited without a new version (--allow-edited): runbooks/build.lua 1.0.0")
    fs.write(path, (text:gsub("1%.0%.0", "1.0.1")))
    ok(toy:o2x { "run", "build", "alpha" })
    has(ok(toy:o2x { "check", "--update-lock" }).stderr, "build 1.0.1")
    has(fs.read(toy.project .. "/runbooks/versions.lock"), "build 1.0.1 ")
    toy:write("runbooks/versions.lock", "build one\n")
    has(toy:o2x({ "run", "build", "alpha" }).stderr, "versions.lock:1: expected name, version and sha256")
  end)
end)

describe("hooks", function()
  local toy
  before_each(function()
    toy = toys.new()
    toy:write(
      "runbooks/hooks.lua",
      [[
local toy = require "o2x.toy"
return {
  effects = { "toy:write" },
  before = function(tenant, run) toy.ensure("begun", { run.runbook, run.version, tenant.name }) end,
  after = function(_, run) toy.ensure("ended", { run.status, run.error or "" }) end,
}]]
    )
  end)
  after_each(function() toy:__close() end)

  it("come before and after a run", function()
    ok(toy:o2x { "run", "build", "alpha" })
    assert.same({ "build", "1.0.0", "alpha" }, toy:holds().begun)
    assert.same({ "done", "" }, toy:holds().ended)
    assert.equal("begun", toy:writes()[1]:match("^%S+"))
    toy:reset()
    toy:fault("sign", "failed")
    toy:o2x { "run", "build", "alpha" }
    assert.equal("failed", toy:holds().ended[1])
    has(toy:holds().ended[2], "the toy has a fault")
    ok(toy:o2x { "resume" })
    assert.equal("done", toy:holds().ended[1])
    assert.equal(10, #toy:writes())
  end)

  it("are in a plan that has changes, and no change by themselves", function()
    has(ok(toy:o2x { "plan", "build", "alpha" }).stdout, "begun")
    ok(toy:o2x { "run", "build", "alpha" })
    fs.remove(toy.system .. "/begun")
    assert.equal(0, toy:o2x({ "plan", "build", "alpha", "--detailed-exitcode" }).code)
    assert.is_nil(toy:holds().begun)
  end)

  it("send messages, each with its key", function()
    local got = {}
    local server <close> = httpd.serve {
      handler = function(req)
        got[#got + 1] = { json.decode(req.body), req.headers["idempotency-key"] }
        return 200, {}, ""
      end,
    }
    toy:write(
      "runbooks/hooks.lua",
      [[
return { effects = { "webhook:write" },
  after = function(tenant, run)
    require("o2x.webhook").send("chat", { text = run.runbook .. " for " .. tenant.name .. ": " .. run.status })
  end }]]
    )
    local env = { O2X_WEBHOOK_URL = ("http://127.0.0.1:%d/hook"):format(server.port) }
    has(ok(toy:o2x({ "plan", "build", "alpha" }, env)).stdout, "build for alpha: done")
    assert.equal(0, #got)
    ok(toy:o2x({ "run", "build", "alpha" }, env))
    assert.same({ text = "build for alpha: done" }, got[1][1])
    assert.equal(32, #got[1][2])
    assert.equal(1, #got)
    has(ok(toy:o2x { "run", "build", "alpha" }).stderr, "no webhook is configured")
  end)

  it("keep a run from beginning, but not from being done", function()
    toy:write("runbooks/hooks.lua", 'return { before = function() fail("no ticket") end }')
    local result = toy:o2x { "run", "build", "alpha" }
    assert.equal(1, result.code)
    has(result.stderr, "no ticket")
    assert.same({}, toy:holds())
    toy:write("runbooks/hooks.lua", 'return { after = function() fail("no chat") end }')
    has(ok(toy:o2x { "run", "build", "alpha" }).stderr, "the hook after the run failed")
    toy:write(
      "runbooks/hooks.lua",
      'local toy = require "o2x.toy" return { before = function() toy.ensure("x", { 1 }) end }'
    )
    has(toy:o2x({ "run", "build", "alpha" }).stderr, "without declaring it")
    toy:write("runbooks/hooks.lua", "return { befor = function() end }")
    has(toy:o2x({ "run", "build", "alpha" }).stderr, 'hooks: unknown field "befor"; did you mean before?')
  end)
end)

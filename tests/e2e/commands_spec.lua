-- What the commands do that a page (tests/pages) cannot show, on the toy platform.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

describe("the command line", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  it("makes a runbook of the platform's template that passes o2x check", function()
    toy:write("stdlib/template.lua.txt", fs.read "stdlib/template.lua.txt")
    ok(toy:o2x { "new", "note" })
    ok(toy:o2x { "check", "note" })
  end)

  it("runs a runbook by its name, and shows what it is", function()
    ok(toy:o2x { "build", "alpha", "rooms=1" })
    assert.equal("build", toy:json({ "show", "--json" }).runbook.name)
    for _, words in ipairs { { "help", "build" }, { "build", "--help" } } do
      assert.matches("^build [%d.]+  ", ok(toy:o2x(words)).stdout)
    end
    local unknown = toy:o2x { "biuld", "alpha" }
    assert.equal(3, unknown.code)
    assert.matches("unknown command 'biuld'; did you mean build%?", unknown.stderr)
  end)

  it("tells what a word without = may mean", function()
    toy:runbook("tend", "", 'params = { mode = { "choice", choices = { "on", "off" } } },')
    for words, meant in pairs { ["on"] = "mode=on", ["of"] = "mode=off", ["--mode=on"] = "no dashes: mode=on" } do
      for _, command in ipairs { { "run", "tend", "alpha", words }, { "plan", "tend", "alpha", words } } do
        local result = toy:o2x(command)
        assert.equal(3, result.code)
        assert.truthy(result.stderr:find(meant, 1, true), result.stderr)
      end
    end
    assert.matches("did you mean off%?", toy:o2x({ "tend", "alpha", "mode=of" }).stderr)
  end)

  it("gives back the whole command that lacks a word", function()
    toy:runbook(
      "raze",
      [[ step("one", function() toy.ensure("one", { 1 }) end) ]],
      'severe = true, params = { why = { "string" } },'
    )
    local refused = toy:o2x { "raze", "alpha", "why=it's old", "--set=retry.seconds=3" }
    local command = refused.stderr:match "to do it: o2x (.-)\n"
    assert.equal([[raze alpha 'why=it'\''s old' --set=retry.seconds=3 --confirm=alpha]], command)
  end)

  it("shows a run: steps, effects, before and after", function()
    fs.write(toy.system .. "/room-1", '{"name":"1","chairs":2}')
    ok(toy:o2x { "run", "build", "alpha", "rooms=2" })
    local shown = toy:json { "show", "--json" }
    assert.equal("done", shown.status)
    assert.same({ rooms = "2" }, shown.params)
    assert.equal("Find a number", shown.steps[1].path)
    local by_target = {}
    for _, effect in ipairs(shown.effects) do
      by_target[effect.target] = effect
    end
    assert.same(
      { 2, 4, "changed" },
      { by_target["room-1"].before.chairs, by_target["room-1"].after.chairs, by_target["room-1"].outcome }
    )
    assert.is_nil(by_target.house.before)
    local text = ok(toy:o2x { "show", shown.id:sub(-4) }).stdout
    assert.truthy(text:find("~ chairs: 2 → 4", 1, true))
    assert.truthy(text:find("✓ the house has a roof: true", 1, true))
    local log = fs.read(("%s/%s/log"):format(toy.state, shown.id))
    for line in log:gmatch("[^\n]+") do
      local entry = json.decode(line)
      assert.same({ "o2x", "alpha", shown.id }, { entry.service, entry.tenant_id, entry.correlation_id })
      assert.truthy(entry.timestamp and entry.level and entry.message)
    end
  end)

  it("guards the tenant: only its id may be said, once, and never another's", function()
    local function says(body, message)
      toy:runbook("say", body)
      local result = toy:o2x { "run", "say", "alpha" }
      assert.is_true(result.code ~= 0)
      assert.truthy(result.stderr:find(message, 1, true), result.stderr)
    end
    toy:write("platform/tenants/beta.yaml", "company: Beta\nid: N-1\n")
    says('tenant.name = "beta"', "tenant.name is read-only")
    says('tenant.id = "N-1"', "tenant.id: N-1 belongs to beta")
    says('tenant.id = "N-7" tenant.id = "N-8"', "tenant.id is already set to N-7")
    says("tenant.id = 7", "tenant.id: expected a text")
    toy:runbook("say", 'tenant.id = "N-7" tenant.id = "N-7" step("x", function() toy.ensure("id", tenant.id) end)')
    ok(toy:o2x { "run", "say", "alpha" })
    assert.equal("N-7", toy:holds().id)
  end)

  it("works in a folder with a space in its name, and from below it", function()
    local moved = toy.dir .. "/my project"
    fs.rename(toy.project, moved)
    toy.project = moved .. "/runbooks"
    toy.env.O2X_PLATFORM = moved .. "/platform"
    ok(toy:o2x { "run", "build", "alpha" })
    toy:fault("room-9", "failed")
    toy:o2x { "run", "build", "alpha", "rooms=9" }
    toy.project = "/"
    ok(toy:o2x({ "resume" }, nil))
    assert.equal(4 + 9, #toy:writes())
  end)

  it("draws a live view on a terminal and leaves only what is final", function()
    if not proc.exists("script") then return end
    local program = ("'%s' '%s/tests/support/o2x.lua' run build alpha"):format(
      require("tests.support.build").dev,
      fs.cwd()
    )
    local env = toy:environment { TERM = "xterm" }
    env.NO_COLOR = nil
    local result =
      proc.run { argv = { "script", "-qec", program, "/dev/null" }, env = env, cwd = toy.project, timeout = 300 }
    assert.equal(0, result.code)
    assert.truthy(result.stdout:find("\27[32m✓\27[0m Find a number", 1, true))
    assert.truthy(result.stdout:find("\27[1mFurnish\27[0m\r\n", 1, true))
    assert.truthy(result.stdout:find("  \27[32m✓\27[0m room 3", 1, true))
    assert.truthy(result.stdout:find("\27[32mdone\27[0m", 1, true))
  end)
end)

describe("a project that o2x init made", function()
  local folder = fs.temp_folder "/tmp/o2x-test-init-"
  teardown(function() fs.remove_tree(folder) end)
  local project = folder .. "/ours"

  -- As in a fresh shell, or from cron: without a variable of o2x.
  local function o2x(words, cwd)
    local argv = { require("tests.support.build").o2x, table.unpack(words) }
    return proc.run { argv = argv, cwd = cwd, env = { HOME = folder, KUBECONFIG = "/nonexistent" } }
  end

  it("needs no variables, and has no tenants but its own", function()
    ok(o2x({ "init", project }))
    ok(o2x({ "check" }, project))
    assert.equal("", ok(o2x({ "list", "--tenants", "--json" }, project)).stdout:gsub("[%[%]%s]", ""))
    fs.rename(project .. "/platform/tenants/newclient.yaml.example", project .. "/platform/tenants/newclient.yaml")
    local listed = json.decode(ok(o2x({ "list", "--tenants", "--json" }, project .. "/runbooks")).stdout)
    assert.same({ 1, "newclient" }, { #listed, listed[1].name })
    local resumed = o2x({ "resume" }, project .. "/stdlib")
    assert.truthy(resumed.stderr:find(project .. "/.o2x/runs;", 1, true), resumed.stderr)
  end)

  it("is refused without a platform: no other is taken instead", function()
    fs.write(project .. "/o2x.yaml", "state: .o2x/runs\n")
    local refused = o2x({ "plan", "scale", "newclient" }, project)
    assert.equal(3, refused.code)
    assert.matches("^o2x: no platform: this project does not say where its platform tree is\n", refused.stderr)
    assert.matches("platform: FOLDER into o2x.yaml", refused.stderr)
  end)
end)

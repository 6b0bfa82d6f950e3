-- The commands around a run, and what they say to bad input, on the toy platform.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local function ok(result)
  assert(result.code == 0, ("exit %s %s\n%s\n%s"):format(result.code, result.signal, result.stdout, result.stderr))
  return result
end

describe("the command line", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  -- Bad input: exit 3, a line or two, no traceback, nothing done.
  local function refused(message, words, env)
    local result = toy:o2x(words, env)
    local shown = table.concat(words, " ") .. "\n" .. result.stdout .. result.stderr
    assert.equal(3, result.code, shown)
    assert.truthy(result.stderr:find(message, 1, true), shown)
    assert.is_nil(result.stderr:find("traceback", 1, true), shown)
    assert.is_true(select(2, result.stderr:gsub("\n", "")) <= 4, shown)
    assert.same({}, toy:holds())
  end

  it("lists, describes and checks runbooks", function()
    local list = toy:json { "list", "--json" }
    assert.equal("build", list.runbooks[1].name)
    assert.same({ "alpha", "beta" }, list.tenants)
    local info = toy:json { "info", "build", "--json" }
    assert.equal("integer", info.params.rooms.type)
    assert.truthy(
      ok(toy:o2x { "info", "runbooks/build.lua" }).stdout:find("rooms=INTEGER  default 3  how many rooms", 1, true)
    )
    ok(toy:o2x { "check" })
    toy:write("stdlib/bad.lua", "local x = = 1")
    local result = toy:o2x { "check" }
    assert.equal(3, result.code)
    assert.truthy(result.stdout:find("✗ stdlib/bad.lua:1: unexpected symbol near '='", 1, true))
    assert.truthy(result.stdout:find("✓ runbooks/build.lua", 1, true))
  end)

  it("makes a runbook to start from that is right", function()
    ok(toy:o2x { "new", "tidy-up" })
    ok(toy:o2x { "check", "tidy-up" })
    refused("there is such a runbook already", { "new", "tidy-up" })
    refused("no name for a runbook", { "new", "../x" })
    refused("no name for a runbook", { "new", "Tidy" })
  end)

  it("explains itself", function()
    local help = ok(toy:o2x { "help" }).stdout
    for _, command in ipairs {
      "run",
      "plan",
      "resume",
      "runs",
      "show",
      "list",
      "info",
      "check",
      "new",
      "lab",
      "config",
      "version",
      "help",
    } do
      assert.truthy(help:find("o2x " .. command, 1, true), command)
      assert.truthy(#ok(toy:o2x { "help", command }).stdout > 50)
      assert.equal(ok(toy:o2x { "help", command }).stdout, ok(toy:o2x { command, "--help" }).stdout)
    end
    assert.equal(help, ok(toy:o2x {}).stdout)
    assert.truthy(ok(toy:o2x { "version" }).stdout:match("^o2x %d+%.%d+%.%d+"))
    local explained = toy:json({ "config", "explain", "--json" }, { PGHOST = "db.example.com" })
    for _, entry in ipairs(explained) do
      if entry.key == "pg.host" then assert.same({ "db.example.com", "PGHOST" }, { entry.value, entry.source }) end
    end
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

  it("says what is wrong with what was typed", function()
    refused("unknown command 'frobnicate'", { "frobnicate" })
    refused("did you mean run?", { "rum" })
    refused("unknown option --frobnicate", { "run", "--frobnicate", "build", "alpha" })
    refused("unknown runbook runbooks/nosuch.lua", { "run", "runbooks/nosuch.lua", "alpha" })
    refused("unknown runbook bild; did you mean build?", { "run", "bild", "alpha" })
    refused("unknown tenant alpa; did you mean alpha?", { "run", "build", "alpa" })
    refused('no parameter "room"; did you mean rooms?', { "run", "build", "alpha", "room=1" })
    refused("must be at most 9", { "run", "build", "alpha", "rooms=10" })
    refused("is given as name=value", { "run", "build", "alpha", "rooms" })
    refused("there is no run R-nosuch", { "resume", "R-nosuch" })
    refused("there is no unfinished run", { "resume" })
    refused("there are no runs yet", { "show" })
    refused("unknown configuration key", { "run", "build", "alpha", "--set=nosuch=1" })
    for _, name in ipairs {
      "New Client",
      "NEW",
      "../x",
      "a;b",
      "a'b",
      "",
      ("a"):rep(64),
      "a\nb",
      "a/../b",
      "ä",
      "alpha-",
      "-alpha",
    } do
      refused("tenant name", { "run", "build", "--", name })
    end
    refused("short names", { "run", "build", ("a"):rep(30) })
  end)

  it("says what is wrong with a runbook, and where", function()
    local function declares(message, fields)
      toy:write(
        "runbooks/bad.lua",
        'return require "o2x.runbook" {\n  name = "bad", version = "1.0.0", api = 1, summary = "x",\n'
          .. fields
          .. "\n}"
      )
      refused(message, { "run", "bad", "alpha" })
    end
    declares('runbooks/bad.lua:3: unknown field "sumary"; did you mean summary?', "  sumary = 1, run = function() end")
    declares('runbooks/bad.lua: the field "run" is missing', "")
    declares(
      'runbooks/bad.lua:3: effects: unknown word "pg:wriet"; did you mean pg:write?',
      "  effects = { 'pg:wriet' }, run = function() end"
    )
    declares(
      "runbooks/bad.lua:3: params.x: the type must be one of",
      "  params = { x = { 'strin' } }, run = function() end"
    )
    declares("runbooks/bad.lua:3: run: a function expected, got a string", "  run = 'x'")
    declares("version: three numbers", "  version = '1', run = function() end")
    declares("api: this o2x offers api 1", "  api = 2, run = function() end")
    declares("but the file is bad.lua", "  name = 'good', run = function() end")
    for text, message in pairs {
      ["return {{"] = "runbooks/bad.lua:1:",
      ["return 1"] = "is no runbook",
      ["nonsense()"] = "runbooks/bad.lua:1: nonsense is not defined",
      ['require("o2x.toy").read("x")'] = "runbooks/bad.lua:1: the use of o2x.toy while the file is being loaded",
      ['return require "stdlib.nosuch"'] = "there is no stdlib/nosuch.lua",
      ["\27Lua"] = "compiled Lua",
      ['local a = require "stdlib.loop"'] = "it requires itself",
      ["x = 1"] = "global x: say local",
    } do
      toy:write("stdlib/loop.lua", 'require "stdlib.loop"')
      toy:write("runbooks/bad.lua", text)
      refused(message, { "run", "bad", "alpha" })
      refused(message, { "info", "bad" })
    end
  end)

  it("says what is wrong with a tenant, the platform, the configuration", function()
    toy:write("platform/tenants/gamma.yaml", "compny: x\n")
    refused("gamma.yaml: company is missing", { "run", "build", "gamma" })
    toy:write("platform/tenants/gamma.yaml", "company: Gamma\nid: N-1\n")
    toy:write("platform/tenants/beta.yaml", "company: Beta\nid: N-1\n")
    refused("N-1 is the id of beta", { "run", "build", "gamma" })
    toy:write("platform/tenants/gamma.yaml", "company: x\n\tname: y\n")
    refused("gamma.yaml:2", { "run", "build", "gamma" })
    toy:write("platform/tenants/gamma.yaml", "- x\n")
    refused("expected a map", { "run", "build", "gamma" })
    refused("no platform.yaml in this folder", { "run", "build", "alpha" }, { O2X_PLATFORM = toy.dir })
    toy:write("o2x.yaml", "pg:\n  hots: x\n")
    refused('o2x.yaml:2: unknown key "pg.hots"; did you mean pg.host?', { "run", "build", "alpha" })
  end)

  it("takes secrets from a file of its owner, from standard input, from the configured folder", function()
    toy:runbook(
      "open",
      [[
      local secret = require "o2x.secret"
      step("open", function()
        toy.ensure("door", { open = secret.equal(tenant.secrets.door.key, "sesame-sesame") })
      end)]]
    )
    local path = toy.dir .. "/secrets.yaml"
    fs.write(path, "door:\n  key: sesame-sesame\n", { mode = 420 })
    refused(
      "the secrets file is accessible to others; its mode must be 0600",
      { "run", "open", "alpha", "--secrets=" .. path }
    )
    refused("secrets file not found", { "run", "open", "alpha", "--secrets=/nosuch" })
    fs.chmod(path, 384)
    ok(toy:o2x { "run", "open", "alpha", "--secrets=" .. path })
    assert.same({ open = true }, toy:holds().door)
    toy:reset()
    ok(toy:o2x({ "run", "open", "alpha", "--secrets=-" }, nil, { stdin = "door: {key: sesame-sesame}\n" }))
    assert.same({ open = true }, toy:holds().door)
    fs.mkdir(toy.dir .. "/folder")
    fs.write(toy.dir .. "/folder/alpha.yaml", "door: {key: sesame-sesame}\n", { mode = 384 })
    toy:reset()
    ok(toy:o2x({ "run", "open", "alpha" }, { O2X_SECRETS = toy.dir .. "/folder" }))
    assert.same({ open = true }, toy:holds().door)
    fs.write(path, "door: [")
    toy:reset()
    refused(path, { "run", "open", "alpha", "--secrets=" .. path })
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

-- What is typed and configured: words, options, parameters, configuration.

local args = require "o2x.cli.args"
local config = require "o2x.project.config"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"
local params = require "o2x.project.params"
local secret = require "o2x.base.secret"

local function input_error(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("input", err.kind, tostring(err))
  return tostring(err), err
end

describe("a command line", function()
  local COMMAND = {
    name = "run",
    usage = "run RUNBOOK TENANT",
    least = 2,
    needs = "a runbook and a tenant",
    options = { { "json" }, { "secrets", value = "FILE" } },
  }

  it("names the tenant after the runbook", function()
    args.need_tenant("run", { "deploy", "newclient", "wait=no" })
    for _, case in ipairs {
      { {}, "run needs a runbook and a tenant", "usage: o2x run RUNBOOK TENANT" },
      { { "deploy" }, "which tenant?", "[name=value ...]; o2x list --tenants" },
      { { "deploy", "a=it's" }, '"a=it\'s" is a parameter', [[o2x run deploy TENANT 'a=it'\''s'; ]] },
    } do
      local message, err = input_error(args.need_tenant, "run", case[1])
      assert.truthy(message:find(case[2], 1, true), message)
      assert.truthy(err.hint:find(case[3], 1, true), err.hint)
    end
  end)

  it("has options anywhere, with values after = or a space", function()
    local options, rest = args.parse(COMMAND, { "a", "--json", "b", "--secrets=x=y", "c=1" })
    assert.same({ json = true, secrets = "x=y" }, options)
    assert.same({ "a", "b", "c=1" }, rest)
    assert.equal("f", args.parse(COMMAND, { "--secrets", "f", "a", "b" }).secrets)
    assert.is_true(args.parse(COMMAND, { "-q", "a", "b" }).quiet)
    assert.same({ "a", "--json" }, select(2, args.parse(COMMAND, { "a", "--", "--json" })))
    assert.same({ "a=1", "b=2" }, args.parse(COMMAND, { "--set=a=1", "--set", "b=2", "x", "y" }).set)
    assert.same({ "-", "b" }, select(2, args.parse(COMMAND, { "-", "b" })))
  end)

  it("may have a parameter of the runbook with dashes", function()
    local command = { name = "run", usage = "run RUNBOOK", assigns = true, options = { { "json" } } }
    for word, hint in pairs { ["--mode=on"] = "mode=on", ["--mode"] = "mode=…", ["-mode=on"] = "mode=on" } do
      local _, err = input_error(args.parse, command, { "tend", "alpha", word })
      assert.equal("o2x help run lists its options; a parameter of the runbook has no dashes: " .. hint, err.hint)
    end
    local _, err = input_error(args.parse, command, { "--jsn" })
    assert.equal("o2x help run lists its options", err.hint)
  end)

  it("is refused with the word that is wrong", function()
    assert.equal(
      "run: unknown option --jsn; did you mean --json?",
      (input_error(args.parse, COMMAND, { "--jsn", "a", "b" }))
    )
    assert.truthy(input_error(args.parse, COMMAND, { "-x", "a", "b" }):find("unknown option -x", 1, true))
    assert.truthy(input_error(args.parse, COMMAND, { "a", "b", "--secrets" }):find("needs a value", 1, true))
    assert.truthy(input_error(args.parse, COMMAND, { "a", "b", "--json=1" }):find("takes no value", 1, true))
    assert.truthy(input_error(args.parse, COMMAND, { "a" }):find("needs a runbook and a tenant", 1, true))
    assert.truthy(
      input_error(args.parse, { name = "runs", usage = "runs", most = 0 }, { "x" }):find(
        'unexpected argument "x"',
        1,
        true
      )
    )
    assert.same({ a = "1", b = "x=y" }, args.assignments({ "r", "t", "a=1", "b=x=y" }, 3))
    assert.truthy(input_error(args.assignments, { "a=1", "a=2" }, 1):find("given twice", 1, true))
    assert.truthy(input_error(args.assignments, { "plain" }, 1):find("name=value", 1, true))
  end)

  it(
    "shows nothing of others that a terminal would obey",
    function() assert.equal("a\\x1b[2Jb\\tc", out.printable "a\27[2Jb\tc") end
  )
end)

describe("a parameter", function()
  local DECLARED = {
    image = { "version", default = "v2.5.0" },
    count = { "integer", optional = true, min = 1, max = 9 },
    wet = { "boolean", default = false },
    mode = { "choice", choices = { "on", "off" }, optional = true },
    wait = { "duration", optional = true },
    services = { "list", optional = true },
    from = { "tenant", optional = true },
    note = { "string", optional = true },
  }

  local function check(given) return params.check(DECLARED, given, "test") end

  it("is read by its type", function()
    assert.same({ image = "v2.5.0", wet = false }, check {})
    assert.same(
      {
        image = "2.6.0-rc.1",
        wet = true,
        count = 7,
        mode = "on",
        wait = 5400,
        services = { "a", "b" },
        from = "newclient-sbx",
        note = "x y",
      },
      check {
        image = "2.6.0-rc.1",
        wet = "yes",
        count = "7",
        mode = "on",
        wait = "90m",
        services = "a, b",
        from = "newclient-sbx",
        note = "x y",
      }
    )
  end)

  it("is refused if it is none of it", function()
    for name, bad in pairs {
      image = "not a version!",
      count = "1.5",
      wet = "maybe",
      mode = "up",
      wait = "5",
      services = ",",
      from = "New",
      note = "a\nb",
    } do
      assert.truthy(input_error(check, { [name] = bad }):find("parameter " .. name, 1, true))
    end
    assert.equal('parameter count: "12" must be at most 9', input_error(check, { count = "12" }))
    assert.equal('parameter mode: "up" is not one of on, off', input_error(check, { mode = "up" }))
    assert.equal('test has no parameter "imge"; did you mean image?', input_error(check, { imge = "x" }))
    assert.truthy(
      input_error(params.check, { x = { "string" } }, {}, "test"):find("test: missing parameter x", 1, true)
    )
  end)

  it("is declared with a type that exists", function()
    assert.is_nil(params.problem("a", { "string" }))
    assert.truthy(params.problem("a", { "strin" }):find("the type must be one of", 1, true))
    assert.truthy(params.problem("a", { "string", defualt = 1 }):find("did you mean default?", 1, true))
    assert.truthy(params.problem("a", "string"))
    assert.truthy(params.problem("A b", { "string" }))
    assert.truthy(params.problem("a", { "choice" }))
  end)
end)

describe("configuration", function()
  local folder, project
  before_each(function()
    folder = fs.temp_folder("/tmp/o2x-config-")
    project = { root = folder, yaml = folder .. "/o2x.yaml", state = folder .. "/.o2x/runs" }
    fs.mkdir(folder .. "/home/.config/o2x", 448)
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function load(yaml, env, flags)
    fs.write(project.yaml, yaml or "")
    env = env or {}
    env.HOME = folder .. "/home"
    return config.load(project, flags, env)
  end

  local function source(c, key)
    for _, entry in ipairs(c.explain()) do
      if entry.key == key then return entry.source end
    end
  end

  it("comes from the first place that has it", function()
    local env = { PGHOST = "eco", O2X_PG_HOST = "own" }
    assert.equal("127.0.0.1", load().pg.host)
    assert.equal("eco", load("", { PGHOST = "eco" }).pg.host)
    fs.write(folder .. "/home/.config/o2x/config.yaml", "pg:\n  host: user\n")
    assert.equal("user", load("", { PGHOST = "eco" }).pg.host)
    assert.equal("project", load("pg:\n  host: project\n", { PGHOST = "eco" }).pg.host)
    assert.equal("own", load("pg:\n  host: project\n", env).pg.host)
    local c = load("pg:\n  host: project\n", env, { ["pg.host"] = "flag" })
    assert.equal("flag", c.pg.host)
    assert.equal("--set", source(c, "pg.host"))
    assert.equal("O2X_PG_HOST", source(load("", env), "pg.host"))
    assert.equal("default", source(load(), "pg.port"))
  end)

  it("has types, and paths relative to where they are written", function()
    local c = load("platform: tree\npg.port: 6543\ndns:\n  servers: [a, b]\n", { O2X_LAB_HTTPS = "127.0.0.1:1" })
    assert.equal(folder .. "/tree", c.platform)
    assert.equal(6543, c.pg.port)
    assert.same({ "a", "b" }, c.dns.servers)
    assert.equal("127.0.0.1:1", c.https.connect_to)
    assert.same({ "10.0.0.1:53", "10.0.0.2" }, load("", { O2X_LAB_DNS = "10.0.0.1:53, 10.0.0.2" }).dns.servers)
    assert.equal(folder .. "/.o2x/runs", c.state)
    assert.truthy(input_error(load, "pg:\n  port: many\n"):find("pg.port: expected an integer", 1, true))
  end)

  it("makes passwords and tokens secrets at once", function()
    local c = load(
      "pg:\n  password: hunter2-hunter2\n",
      { VAULT_TOKEN = "hvs.token-token", AWS_SECRET_ACCESS_KEY = "key-key-key" }
    )
    for _, value in ipairs { c.pg.password, c.vault.token, c.aws.secret_access_key } do
      assert.is_true(secret.is(value))
    end
    for _, entry in ipairs(c.explain()) do
      assert.is_nil((entry.value or ""):find("hunter2") or (entry.value or ""):find("token-token"))
    end
    fs.write(folder .. "/home/.vault-token", "hvs.from-the-file\n")
    assert.is_true(secret.equal(load().vault.token, "hvs.from-the-file"))
    local message, err = input_error(load, "", {}, { ["pg.password"] = "x" })
    assert.truthy(message:find("must not be on the command line", 1, true))
    assert.truthy(err.hint:find("O2X_PG_PASSWORD", 1, true))
  end)

  it("refuses a key that it does not know, with its line", function()
    assert.equal(
      project.yaml .. ':3: unknown key "pg.hots"; did you mean pg.host?',
      input_error(load, "# mine\npg:\n  hots: x\n")
    )
    assert.equal(project.yaml .. ':1: unknown key "nosuch"', input_error(load, "nosuch: 1\n"))
    assert.truthy(input_error(load, "- a\n"))
    assert.truthy(input_error(load, "", {}, { nosuch = "1" }):find('unknown configuration key "nosuch"', 1, true))
  end)
end)

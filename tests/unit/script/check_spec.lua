-- o2x check: each mistake that it knows, with its line, and what is right left in peace.

local fs = require "o2x.base.fs"
local lint = require "o2x.script.check"

local HEAD = [[
local pg = require "o2x.pg"
local vault = require "o2x.vault"
local k8s = require "o2x.k8s"
local house = require "stdlib.house"
return require "o2x.runbook" {
  name = "x", version = "1.0.0", api = 1, summary = "s", help = "h", effects = { %s },
  params = { rooms = { "integer", default = 1, help = "how many" } },
  run = function(tenant, params)
]]
local LINE = 9 -- of the first of the body

describe("o2x check", function()
  local dir, project
  before_each(function()
    dir = fs.temp_folder("/tmp/o2x-lint-")
    project = { root = dir, runbooks = dir .. "/runbooks", stdlib = dir .. "/stdlib" }
    fs.write(
      dir .. "/stdlib/house.lua",
      [[
local vault = require "o2x.vault"
local M = {}
local function store(tenant) vault.ensure("x", { owner = tenant.name }) end
function M.build(tenant) M.keep(tenant) end
function M.keep(tenant) store(tenant) end
function M.look(tenant) return vault.read(tenant.name) end
return M
]],
      { parents = true }
    )
  end)
  after_each(function() fs.remove_tree(dir) end)

  local function problems_of(text)
    fs.write(dir .. "/runbooks/x.lua", text, { parents = true })
    return (lint.file(project, dir .. "/runbooks/x.lua", "runbook"))
  end

  local function finds(message, line, body, effects)
    local found = problems_of(HEAD:format(effects or "") .. body .. "\nend }")
    local shown = {}
    for i, problem in ipairs(found) do
      shown[i] = problem.text
    end
    local text = table.concat(shown, "\n")
    if not message then
      assert.equal("", text)
    else
      assert.truthy(
        text:find(("runbooks/x.lua:%d: %s"):format(LINE + line - 1, message), 1, true),
        body .. "\ngave: " .. text
      )
    end
  end

  it("leaves what is right in peace", function()
    finds(
      nil,
      1,
      [[
    local db = pg.tenant
    step("Build", house.build, tenant)
    if params.rooms > 1 then step("Rooms", house.look, tenant) else step("Rooms", house.look, tenant) end
    for i = 1, params.rooms do
      step("room " .. i, function() vault.ensure("r" .. i, { password = tenant.secrets.x }) end)
    end
    parallel.each({ "a" }, function(name) step(name, function() log(name) end) end)
    check("there", function() return db:one("select 1 where $1", tenant.id) end)
    tenant.id = "x"
    ]],
      '"vault:write"'
    )
    assert.same({}, (lint.file(project, dir .. "/stdlib/house.lua", "library")))
  end)

  it("finds names that are not there", function()
    finds("stpe is not defined; did you mean step?", 1, 'stpe("x", house.look, tenant)')
    finds("print is not available in runbooks: use log(message)", 2, '\nprint("x")')
    finds("assignment to the global count", 1, "count = 1")
    finds("string.fromat is not available in runbooks", 1, 'log(string.fromat("x"))')
    finds('o2x.vault has no "raed"; did you mean read?', 1, 'log(vault.raed("x"))')
    finds('o2x.pg has no "rwo"; did you mean row?', 1, 'log(pg.tenant:rwo("a.b", { c = 1 }))')
    finds('stdlib.house has no "biuld"; did you mean build?', 1, 'step("x", house.biuld, tenant)')
    finds("params.room is not declared; did you mean rooms?", 2, "\nlog(params.room)")
    finds('require "o2x.valt": unknown API; did you mean vault?', 1, 'require("o2x.valt")')
  end)

  it("finds misuse of the api", function()
    finds("pg.tenant.rows is a method", 1, 'log(pg.tenant.rows("select 1"))')
    finds("vault:read is not a method", 1, 'log(vault:read("x"))')
    finds("SQL built by concatenation", 1, [[log(pg.tenant:rows("select * from t where a = '" .. tenant.name .. "'"))]])
    finds("SQL built by concatenation", 1, [[log(pg.tenant:one(("select %s"):format(tenant.name)))]])
    finds("tenant.name is read-only", 1, 'tenant.name = "x"')
    finds(
      "a check must only read, but vault.ensure writes",
      1,
      'check("x", function() vault.ensure("x", {}) end)',
      '"vault:write"'
    )
    finds('step "x" calls its function instead of passing it', 1, 'step("x", house.look(tenant))')
  end)

  it("finds effects that are not declared, also through stdlib", function()
    finds("undeclared effect: vault.ensure writes", 1, 'step("x", function() vault.ensure("x", {}) end)')
    finds(
      "undeclared effect: vault.ensure writes, called from here (stdlib/house.lua:3)",
      1,
      'step("x", house.build, tenant)'
    )
    finds(
      "undeclared effect: k8s.scale writes",
      1,
      'step("x", function() k8s.scale("Deployment", "x", 1) end)',
      '"vault:write"'
    )
    finds("undeclared effect: pg.ensure_row writes", 1, 'step("x", function() pg.tenant:ensure_row("t", {}, {}) end)')
    finds(
      "undeclared effect: pg.ensure_row writes",
      2,
      'local db = pg.tenant\nstep("x", function() db:ensure_row("t", {}, {}) end)'
    )
    finds(nil, 1, 'step("x", house.look, tenant)')
  end)

  it("finds steps without a name, and two of one name", function()
    finds("step without a name", 1, "step(function() end)")
    finds("step without a name", 1, 'step("", house.look)')
    finds('step "x" has no function', 1, 'step("x")')
    finds('duplicate step name "x" (line 9)', 2, 'step("x", house.look)\nstep("x", house.look)')
    finds('step "x" is in a loop', 1, 'for i = 1, 3 do step("x", house.look, i) end')
    finds('step "x" is in a loop', 1, 'parallel.each({ 1 }, function() step("x", house.look) end)')
    finds('duplicate step name "x"', 2, 'if tenant.id then step("x", house.look) end\nstep("x", house.look)')
    finds(
      nil,
      1,
      'step("x", function() step("x", house.look) end)\n'
        .. 'if tenant.id then step("y", house.look) return end step("y", house.look)'
    )
  end)

  it("finds secrets in literals", function()
    finds("an AWS access key in the source", 1, 'log("AKIA' .. 'IOSFODNN7EXAMPLE")')
    finds("a Stripe key in the source", 1, 'log("sk_live_' .. '51H8abcdefghijklmn")')
    finds("a URL with a password in the source", 1, 'log("postgres://admin:' .. 'hunter2@db/x")')
    finds("password looks like a secret in the source", 1, 'local c = { password = "hunter2-hunter2" } log(c.password)')
    finds("api_key looks like a secret in the source", 1, 'local api_key = "0123456789abcdef" log(api_key)')
    finds("a private key in the source", 1, 'log("-----BEGIN RSA' .. ' PRIVATE KEY-----")')
    finds(
      nil,
      1,
      'log({ password = "", secret = "coredb-credentials", token = "accessToken", url = "https://example.com:8080/x" })'
    )
  end)

  it("finds what a declaration lacks", function()
    local function first(text) return problems_of(text)[1].text end
    local declaration =
      'return require "o2x.runbook" {\n  name = "x", version = "1.0.0", api = 1, summary = "s",\n  %s\n}'
    assert.equal("runbooks/x.lua:2: missing help", first(declaration:format("run = function() end")))
    assert.equal(
      "runbooks/x.lua:3: parameter a has no help",
      first(declaration:format('help = "h", params = { a = { "string" } }, run = function() end'))
    )
    assert.equal('runbooks/x.lua:3: unknown field "rnu"; did you mean run?', first(declaration:format("rnu = 1")))
    assert.equal("runbooks/x.lua:1: unexpected symbol near '='", first("local x = = 1"))
  end)

  it("has nothing to say of the project's own scripts", function()
    local root = fs.cwd()
    local own = { root = root, runbooks = root .. "/runbooks", stdlib = root .. "/stdlib" }
    for _, name in ipairs(fs.list(own.runbooks)) do
      if name:match("%.lua$") then assert.same({}, (lint.file(own, own.runbooks .. "/" .. name, "runbook"))) end
    end
    for _, name in ipairs(fs.list(own.stdlib)) do
      if name:match("%.lua$") then assert.same({}, (lint.file(own, own.stdlib .. "/" .. name, "library"))) end
    end
  end)
end)

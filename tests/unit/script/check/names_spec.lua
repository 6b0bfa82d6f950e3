local folder = require "tests.support.folder"
local names = require "o2x.script.check.names"
local sandbox = require "o2x.script.sandbox"
local parser = require "o2x.script.check.parser"

describe("a name that is not there", function()
  local place
  setup(function() place = folder { ["stdlib/house.lua"] = "return { build = function() end }" } end)
  teardown(function() place:close() end)

  -- What is said of a text; declared: the runbook's parameters.
  local function said(text, declared)
    local list = {}
    local box = sandbox.new { root = place.path, runbooks = place:at "runbooks", stdlib = place:at "stdlib" }
    names.check {
      tree = parser.parse(text),
      environment = box.environment,
      globals = { "step", "check" },
      sandbox = box,
      declared = declared,
      problem = function(line, message) list[#list + 1] = line .. ": " .. message end,
    }
    return table.concat(list, "\n")
  end

  it("is a global, with the nearest word", function() assert.matches("^1: stpe .*step", said 'stpe("x", f)') end)

  it("is a global that is assigned", function() assert.matches("^2: .*count", said "\ncount = 1") end)

  it("is a function of the Lua library that scripts do not have", function()
    assert.matches("string.dump", said "return string.dump")
    assert.equal("", said "return string.rep")
  end)

  it("is a function of an api, or the api itself", function()
    assert.matches("raed.*read", said 'local vault = require "o2x.vault" vault.raed("x")')
    assert.matches("valt.*vault", said 'require "o2x.valt"')
    assert.equal("", said 'local vault = require "o2x.vault" vault.read("x")')
  end)

  it("is a function of stdlib", function()
    assert.matches("biuld.*build", said 'local house = require "stdlib.house" house.biuld()')
    assert.equal("", said 'local house = require "stdlib.house" house.build()')
  end)

  it("is a parameter that is not declared", function()
    local declared = { rooms = { "integer" } }
    assert.matches("room.*rooms", said("local function run(tenant, params) return params.room end", declared))
    assert.equal("", said("local function run(tenant, params) return params.rooms end", declared))
  end)

  it(
    "is none in what the script defines itself",
    function() assert.equal("", said "local function f(a) local b = a return b end f(1)") end
  )
end)

describe("a query", function()
  it("that is put together from what comes from outside is found", function()
    local function count(text)
      local n = 0
      names.check {
        tree = parser.parse('local pg = require "o2x.pg" local function f(tenant) ' .. text .. " end"),
        environment = setmetatable({}, { __index = function() return {} end }),
        problem = function() n = n + 1 end,
        globals = {},
      }
      return n
    end
    assert.equal(1, count "pg.tenant:rows('select ' .. tenant.name)")
    assert.equal(1, count "pg.tenant:one(('select %s'):format(tenant.name))")
    assert.equal(0, count "pg.tenant:rows('select ' .. 'x')")
    assert.equal(0, count "pg.tenant:rows('select $1', tenant.name)")
  end)
end)

-- The list of functions that reads may call, compared with a real server.

local functions = require "o2x.client.pg.functions"
local pg = require "o2x.client.pg"
local servers = require "tests.support.servers"

local VOLATILE = [[select distinct proname::text as name from pg_proc
  where provolatile = 'v' and pronamespace = 'pg_catalog'::regnamespace]]
local KNOWN = [[select distinct proname::text as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace]]

describe("functions", function()
  local server, volatile, known
  setup(function()
    server = servers.start "postgres"
    local db <close> = pg.connect(server.options "postgres")
    volatile, known = {}, {}
    for _, row in ipairs(db:rows(VOLATILE)) do
      volatile[row.name] = true
    end
    for _, row in ipairs(db:rows(KNOWN)) do
      known[row.name] = true
    end
  end)
  teardown(function() server.stop() end)

  it("that are allowed have no volatile form, but for those that are named", function()
    local count = 0
    for name in pairs(functions.pure) do
      assert.is_nil(volatile[name], name)
      count = count + 1
    end
    assert.is_true(count > 400)
  end)

  it("that are volatile are allowed by name only", function()
    local count = 0
    for name in pairs(volatile) do
      if functions.allowed(name) then assert.is_true(functions.volatile[name], name) end
      count = count + 1
    end
    assert.is_true(count > 150)
  end)

  it("are PostgreSQL's", function()
    local missing = {}
    for name in pairs(functions.pure) do
      if not known[name] then missing[#missing + 1] = name end
    end
    assert.same({}, missing)
  end)
end)

local errors = require "o2x.base.error"
local preparation = require "o2x.engine.preparation"
local registered = require "o2x.engine.registered"

describe("what the registry holds of all tenants", function()
  local prepare_look
  local looks, closed

  before_each(function()
    prepare_look, looks, closed = preparation.look, {}, 0
  end)
  after_each(function()
    preparation.look = prepare_look -- luacheck: ignore
  end)

  -- rows of a registry whose question is answered by fn
  local function rows(fn)
    preparation.look = function(_, _, name, _, loaded) -- luacheck: ignore
      looks[#looks + 1] = { name = name, scope = loaded[2] }
      return {
        gate = { type_of = function() return { names = fn } end },
        close_clients = function() closed = closed + 1 end,
      }
    end
    local platform = { places = function(settings) return { pg = { control = settings.control } } end }
    return registered.rows({}, {}, { platform = platform }, { control = "registry" })
  end

  it("is one question, by a scope that has no tenant", function()
    local found = rows(
      function() return { { name = "one", id = "T-1", status = "ACTIVE" }, { name = "two", id = "T-2" } } end
    )
    assert.same({ one = { id = "T-1", status = "ACTIVE" }, two = { id = "T-2" } }, found)
    assert.same({ { name = "all tenants", scope = { pg = { control = "registry" } } } }, looks)
    assert.equal(1, closed)
  end)

  it("is nothing, and why, where it does not answer", function()
    local found, why = rows(function() errors.raise { kind = "unreachable", message = "no server" } end)
    assert.is_nil(found)
    assert.equal("no server", why)
    assert.equal(1, closed)
  end)

  it("is nothing where the platform has none", function()
    assert.is_nil(registered.rows({}, {}, { platform = {} }, {}))
    assert.same({}, looks)
  end)

  it("is compared with the tenant's file", function()
    local row = { id = "T-1", status = "ACTIVE" }
    assert.equal("active", registered.state({ id = "T-1" }, row))
    assert.equal("suspended", registered.state({}, { id = "T-1", status = "SUSPENDED" }))
    assert.equal("in the registry", registered.state({}, { id = "T-1" }))
    assert.equal("file only: not in the registry", registered.state({ id = "T-1" }, nil))
    assert.equal("registry only: no file", registered.state(nil, row))
    assert.equal("the file says T-2, the registry T-1", registered.state({ id = "T-2" }, row))
  end)
end)

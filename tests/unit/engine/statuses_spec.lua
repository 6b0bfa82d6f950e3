local errors = require "o2x.base.error"
local preparation = require "o2x.engine.preparation"
local statuses = require "o2x.engine.statuses"

describe("the statuses of tenants", function()
  local prepare_look, place_to_look
  local looks, asked -- which tenants were looked at, by which grants; whose status was asked for

  -- What the platform says.
  local function platform_of(noted)
    return {
      status = function(tenant)
        asked[#asked + 1] = tenant.name
        if tenant.name == "broken" then errors.raise { kind = "failed", message = "no answer" } end
        return tenant.name == "resting" and "in maintenance" or nil
      end,
      noted = noted
        and { grants = function(settings) return { k8s = { namespace = settings.namespace } } end, names = noted },
    }
  end

  before_each(function()
    prepare_look, place_to_look = preparation.look, preparation.place
    looks, asked = {}, {}
    preparation.look = function(_, _, name, place, loaded) -- luacheck: ignore
      looks[#looks + 1] = { name = name, scope = loaded[2] }
      return { platform = place.platform, tenant = loaded[1], close_clients = function() end }
    end
  end)
  after_each(function()
    preparation.look, preparation.place = prepare_look, place_to_look -- luacheck: ignore
  end)

  local function of(noted, names)
    local place = { platform = platform_of(noted) }
    preparation.place = function() return place end -- luacheck: ignore
    return statuses.of(
      {},
      {},
      { settings = { namespace = "default" } },
      place,
      names,
      function(name) return { name = name }, { of = name } end
    )
  end

  local function fails(kind)
    return function() errors.raise { kind = kind, message = "no cluster" } end
  end

  it("are asked of those only that one question names", function()
    local found = of(function() return { "resting", "gone" } end, { "one", "resting", "two" })
    assert.same({ one = "", resting = "in maintenance", two = "" }, found)
    assert.same({ "resting" }, asked)
    assert.same({
      { name = "all tenants", scope = { k8s = { namespace = "default" } } },
      { name = "resting", scope = { of = "resting" } },
    }, looks)
  end)

  for _, kind in ipairs { "input", "unreachable", "timeout" } do
    it(("are unknown for all where no question can be asked: %s"):format(kind), function()
      local text = "status unknown: no cluster"
      assert.same({ one = text, two = text }, of(fails(kind), { "one", "two" }))
      assert.same({}, asked)
    end)
  end

  for _, kind in ipairs { "unauthorised", "refused", "failed", "bug" } do
    it(("are asked one by one where nobody may ask for all: %s"):format(kind), function()
      assert.same({ one = "", resting = "in maintenance" }, of(fails(kind), { "one", "resting" }))
      assert.same({ "one", "resting" }, asked)
    end)
  end

  it("are asked one by one of a platform that has no such question", function()
    local found = of(nil, { "broken", "one", "resting" })
    assert.same({ broken = "status unknown: no answer", one = "", resting = "in maintenance" }, found)
  end)

  it("end with Ctrl-C", function()
    local ok, err = pcall(of, fails "cancelled", { "one" })
    assert.is_false(ok)
    assert.equal("cancelled", err.kind)
  end)

  it("are none of a platform without statuses, which is not asked", function()
    local place = { platform = {} }
    assert.same({ one = "" }, statuses.of({}, {}, {}, place, { "one" }, error))
    assert.same({}, looks)
  end)

  it("of nobody ask nothing", function()
    assert.same({}, of(fails "bug", {}))
    assert.same({}, looks)
  end)
end)

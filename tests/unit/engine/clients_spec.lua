local clients = require "o2x.engine.clients"

describe("the clients of a run", function()
  local made, closed

  before_each(function()
    made, closed = {}, {}
    for _, name in ipairs { "one", "two" } do
      package.loaded["o2x.client.test_" .. name] = {
        for_run = function(config, scope, run, client)
          made[#made + 1] = ("%s %s %s %s"):format(name, config.word, scope.word, run.id)
          if name == "two" then client "test_one" end
          return { name = name, close = function() closed[#closed + 1] = name end }
        end,
      }
    end
  end)
  after_each(function()
    package.loaded["o2x.client.test_one"], package.loaded["o2x.client.test_two"] = nil, nil
  end)

  local function new() return clients.new({ word = "config" }, { word = "scope" }, { id = "R-1" }) end

  it("are made at their first use, of the configuration and the grants", function()
    local client = new()
    assert.same({}, made)
    assert.equal("one", client("test_one").name)
    assert.same({ "one config scope R-1" }, made)
  end)

  it("are the same each time", function()
    local client = new()
    assert.equal(client "test_one", client "test_one")
    assert.equal(1, #made)
  end)

  it("may use each other, and are closed in the opposite order", function()
    local client, close = new()
    client "test_two"
    close()
    assert.same({ "two", "one" }, closed)
  end)

  it("that cannot be closed do not keep the others open", function()
    local client, close = new()
    client "test_one"
    client("test_two").close = function() error "no" end
    close()
    assert.same({ "one" }, closed)
  end)

  it("are only those that there are", function() assert.is_false((pcall((new()), "nosuch"))) end)
end)

local broker = require "o2x.policy.broker"
local xml = require "o2x.base.xml"

describe("the entries of the broker", function()
  it("are for the queues below the tenant's prefix", function()
    local entry = xml.parse(broker.text("o2x-newclient", { broker = { "TIDLT-100008." } }))
    assert.equal("authorizationEntry", entry.name)
    assert.matches('queue="TIDLT%-100008%.>"', broker.text("o2x-newclient", { broker = { "TIDLT-100008." } }))
  end)

  it("are none before the tenant has its id", function() assert.matches("^<!%-%-", broker.text("o2x-x", {})) end)
end)

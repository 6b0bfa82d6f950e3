local stdlib = require "tests.support.stdlib"

describe("stdlib.messaging", function()
  local tenant = stdlib.tenant "newclient"

  it("prefixes the queues with the tenant's id", function()
    local names = stdlib.new().require("messaging").queues(tenant)
    assert.equal(#tenant.platform.broker.queues, #names)
    for _, name in ipairs(names) do
      assert.matches("^TIDLT%-100008%.%l", name)
    end
  end)

  it("ensures each queue", function()
    local std = stdlib.new()
    local messaging = std.require "messaging"
    messaging.create(tenant)
    local created = {}
    for i, call in ipairs(std.called "broker.ensure_queue") do
      created[i] = call[1]
    end
    assert.same(messaging.queues(tenant), created)
  end)
end)

local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.cache", function()
  local tenant = stdlib.tenant "urbanos" -- TIDLT-100005

  -- What redis.clear is called with.
  local function cleared(params)
    local std = stdlib.new()
    std.require("cache").clear(tenant, params)
    return std.called("redis.clear")[1]
  end

  it("clears everything below the tenant's id", function() assert.same({ "TIDLT-100005:" }, cleared {}) end)

  it("clears one part", function() assert.same({ "TIDLT-100005:session:" }, cleared { part = "session" }) end)

  it(
    "clears what matches a pattern",
    function() assert.same({ "TIDLT-100005:", "session:5f*" }, cleared { pattern = "session:5f*" }) end
  )

  it(
    "accepts a pattern that begins with the tenant's own id",
    function() assert.same({ "TIDLT-100005:", "cache:*" }, cleared { pattern = "TIDLT-100005:cache:*" }) end
  )

  it("refuses a pattern that names another tenant", function()
    for _, pattern in ipairs { "TIDLT-100006:*", "TIDLT-*", "TIDLT-1000051:session:*" } do
      local problem = raised(cleared, { pattern = pattern })
      assert.equal("input", problem.kind)
      assert.matches("does not belong to urbanos", problem.message)
    end
  end)
end)

local redis = require "o2x.policy.redis"

describe("the user of Redis", function()
  it("may use the tenant's prefix and the commands of o2x", function()
    local text = redis.text("o2x-newclient", { redis = { "TIDLT-100008:" } })
    assert.equal(
      "ACL SETUSER o2x-newclient reset on resetchannels ~TIDLT-100008:* -@all +auth +hello +select +ping "
        .. "+info +time +scan +unlink +exists",
      text
    )
  end)

  it(
    "has no key before the tenant has its id",
    function() assert.is_nil(redis.text("o2x-newclient", {}):find("~", 1, true)) end
  )
end)

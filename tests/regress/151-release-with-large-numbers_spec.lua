-- One number beyond 64 bits in a release's values, and every later command on the release failed.

local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"

describe("a release whose values have numbers beyond 64 bits", function()
  it("is read, planned, upgraded and rolled back", function()
    helm_cluster.with(function(env)
      local values = 'n={"a":9223372036854775808,"b":1e20,"c":9007199254740993}'
      env.ask("helm", "install", "t1-app", fs.join(env.tree, "charts/app"), "--set-json", values)
      local helm = env.run().api.helm
      assert.equal("deployed", helm.list()[1].status)
      assert.equal(1, #helm.history "t1-app")
      assert.same({ a = 2.0 ^ 63, b = 1e20, c = 1 << 53 }, helm.values(helm.at("t1-app", 1)).n)
      env.run("plan").ensure()
      env.run().ensure()
      assert.equal("t1-app 2 deployed", env.releases())
      env.run().api.helm.rollback("t1-app", 1)
      assert.equal("t1-app 3 deployed", env.releases())
    end)
  end)
end)

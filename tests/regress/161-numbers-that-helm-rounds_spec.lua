-- helm keeps each number as a double. A release with an integer beyond 2^53 was changed by each run, one with an
-- integer beyond 2^63 could not even be read.

local helm_cluster = require "tests.support.helm_cluster"

local VALUES <const> = "id: 9007199254740995\nlargest: 9223372036854775807\nfloat: 1e20\nbeyond: 18446744073709551616\n"

describe("a release with numbers that helm rounds", function()
  it("is unchanged in a second run, and can be changed and rolled back", function()
    helm_cluster.with(function(env)
      local o = { wait = false }
      env.values(VALUES)
      env.run().ensure(o)
      assert.equal("unchanged", select(2, env.run().ensure(o)))
      env.values(VALUES .. "level: DEBUG\n")
      assert.equal("changed", select(2, env.run().ensure(o)))
      assert.equal("unchanged", select(2, env.run().ensure(o)))
      assert.equal("changed", env.run().api.helm.rollback("t1-app", 1, { wait = false }))
      env.values(VALUES)
      assert.equal("unchanged", select(2, env.run().ensure(o)))
      assert.matches("largest: 9223372036854776000", env.ask("helm", "get", "values", "t1-app"))
    end)
  end)
end)

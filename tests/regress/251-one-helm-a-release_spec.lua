-- A new release started helm three times, to render it twice and to install it; an unchanged one started it twice.
local helm_cluster = require "tests.support.helm_cluster"

describe("a release", function()
  it("starts one helm when it is new or changed, and none when it is not", function()
    helm_cluster.with(function(env)
      local function helms(mode)
        env.renew()
        env.run(mode).ensure()
        return (env.helms():gsub("^version ?", ""))
      end
      assert.equal("upgrade", helms "apply")
      assert.equal("", helms "plan")
      env.values "level: DEBUG\n"
      assert.equal("upgrade", helms "apply")
      assert.equal("", helms "apply")
      assert.equal("", helms "plan")
      env.values "level: ERROR\n"
      assert.equal("template", helms "plan")
    end, true)
  end)
end)

-- After helm had written, the objects of a release were fetched and compared twice: to mend them, and to read back.

local helm_cluster = require "tests.support.helm_cluster"

describe("a release that is written", function()
  it("has its objects compared once, and its record is read after that", function()
    helm_cluster.with(function(env)
      local fetch, status, order = env.k8s.fetch, env.helm.status, {}
      env.k8s.fetch = function(...)
        order[#order + 1] = "objects"
        return fetch(...)
      end
      env.helm.status = function(...)
        order[#order + 1] = "record"
        return status(...)
      end
      local after, outcome = env.run().ensure()
      assert.same({ 1, "deployed", "created" }, { after.revision, after.status, outcome })
      assert.equal("record record objects record", table.concat(order, " "))
    end)
  end)

  it("is mended when somebody edits it while helm writes", function()
    helm_cluster.with(function(env)
      local upgrade = env.helm.upgrade
      env.helm.upgrade = function(...)
        upgrade(...)
        env.ask("kubectl", "scale", "deployment", "t1-app", "--replicas=7")
      end
      local wanted = env.ask("helm", "template", env.tree .. "/charts/app"):match "replicas: (%d+)" or "1"
      assert.is_nil(env.run().ensure().drift)
      assert.equal(wanted, env.ask("kubectl", "get", "deployment", "t1-app", "-o", "jsonpath={.spec.replicas}"))
      assert.same({}, env.run().api.helm.drift "t1-app")
    end)
  end)
end)

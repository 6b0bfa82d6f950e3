-- A deleted or edited object of a release was "unchanged", and a run then waited 300 s for what it did not make.

local helm_cluster = require "tests.support.helm_cluster"

describe("a release", function()
  it("whose objects were deleted or edited by hand is made whole", function()
    helm_cluster.with(function(env)
      env.run().ensure()
      env.ask("kubectl", "delete", "deployment,service", "t1-app")
      assert.equal("changed", select(2, env.run().ensure { timeout = 60 }))
      local names = env.ask("kubectl", "get", "deployment,service", "-l", "tenant=t1", "-o", "name")
      assert.equal("deployment.apps/t1-app\nservice/t1-app", names)
      env.ask("kubectl", "set", "image", "deployment/t1-app", "app=example/app:by-hand")
      assert.equal("changed", select(2, env.run().ensure()))
      local image = "jsonpath={.spec.template.spec.containers[0].image}"
      assert.equal("example/app:v1", env.ask("kubectl", "get", "deployment", "t1-app", "-o", image))
      assert.equal("unchanged", select(2, env.run().ensure()))
    end)
  end)
end)

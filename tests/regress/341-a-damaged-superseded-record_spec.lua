-- The record of a revision that was superseded and is the newest (its successor was removed by hand) could not be read:
-- then no release of the tenant could be listed, nor planned. helm skips such a record.

local crypto = require "o2x.base.crypto"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local raised = require "tests.support.raised"

describe("a superseded record that is the newest and is damaged", function()
  it("is skipped in lists as by helm, and an error for its release only", function()
    helm_cluster.with(function(env)
      for _, level in ipairs { "A", "B", "C" } do
        env.values(("level: %s\n"):format(level))
        env.run().ensure()
      end
      env.run().ensure { name = "t1-web", values = { level = "X" } }
      local free = k8s.new { config = env.config }
      env.ask("kubectl", "delete", "secret", "sh.helm.release.v1.t1-app.v3")
      local damage = { data = { release = crypto.base64(crypto.base64 "{") } }
      free:patch("Secret", "sh.helm.release.v1.t1-app.v2", damage)
      env.renew()
      assert.equal("t1-app 1 superseded; t1-web 1 deployed", env.releases()) -- helm's own list
      local found = {}
      for i, one in ipairs(env.run("plan").api.helm.list()) do
        found[i] = ("%s %d %s"):format(one.name, one.revision, one.status)
      end
      assert.same({ "t1-app 1 superseded", "t1-web 1 deployed" }, found, json.encode(found))
      local err = raised(env.run("plan").ensure)
      assert.matches("^release t1%-app: its record sh.helm.release.v1.t1%-app.v2 is damaged", err.message)
      assert.equal("unchanged", select(2, env.run("plan").ensure { name = "t1-web", values = { level = "X" } }))
    end, true)
  end)
end)

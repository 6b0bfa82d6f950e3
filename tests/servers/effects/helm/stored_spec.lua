-- Records of releases that name another tenant's objects: helm must not act on them.
local helm_cluster = require "tests.support.helm_cluster"
local k8s = require "o2x.client.k8s"
local raised = require "tests.support.raised"

local function cluster(what, body)
  it(what, function() helm_cluster.with(body) end)
end

-- Changes a stored revision, as somebody with access to the cluster could.
local function tamper(env, revision, expression)
  local secret = "sh.helm.release.v1.t1-app.v" .. revision
  local text = env.ask(
    "sh",
    "-c",
    ([[kubectl get secret %s -o jsonpath={.data.release} | base64 -d | base64 -d | gunzip |
      sed '%s' | gzip -c | base64 -w0 | base64 -w0]]):format(secret, expression)
  )
  k8s.new({ config = env.config }):patch("Secret", secret, { data = { release = text } })
end

-- The Service of a revision becomes another tenant's.
local STEAL <const> = [[s/kind: Service\\nmetadata:\\n  name: t1-app/kind: Service\\nmetadata:\\n  name: urbanos-app/]]

local function service(env)
  return env.ask("kubectl", "get", "svc", "urbanos-app", "-o", "jsonpath={.spec.ports[0].port}")
end

describe("a release whose record names another tenant's object", function()
  cluster("is neither upgraded, nor rolled back, nor removed", function(env)
    env.ask("kubectl", "create", "service", "clusterip", "urbanos-app", "--tcp=5432:5432")
    env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure { wait = false }
    tamper(env, 2, STEAL)
    assert.is_truthy(env.ask("helm", "get", "manifest", "t1-app"):find("urbanos-app", 1, true))
    env.values("level: WARN\n")
    for _, mode in ipairs { "plan", "apply" } do
      local helm = env.run(mode).api.helm
      for name, fn in pairs {
        ensure = env.run(mode).ensure,
        remove = function() helm.remove_release("t1-app") end,
        rollback = function() helm.rollback("t1-app", 1) end,
      } do
        local e = raised(fn)
        assert.equal("refused", e.kind, mode .. name)
        assert.matches("release t1%-app holds Service urbanos%-app, which helm would change or delete", e.message)
      end
    end
    assert.equal("t1-app 2 deployed", env.releases())
    assert.equal("5432", service(env))
  end)

  cluster("is not rolled back to", function(env)
    env.ask("kubectl", "create", "service", "clusterip", "urbanos-app", "--tcp=5432:5432")
    env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure { wait = false }
    tamper(env, 1, STEAL)
    for _, mode in ipairs { "plan", "apply" } do
      local e = raised(env.run(mode).api.helm.rollback, "t1-app", 1)
      assert.equal("refused", e.kind)
      assert.matches("urbanos%-app", e.message)
    end
    assert.equal("t1-app 2 deployed", env.releases())
    assert.equal("5432", service(env))
  end)

  cluster("is not rolled back to if it came after the check", function(env)
    env.run().ensure()
    env.values("level: DEBUG\n")
    env.run().ensure { wait = false }
    local run = env.run()
    local effect = run.ctx.effect
    run.ctx.effect = function(...)
      tamper(env, 1, "s/name: t1-app/name: t1-web/g")
      return effect(...)
    end
    local e = raised(run.api.helm.rollback, "t1-app", 1)
    assert.equal("conflict", e.kind)
    assert.matches("revision 1 of release t1%-app is not what it was when it was checked", e.message)
    assert.equal("t1-app 2 deployed", env.releases())
  end)
end)

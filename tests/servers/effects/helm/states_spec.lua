-- Releases in the states in which people leave them: each can be read, and a run goes on from it.
local chart = require "tests.support.chart"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local gzip = require "o2x.base.gzip"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"

local SECRET <const> = "sh.helm.release.v1.t1-app.v%d"

-- Changes a record as text; a function that returns nil damages it.
local function edit(env, revision, change, status)
  local free, secret = k8s.new { config = env.config }, SECRET:format(revision)
  local stored = json.decode(env.ask("kubectl", "get", "secret", secret, "-o", "json")).data.release
  local bytes = crypto.unbase64(crypto.unbase64(stored))
  local text = change(gzip.unpack(bytes, 1 << 24, secret))
  bytes = text and proc.run({ argv = { "gzip", "-c" }, stdin = text }).stdout or bytes:sub(1, -30)
  free:patch("Secret", secret, {
    data = { release = crypto.base64(crypto.base64(bytes)) },
    metadata = { labels = status and { status = status } or nil },
  })
end

local function to_status(status)
  return function(text) return (text:gsub('"status":"%l[%l-]*"', ('"status":"%s"'):format(status), 1)) end
end

-- helm by hand, as the user's own.
local function by_hand(env, ...) return env.lab.run("helm", ...) end

-- Each: what happened, the releases then, and after a run.
local CASES <const> = {
  {
    "a first install that failed",
    function(env)
      chart.write(fs.join(env.lab.dir, "bad"), {
        ["service.yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: t1-app}\nspec: {ports: [{port: 0}]}\n",
      })
      by_hand(env, "install", "t1-app", fs.join(env.lab.dir, "bad"))
    end,
    "t1-app 1 failed",
    "t1-app 2 deployed",
  },
  {
    "an upgrade that failed",
    function(env)
      env.run().ensure()
      edit(env, 1, to_status "failed", "failed")
    end,
    "t1-app 1 failed",
    "t1-app 2 deployed",
  },
  {
    "one that was uninstalled and whose history was kept",
    function(env)
      env.run().ensure()
      by_hand(env, "uninstall", "t1-app", "--keep-history")
    end,
    "t1-app 1 uninstalled",
    "t1-app 2 deployed",
  },
  {
    "an uninstall that was cut short",
    function(env)
      env.run().ensure()
      env.ask("kubectl", "delete", "service", "t1-app")
      edit(env, 1, to_status "uninstalling", "uninstalling")
    end,
    "t1-app 1 uninstalling",
    "t1-app 1 deployed",
  },
  {
    "a chart that rendered nothing",
    function(env)
      chart.write(fs.join(env.lab.dir, "empty"), { ["deployment.yaml"] = "", ["service.yaml"] = "{{/* nothing */}}\n" })
      by_hand(env, "install", "t1-app", fs.join(env.lab.dir, "empty"))
    end,
    "t1-app 1 deployed",
    "t1-app 2 deployed",
  },
  {
    "values that only a float can hold",
    function(env)
      local set = 'n={"a":9007199254740993,"b":1e20,"c":18446744073709551616}'
      by_hand(env, "install", "t1-app", fs.join(env.tree, "charts/app"), "--set-json", set)
    end,
    "t1-app 1 deployed",
    "t1-app 2 deployed",
  },
  {
    "a manifest with a key twice, as helm takes it",
    function(env)
      env.run().ensure()
      edit(env, 1, function(text) return (text:gsub("kind: Service\\n", "kind: Service\\nkind: Service\\n", 1)) end)
    end,
    "t1-app 1 deployed",
    "t1-app 1 deployed",
  },
  {
    "records that are gone but for the last one",
    function(env)
      for i = 1, 4 do
        env.values(("level: L%d\n"):format(i))
        env.run().ensure { wait = false }
      end
      for i = 1, 3 do
        env.ask("kubectl", "delete", "secret", SECRET:format(i))
      end
      env.values "level: INFO\n"
    end,
    "t1-app 4 deployed",
    "t1-app 5 deployed",
  },
}

describe("a release goes on from", function()
  for _, case in ipairs(CASES) do
    it(case[1], function()
      helm_cluster.with(function(env)
        case[2](env)
        assert.equal(case[3], env.releases())
        env.run("plan").ensure()
        assert.equal(case[3], env.releases())
        env.run().ensure()
        assert.equal(case[4], env.releases())
        assert.equal("unchanged", select(2, env.run().ensure()))
        assert.equal("2", env.ask("kubectl", "get", "deploy", "t1-app", "-o", "jsonpath={.status.readyReplicas}"))
        assert.equal("service/t1-app", env.ask("kubectl", "get", "service", "t1-app", "-o", "name"))
      end)
    end)
  end
end)

describe("a release is refused with its way out:", function()
  local function cluster(what, body)
    it(what, function() helm_cluster.with(body) end)
  end

  cluster("its newest record is damaged", function(env)
    env.run().ensure()
    env.values "level: DEBUG\n"
    env.run().ensure { wait = false }
    edit(env, 2, function() end)
    for _, mode in ipairs { "plan", "apply" } do
      local e = raised(env.run(mode).ensure)
      assert.matches("release t1%-app: its record sh.helm.release.v1.t1%-app.v2 is damaged", e.message)
      assert.matches("^kubectl delete secret sh.helm.release.v1.t1%-app.v2 %-n default", e.hint)
    end
    env.ask("kubectl", "delete", "secret", SECRET:format(2))
    env.run().ensure()
    assert.equal("unchanged", select(2, env.run().ensure()))
  end)

  cluster("a revision that helm no longer keeps", function(env)
    env.run().ensure()
    env.values "level: DEBUG\n"
    env.run().ensure { wait = false }
    env.ask("kubectl", "delete", "secret", SECRET:format(1))
    local e = raised(env.run().api.helm.rollback, "t1-app", 1)
    assert.equal("input", e.kind)
    assert.equal("release t1-app has no revision 1", e.message)
    assert.matches("helm history t1%-app", e.hint)
    assert.is_nil(env.run().api.helm.previous "t1-app")
  end)

  cluster("a first install of somebody else that never ended", function(env)
    by_hand(env, "install", "t1-app", fs.join(env.tree, "charts/app"))
    edit(env, 1, to_status "pending-install", "pending-install")
    local e = raised(env.run().ensure)
    assert.equal("conflict", e.kind)
    assert.matches("release t1%-app is pending%-install, but not by o2x", e.message)
    assert.matches("helm uninstall", e.hint)
    by_hand(env, "uninstall", "t1-app")
    env.run().ensure()
    assert.equal("t1-app 1 deployed", env.releases())
  end)
end)

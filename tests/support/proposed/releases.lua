--- Rows of what is proposed, with the real helm: releases that a run cannot go on with until somebody types
--- what it proposes.

local assert = require "luassert"
local chart = require "tests.support.chart"
local crypto = require "o2x.base.crypto"
local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local gzip = require "o2x.base.gzip"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local stored = require "o2x.effects.helm.stored"
local task = require "o2x.base.task"

local SECRET <const> = "sh.helm.release.v1.t1-app.v%d"

-- A row with a cluster of its own. fn is called with it and with follow(error, pattern), which runs what a hint says.
local function row(fn)
  return function()
    helm_cluster.with(function(env)
      fn(env, function(err, pattern)
        local command = (err.hint or ""):match(pattern)
        assert(command, ("%s does not propose %s: %s"):format(err.message, pattern, tostring(err.hint)))
        local result = env.lab.run("bash", "-c", command)
        assert(result.code == 0, ("%s: exit %s\n%s"):format(command, result.code, result.stderr))
        return result.stdout
      end)
    end)
  end
end

-- Changes a record of helm as text; a function that returns nil cuts it.
local function edit(env, revision, change, status)
  local free, name = k8s.new { config = env.config }, SECRET:format(revision)
  local data = json.decode(env.ask("kubectl", "get", "secret", name, "-o", "json")).data.release
  local bytes = crypto.unbase64(crypto.unbase64(data))
  local text = change(gzip.unpack(bytes, 1 << 24, name))
  bytes = text and proc.run({ argv = { "gzip", "-c" }, stdin = text }).stdout or bytes:sub(1, -30)
  free:patch("Secret", name, {
    data = { release = crypto.base64(crypto.base64(bytes)) },
    metadata = { labels = { status = status, ["o2x-effect"] = json.null } },
  })
end

local function pending(status)
  return function(text) return (text:gsub('"status":"deployed"', ('"status":"%s"'):format(status), 1)) end
end

local function two_revisions(env)
  env.run().ensure()
  env.values "level: DEBUG\n"
  env.run().ensure { wait = false }
end

local function goes_on(env)
  env.run().ensure()
  assert.equal("unchanged", select(2, env.run().ensure()))
end

local rolls_back = row(function(env, follow)
  two_revisions(env)
  edit(env, 2, pending "pending-upgrade", "pending-upgrade")
  local e = raised(env.run().ensure)
  assert.matches("pending%-upgrade", follow(e, "helm history t1%-app %-n default"))
  follow(e, "helm rollback t1%-app %-n default")
  goes_on(env)
end)

local uninstalls = row(function(env, follow)
  env.run().ensure()
  edit(env, 1, pending "pending-install", "pending-install")
  follow(raised(env.run().ensure), "helm uninstall t1%-app %-n default")
  assert.equal("", env.releases())
  goes_on(env)
end)

local removes_damaged = row(function(env, follow)
  two_revisions(env)
  edit(env, 2, function() end)
  follow(raised(env.run().ensure), "kubectl delete secret %S+ %-n default")
  goes_on(env)
end)

local removes_unreadable = row(function(env, follow)
  two_revisions(env)
  edit(env, 2, function(text) return (text:gsub('"manifest":"', '"manifest":"a: {\\n', 1)) end, "deployed")
  local e = raised(env.run().api.helm.remove_release, "t1-app")
  follow(e, "kubectl delete secret %S+ %-n default")
  env.run().api.helm.remove_release "t1-app"
  assert.matches("uninstalled", env.releases())
end)

-- helm reads what is deeper than o2x reads.
local shows_values = row(function(env, follow)
  two_revisions(env)
  local deep = ('{"a":'):rep(300) .. "1" .. ("}"):rep(300)
  edit(env, 2, function(text) return (text:gsub('"config":{', '"config":{"deep":' .. deep .. ",", 1)) end, "deployed")
  assert.matches("deep:", follow(raised(env.run().ensure), "helm get values t1%-app %-n default"))
end)

local shows_manifest = row(function(env, follow)
  env.run().ensure()
  local e = raised(stored.rollback, env.run().ctx, "t1-app", "default", 1, { manifest = "another" })
  assert.matches("kind: Deployment", follow(e, "helm get manifest t1%-app %-%-revision 1 %-n default"))
end)

local lists_revisions = row(function(env, follow)
  env.run().ensure()
  local e = raised(env.run().api.helm.rollback, "t1-app", 9)
  assert.matches("deployed", follow(e, "helm history t1%-app %-n default"))
end)

-- Somebody made a Deployment anew with another selector, which cannot be changed.
local deletes_edited = row(function(env, follow)
  env.run().ensure()
  local live = json.decode(env.ask("kubectl", "get", "deploy", "t1-app", "-o", "json"))
  env.ask("kubectl", "delete", "deploy", "t1-app")
  live.metadata.resourceVersion, live.metadata.uid, live.status = nil, nil, nil
  live.spec.selector.matchLabels.other = "yes"
  live.spec.template.metadata.labels.other = "yes"
  local path = fs.join(env.lab.dir, "edited.json")
  fs.write(path, json.encode(live))
  env.ask("kubectl", "create", "-f", path)
  follow(raised(env.run().ensure), "kubectl delete deployment t1%-app %-n default")
  goes_on(env)
end)

-- The minute for which a run waits is over at its first report.
local shows_finalizers = row(function(env, follow)
  env.run().ensure()
  env.ask("kubectl", "patch", "service", "t1-app", "-p", [[{"metadata":{"finalizers":["example.com/keep"]}}]])
  env.ask("kubectl", "delete", "service", "t1-app", "--wait=false")
  local run, now, offset = env.run(), task.now, 0
  local _restore <close> = defer(function() task.now = now end)
  task.now = function() return now() + offset end
  local waiting = run.ctx.waiting
  run.ctx.waiting = function(self, text)
    if text:find "being deleted" then offset = 61 end
    return waiting(self, text)
  end
  local shown = follow(raised(run.ensure), "kubectl get service t1%-app %-n default %S+ %S+")
  assert.matches("example.com/keep", shown)
end)

local CRD <const> = [[
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
]]

local installs_crds = row(function(env, follow)
  chart.write(fs.join(env.tree, "charts/app"))
  fs.write(fs.join(env.tree, "charts/app/crds/x.yaml"), CRD, { parents = true })
  local e = raised(env.run().ensure)
  follow(e, "kubectl apply %-f %S+")
  assert.matches("things.example.com", env.ask("kubectl", "get", "crd", "-o", "name"))
end)

return {
  ["lua/o2x/effects/helm/release.lua: helm history"] = rolls_back,
  ["lua/o2x/effects/helm/release.lua: helm rollback"] = rolls_back,
  ["lua/o2x/effects/helm/release.lua: helm uninstall"] = uninstalls,
  ["lua/o2x/client/helm/releases.lua: kubectl delete"] = removes_damaged,
  ["lua/o2x/client/helm/releases.lua: helm get"] = shows_values,
  ["lua/o2x/effects/helm/stored.lua: kubectl delete"] = removes_unreadable,
  ["lua/o2x/effects/helm/stored.lua: helm get"] = shows_manifest,
  ["lua/o2x/effects/helm/rollback.lua: helm history"] = lists_revisions,
  ["lua/o2x/effects/helm/live.lua: kubectl delete"] = deletes_edited,
  ["lua/o2x/effects/helm/live.lua: kubectl get"] = shows_finalizers,
  ["lua/o2x/effects/helm/render.lua: kubectl apply"] = installs_crds,
}

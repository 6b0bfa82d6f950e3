-- Charts beside helm: a release by o2x and one by helm alone, of the same chart and values, in the same place. The same
-- objects, hooks and values must be there after the install and after an upgrade, and a second run changes nothing.
local charts = require("tests.reference.cases.charts").cases
local crypto = require "o2x.base.crypto"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local gzip = require "o2x.base.gzip"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local manifest = require "o2x.client.helm.manifest"
local deletion = require "lab.k8s.deletion"
local subcharts = require("tests.reference.cases.subcharts").cases

local VALUES <const> = { "level: INFO\n", "level: DEBUG\n" }
local KINDS <const> = { "ConfigMap", "Service", "Deployment" }
local APIS <const> = { ConfigMap = "v1", Deployment = "apps/v1", Secret = "v1", Service = "v1" }

-- What a server adds to an object.
local METADATA <const> = { "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields" }
local SPEC <const> = { "clusterIP", "clusterIPs" }

local function without(fields, names)
  local rest = {}
  for name, content in pairs(fields) do
    rest[name] = content
  end
  for _, name in ipairs(names) do
    rest[name] = nil
  end
  return rest
end

local function write(env, case)
  local folder = fs.join(env.tree, "charts/case")
  if fs.exists(folder) then fs.remove_tree(folder) end
  fs.write(fs.join(folder, "Chart.yaml"), "apiVersion: v2\nname: app\nversion: 1.0.0\n", { parents = true })
  for name, text in pairs(case.files or { ["templates/a.yaml"] = case.template }) do
    fs.write(fs.join(folder, name), text, { parents = true })
  end
  if case.packed then
    local below = fs.join(folder, "charts")
    env.ask("helm", "package", fs.join(below, case.packed), "-d", below)
    fs.remove_tree(fs.join(below, case.packed))
  end
  return folder
end

local function is_of_charts(object)
  local name = object.metadata.name
  return name ~= "kube-root-ca.crt" and name ~= "kubernetes"
end

-- What the API server holds; nobody else's programs are started for it.
local function held(env, kind) return env.lab.k8s.list(APIS[kind], kind, "default") end

local function live(env)
  local by_name = {}
  for _, kind in ipairs(KINDS) do
    for _, object in ipairs(held(env, kind)) do
      if is_of_charts(object) then
        local seen =
          { metadata = without(object.metadata, METADATA), spec = object.spec and without(object.spec, SPEC) }
        for field, content in pairs(object) do
          seen[field] = seen[field] or content
        end
        seen.status = nil
        by_name[kind .. "/" .. object.metadata.name] = seen
      end
    end
  end
  return by_name
end

-- helm's record of the newest revision: the JSON of what `helm status` and `helm get metadata` print.
local function record_of(env)
  local newest
  for _, secret in ipairs(held(env, "Secret")) do
    if secret.type == "helm.sh/release.v1" then
      local bytes = crypto.unbase64(crypto.unbase64(secret.data.release))
      local record = json.read(gzip.unpack(bytes, 1 << 20, "the record"))
      if not newest or record.version > newest.version then newest = record end
    end
  end
  return newest
end

-- What is there after an operation, as one text. The templates, files and subcharts in helm's record are not compared:
-- o2x gives helm a chart of finished objects.
local function state(env)
  local record = record_of(env)
  local hooks = {}
  for i, hook in ipairs(record.hooks or {}) do
    hooks[i] = { events = hook.events, objects = manifest.canonical(manifest.objects(hook.manifest)) }
  end
  local chart = without(record.chart.metadata, { "dependencies" })
  return json.encode {
    about = { record.name, record.namespace, record.version, record.info.status, record.labels or {}, chart },
    config = record.config or {},
    hooks = hooks,
    manifest = manifest.canonical(manifest.objects(record.manifest or "")),
    notes = record.info.notes or "",
    objects = live(env),
  }
end

local function by_o2x(env, case)
  local o = { chart = "charts/case", wait = false }
  local ok, problem = pcall(env.run().ensure, o)
  if not ok then
    assert.is_true(errors.is(problem), tostring(problem))
    return nil, tostring(problem)
  end
  local plan = env.run "plan"
  plan.ensure(o)
  return true, case.again or not plan.plan:has_changes() or error(case[1] .. ": a second run would change it")
end

local function by_helm(env)
  local values = fs.join(env.tree, "values/app.yaml")
  local r = env.lab.run("helm", "upgrade", "t1-app", fs.join(env.tree, "charts/case"), "--install", "-f", values)
  return r.code == 0 or nil, r.stderr
end

local function clean(env)
  local api = env.lab.k8s.api
  for kind, version in pairs(APIS) do
    for _, object in ipairs(held(env, kind)) do
      if is_of_charts(object) then
        deletion.delete(api.store, kinds.of(version, kind), "default", object.metadata.name, {})
      end
    end
  end
  api.controllers:run()
  env.helm.lists = {} -- somebody else has changed the releases
end

-- The states after the install and the upgrade; nil and a reason if one fails.
local function both_ways(env, case, way)
  local states = {}
  for i, text in ipairs(case.values or VALUES) do
    env.values(text)
    local ok, problem = way(env, case)
    if not ok then
      clean(env)
      return nil, problem
    end
    states[i] = state(env)
  end
  clean(env)
  return table.concat(states, "\n")
end

describe("a chart", function()
  local cases = table.move(subcharts, 1, #subcharts, #charts + 1, { table.unpack(charts) })

  it("is to o2x what it is to helm", function()
    helm_cluster.with(function(env)
      local different = 0
      for _, case in ipairs(cases) do
        write(env, case)
        local ours, our_problem = both_ways(env, case, by_o2x)
        local theirs, their_problem = both_ways(env, case, by_helm)
        local both = ("%s\no2x:  %s\nhelm: %s"):format(case[1], ours or our_problem, theirs or their_problem)
        assert.equal(not case.differs, ours == theirs, both)
        assert.equal(case.fails or false, theirs == nil, both)
        if case.differs then different = different + 1 end
      end
      assert.is_true(#cases >= 50)
      print(("charts: %d cases, %d alike, %d different on purpose"):format(#cases, #cases - different, different))
    end)
  end)
end)

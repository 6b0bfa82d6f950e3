-- Charts beside helm: a release by o2x and one by helm alone, of the same chart and values, in the same place. The same
-- objects, hooks and values must be there after the install and after an upgrade, and a second run changes nothing.
local charts = require("tests.reference.cases.charts").cases
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local manifest = require "o2x.client.helm.manifest"
local subcharts = require("tests.reference.cases.subcharts").cases

local VALUES <const> = { "level: INFO\n", "level: DEBUG\n" }
local KINDS <const> = "cm,svc,deploy"

-- What a server adds to an object.
local METADATA <const> = { "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields" }
local SPEC <const> = { "clusterIP", "clusterIPs" }

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

local function objects(env)
  local found = json.decode(env.ask("kubectl", "get", KINDS, "-o", "json")).items
  local by_name = {}
  for _, object in ipairs(found) do
    for _, field in ipairs(METADATA) do
      object.metadata[field] = nil
    end
    for _, field in ipairs(object.spec and SPEC or {}) do
      object.spec[field] = nil
    end
    object.status = nil
    if object.metadata.name ~= "kube-root-ca.crt" and object.metadata.name ~= "kubernetes" then
      by_name[object.kind .. "/" .. object.metadata.name] = object
    end
  end
  return by_name
end

-- What is there after an operation, as one text. The subcharts in helm's record are not compared: o2x gives helm a
-- chart of finished objects.
local function state(env)
  local record = json.decode(env.ask("helm", "status", "t1-app", "-o", "json"))
  local about = json.decode(env.ask("helm", "get", "metadata", "t1-app", "-o", "json"))
  local hooks = {}
  for i, hook in ipairs(record.hooks or {}) do
    hooks[i] = { events = hook.events, objects = manifest.canonical(manifest.objects(hook.manifest)) }
  end
  about.dependencies, about.deployedAt = nil, nil
  return json.encode {
    about = about,
    config = record.config or {},
    hooks = hooks,
    manifest = manifest.canonical(manifest.objects(record.manifest or "")),
    notes = record.info.notes or "",
    objects = objects(env),
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
  env.lab.run("helm", "uninstall", "t1-app")
  env.lab.run("kubectl", "delete", KINDS, "t1-app", "t1-web", "t1-sub", "--ignore-not-found")
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

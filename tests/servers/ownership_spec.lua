-- Objects of each kind that a run keeps, edited by people and by controllers: what a plan shows is what the run does.
-- What people edit is set again; what a controller has is left to the operator, who takes it over by --take-over=KEY.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local objects = require "tests.support.objects"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"
local stdlib = require "tests.support.stdlib"

local effects = require "o2x.effects.k8s"

-- The field that is edited, by kind, and its two values. A list is owned as a whole.
local FIELDS <const> = {
  ConfigMap = { "data.a", "ours", "theirs" },
  CronJob = { "spec.schedule", "0 3 * * *", "0 4 * * *" },
  Deployment = { "spec.minReadySeconds", 1, 2 },
  HorizontalPodAutoscaler = { "spec.maxReplicas", 4, 9 },
  Ingress = { "spec.ingressClassName", "nginx", "theirs" },
  Job = { "metadata.labels.team", "ours", "theirs" },
  PersistentVolumeClaim = { "metadata.annotations.team", "ours", "theirs" },
  PodDisruptionBudget = { "spec.minAvailable", 1, 2 },
  PrometheusRule = { "metadata.labels.team", "ours", "theirs" },
  Service = { "spec.sessionAffinity", "None", "ClientIP" },
  ServiceAccount = { "automountServiceAccountToken", false, true },
  ServiceMonitor = { "spec.jobLabel", "ours", "theirs" },
  StatefulSet = { "spec.replicas", 2, 3 },
}

local function with(kind, which)
  local field, object = FIELDS[kind], objects.of(kind)
  if kind == "PersistentVolumeClaim" then objects.set(object, "spec.resources.requests.storage", "1Gi") end
  return objects.set(object, field[1], field[1 + which])
end

-- How somebody edits it: words of kubectl; {patch} and {file} are the change and the whole object with it.
local WAYS <const> = {
  ["kubectl edit"] = { "patch", "{kind}", "{name}", "--type=merge", "--field-manager=kubectl-edit", "-p", "{patch}" },
  ["kubectl patch"] = { "patch", "{kind}", "{name}", "--type=merge", "-p", "{patch}" },
  ["kubectl apply"] = { "apply", "-f", "{file}" },
  ["kubectl apply --server-side"] = { "apply", "--server-side", "--force-conflicts", "-f", "{file}" },
  ["a controller"] = { "patch", "{kind}", "{name}", "--type=merge", "--field-manager=keeper", "-p", "{patch}" },
}

local function by_name(map)
  local names = {}
  for name in pairs(map) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

describe("an object that somebody else has edited", function()
  local lab, client, folder
  setup(function()
    folder = fs.temp_folder()
    lab = small_lab.start { "k8s" }
    local scope = stdlib.new().require("platform").grants(stdlib.tenant "newclient").k8s
    client = k8s.new { config = kubeconfig.load { path = lab.env.KUBECONFIG }, scope = scope }
  end)
  teardown(function()
    lab.stop()
    fs.remove_tree(folder)
  end)

  local function kubectl(...)
    local result = lab.run("kubectl", ...)
    assert.equal(0, result.code, result.stderr)
    return result.stdout
  end

  local function run(mode, object, take_over)
    local made = small_run.new { mode = mode, clients = { k8s = client }, modules = { effects } }
    made.take_over = take_over
    local ok, found = pcall(made.api.k8s.ensure, object)
    return made, ok, found
  end

  local function edit(words, kind)
    local theirs = with(kind, 2)
    local patch = objects.set({}, FIELDS[kind][1], FIELDS[kind][3])
    local file = folder .. "/theirs.json"
    fs.write(file, json.encode(theirs))
    local filled = {}
    for i, word in ipairs(words) do
      local to = { kind = kind:lower(), name = theirs.metadata.name, patch = json.encode(patch), file = file }
      filled[i] = word:gsub("{(%l+)}", to)
    end
    kubectl(table.unpack(filled))
  end

  local function value(kind)
    local found = client:get(kind, objects.of(kind).metadata.name)
    for key in FIELDS[kind][1]:gmatch "[^.]+" do
      found = found[key]
    end
    return found
  end

  -- The one change of a plan, and of the run after it: the same target, outcome and value.
  local function same(kind, take_over)
    local plan, planned, err = run("plan", with(kind, 1), take_over)
    assert.is_true(planned, tostring(err))
    local shown = plan.plan.changes[1]
    assert.equal("changed", shown and shown.outcome)
    assert.equal(take_over ~= nil, shown.taken == true)
    assert.equal(FIELDS[kind][3], value(kind), "a plan wrote")
    local done, ran, problem = run("apply", with(kind, 1), take_over)
    assert.is_true(ran, tostring(problem))
    local result
    for _, record in ipairs(done.records) do
      if record.t == "result" then result = record end
    end
    assert.equal(shown.outcome, result.outcome)
    assert.same(shown.after, result.image)
    assert.equal(FIELDS[kind][2], value(kind))
    local again = run("plan", with(kind, 1))
    assert.same({}, again.plan.changes)
  end

  -- What a controller has stays, in a plan and in a run.
  local function refused(kind)
    for _, mode in ipairs { "plan", "apply" } do
      local _, fine, problem = run(mode, with(kind, 1))
      assert.is_false(fine)
      assert.equal("foreign_change", problem.code, tostring(problem))
      assert.matches("belongs to keeper", problem.message)
      assert.equal(FIELDS[kind][3], value(kind))
    end
  end

  for _, kind in ipairs(by_name(FIELDS)) do
    it(kind .. ": is planned as it is done", function()
      local _, made, err = run("apply", with(kind, 1))
      assert.is_true(made, tostring(err))
      for _, way in ipairs(by_name(WAYS)) do
        edit(WAYS[way], kind)
        assert.equal(FIELDS[kind][3], value(kind), way)
        local key
        if way == "a controller" then
          refused(kind)
          key = { ("default/%s/%s"):format(kind, objects.of(kind).metadata.name) }
        end
        same(kind, key)
      end
      kubectl("delete", kind:lower(), objects.of(kind).metadata.name)
    end)
  end

  it("of each kind that a run may keep", function()
    local missing = {}
    for _, kind in ipairs(objects.kinds()) do
      if not FIELDS[kind] and kind ~= "Secret" then missing[#missing + 1] = kind end -- a Secret has its own type
    end
    assert.same({}, missing)
  end)
end)

-- o2x on Kubernetes itself instead of the lab's simulator: etcd, API server with TLS and RBAC, controllers, scheduler,
-- and KWOK for nodes and kubelets. Looked at with kubectl and helm.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local reference = require "tests.support.reference"

local TENANT <const> = "newclient"
local BUILT <const> = reference.find("kubernetes", "bin/kube-apiserver")
  and reference.find("etcd", "bin/etcd")
  and reference.find("kwok", "bin/kwok")

describe("Kubernetes itself", function()
  if not BUILT then return pending "it is not there: run vendor/reference etcd kubernetes kwok (some minutes)" end

  local lab
  setup(function() lab = labs.start { real = "k8s" } end)
  teardown(function() lab:stop() end)

  local function deployment(service) return lab:kubectl("get", "deployment", TENANT .. "-" .. service, "-o", "json") end
  local function releases() return json.decode(lab:out("helm", "list", "-a", "-o", "json", "--filter", TENANT)) end
  -- Without what the controllers still make of the seed.
  local function names() return lab:names "deployment,statefulset,cronjob,hpa,service,pvc,ingress,configmap,secret" end

  it(
    "is the version that was asked for",
    function() assert.equal("v1.34.4", lab:kubectl("version", "-o", "json").serverVersion.gitVersion) end
  )

  it("is not written by a plan", function()
    eventually("what controllers make of the seed", function()
      local there = names()
      return there:find("secret/urbanos-tls-cert", 1, true) and there:find("configmap/kube-root-ca.crt", 1, true)
    end)
    local before = names()
    ok(lab:o2x { "plan", "onboard", TENANT })
    assert.equal(before, names())
  end)

  it("gets a tenant onboarded, with every deployment ready", function()
    ok(lab:o2x({ "run", "onboard", TENANT }, { timeout = 600 }))
    local list = lab:kubectl("get", "deployments", "-l", "tenant=" .. TENANT, "-o", "json").items
    assert.is_true(#list > 10)
    for _, each in ipairs(list) do
      assert.equal(each.spec.replicas, each.status.readyReplicas, each.metadata.name)
    end
    for _, release in ipairs(releases()) do
      assert.equal("deployed", release.status, release.name)
    end
  end)

  it("changes nothing in a second run, and has nothing to plan", function()
    local again = ok(lab:o2x { "run", "onboard", TENANT })
    assert.matches("0 changed", again.stderr .. again.stdout)
    assert.equal(0, lab:o2x({ "plan", "onboard", TENANT, "--detailed-exitcode" }).code)
  end)

  it("is scaled", function()
    ok(lab:o2x { "run", "scale", TENANT, "service=service-billing", "replicas=3" })
    assert.equal(3, deployment("service-billing").status.readyReplicas)
  end)

  it("has an image deployed, and rolled back", function()
    local function image() return deployment("service-billing").spec.template.spec.containers[1].image end
    local before = image()
    ok(lab:o2x { "run", "deploy", TENANT, "services=service-billing", "image=v2.4.2", "--confirm=" .. TENANT })
    assert.matches("v2%.4%.2$", image())
    ok(lab:o2x { "run", "rollback", TENANT, "services=service-billing", "--confirm=" .. TENANT })
    assert.equal(before, image())
  end)

  it("is stopped for maintenance, and comes back", function()
    local before = deployment("service-billing").spec.replicas
    ok(lab:o2x { "run", "maintenance", TENANT, "mode=on", "--confirm=" .. TENANT })
    assert.equal(0, deployment("service-billing").spec.replicas)
    ok(lab:o2x { "run", "maintenance", TENANT, "mode=off", "--confirm=" .. TENANT })
    assert.equal(before, deployment("service-billing").status.readyReplicas)
  end)

  it("comes back after the lab was killed, with what was in it", function()
    local before = names()
    local pid = json.decode(fs.read(lab.dir .. "/lab.json")).pid
    lab:out("kill", "-9", tostring(pid))
    eventually("the end of the lab", function() return lab:o2x({ "lab", "status" }).code == 1 end)
    ok(lab:o2x { "lab", "up" })
    for name, value in pairs(json.decode(lab:o2x({ "lab", "env", "--json" }).stdout)) do
      lab.env[name] = value
    end
    assert.equal(before, names())
    ok(lab:o2x { "run", "onboard", TENANT }) -- the services find their database
  end)

  it("leaves no process when the lab is down", function()
    ok(lab:o2x { "lab", "down" })
    local left = {}
    for _, pid in ipairs(fs.list "/proc") do
      local line = pid:match "^%d+$" and fs.read_if("/proc/" .. pid .. "/cmdline") or ""
      if line:find(lab.dir .. "/k8s", 1, true) then left[#left + 1] = line end
    end
    assert.same({}, left)
  end)
end)

-- Only an onboarding asked for its rights before it wrote. Another runbook met what it may not do half-way: a service
-- was scaled in the tree and not in the cluster, the first of two services was restarted.

local fs = require "o2x.base.fs"
local granted = require "tests.support.granted"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local TENANT <const> = "newclient"
local SCALE <const> = { "scale", TENANT, "service=service-billing", "replicas=3", "permanent=true" }

describe("a run that may not do all that its runbook declares", function()
  local lab, operator, printed
  setup(function()
    lab = labs.start()
    operator = granted.new(lab, TENANT)
    operator:own_databases()
    operator:give_all()
    ok(operator:o2x("run", "onboard", TENANT))
    operator:give_all()
    printed = operator:text "kubernetes"
  end)
  teardown(function() lab:stop() end)

  local function values() return fs.read(lab.platform .. "/core/helm_values/newclient/service-billing.yaml") end

  -- What the run says where a part of the printed role is another.
  local function refused(words, from, to)
    local text, count = printed:gsub(from, to)
    assert.is_true(count > 0, from)
    operator:give("kubernetes", text)
    local before = lab:snapshot "coredb-newclient"
    local result = operator:o2x("run", table.unpack(words))
    operator:give("kubernetes", printed)
    assert.are_not.equal(0, result.code)
    assert.equal(before, lab:snapshot "coredb-newclient")
    return result.stderr
  end

  it("is refused before it writes a file, by one line that names verb, resource and place", function()
    local said = refused(SCALE, "deployments/scale", "deployments/status")
    assert.matches("o2x: [^\n]*may not patch deployments/scale in default\n", said)
    assert.matches("o2x policy newclient %-%-system=kubernetes | kubectl apply %-f %-", said)
  end)

  it("is told by a plan", function()
    operator:give("kubernetes", (printed:gsub("deployments/scale", "deployments/status")))
    local result = operator:o2x("plan", table.unpack(SCALE))
    operator:give("kubernetes", printed)
    assert.are_not.equal(0, result.code)
    assert.matches("may not patch deployments/scale in default", result.stdout .. result.stderr)
  end)

  it("is told of all systems' gaps by an undo", function()
    local id = ok(lab:o2x { "runs" }).stdout:match "R%-%S+"
    operator:give("vault", 'path "secret/data/tenant/newclient/*" { capabilities = ["read"] }')
    local result = operator:o2x("undo", id, "--confirm=" .. TENANT)
    operator:give "vault"
    assert.are_not.equal(0, result.code)
    assert.matches("the token may not create, update secret/data/tenant/newclient/%*", result.stderr)
    assert.matches("nothing was written", result.stderr)
  end)

  it("is not asked for what its runbook does not write", function()
    local only = printed:gsub("persistentvolumeclaims", "resourcequotas"):gsub("ingresses", "networkpolicies")
    operator:give("kubernetes", only)
    ok(operator:o2x("run", table.unpack(SCALE)))
    assert.matches("replicaCount: 3", values())
    operator:give("kubernetes", printed)
  end)
end)

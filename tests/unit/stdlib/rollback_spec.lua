local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local FILE = "core/helm_values/urbanos/service-billing.yaml"

describe("stdlib.rollback", function()
  local tenant = stdlib.tenant "urbanos"

  -- A helm with a history: every release is at revision 3, image v3, and its previous good revision is 2.
  local function new(options)
    options = options or {}
    local function revision(number)
      return { revision = number, image = "embrix/x:v" .. number, values = { image = { tag = "v" .. number } } }
    end
    local std = stdlib.new {
      helm = {
        status = function() return { revision = 3, status = options.status or "deployed" } end,
        at = function(_, number) return number <= 3 and revision(number) or nil end,
        previous = function() return options.no_previous ~= true and revision(2) or nil end,
        before = function() return revision(1) end,
        values = function(found) return found.values end,
        rollback = function() return "changed" end,
      },
      k8s = {
        request = function() return { status = 200, json = { status = "UP" } } end,
        wait_ready = function()
          if options.unhealthy then errors.raise { kind = "timeout", message = "not ready" } end
        end,
      },
      runs = { find = function(id) return { id = id, effects = options.effects or {} } end },
    }
    std.tree[FILE] = "image:\n  tag: v3\nreplicaCount: 2\n"
    return std
  end

  local function run(std, params)
    params.timeout = 1
    std.require("rollback").run(tenant, params)
    return std
  end

  -- Rolls service-billing back. -> the revisions that helm was told to go to
  local function targets(std, to)
    run(std, { services = { "service-billing" }, to = to })
    local list = {}
    for i, call in ipairs(std.called "helm.rollback") do
      list[i] = call[2]
    end
    return list
  end

  local function refused(pattern, params, options)
    local problem = raised(run, new(options), params)
    assert.equal("input", problem.kind)
    assert.matches(pattern, problem.message)
  end

  it("goes to the previous good revision", function() assert.same({ 2 }, targets(new())) end)

  it("goes to a given revision", function() assert.same({ 1 }, targets(new(), "1")) end)

  it("goes to the revision at a time", function()
    local std = new()
    assert.same({ 1 }, targets(std, "2h"))
    assert.equal(stdlib.NOW - 7200, std.called("helm.before")[1][2])
  end)

  it("goes to the state before a run", function()
    local effects = {
      { kind = "helm.release", key = "urbanos-service-billing", outcome = "changed", before = { revision = 2 } },
    }
    assert.same({ 2 }, targets(new { effects = effects }, "R-1"))
  end)

  it("makes the values file match the release", function()
    local std = new()
    targets(std)
    assert.equal("image:\n  tag: v2\nreplicaCount: 2\n", std.tree[FILE])
  end)

  it("outputs what was rolled back", function()
    local std = new()
    targets(std)
    assert.same({
      { service = "service-billing", from = 3, was = "v3", to = 2, image = "v2", state = "rolled back" },
    }, std.run.output.rows)
  end)

  it("stops dependants first", function()
    local std = run(new(), { services = { "service-sso", "service-proxy" } })
    assert.equal("urbanos-service-proxy", std.called("helm.rollback")[1][1])
  end)

  it("returns a service that fails on the old revision as well", function()
    local std = new { unhealthy = true }
    local problem = raised(targets, std)
    assert.matches("service%-billing also fails on revision 2 and was returned to 3", problem.message)
    assert.equal(3, std.called("helm.rollback")[2][2])
    assert.equal("kept", std.run.output.rows[1].state)
  end)

  it("does not return to a revision that had failed before", function()
    local std = new { unhealthy = true, status = "failed" }
    assert.matches("also fails on revision 2 %(", raised(targets, std).message)
    assert.equal(1, #std.called "helm.rollback")
  end)

  it(
    "refuses a revision for several services",
    function() refused("a revision belongs to one release", { to = "1" }) end
  )

  it(
    "refuses a revision that does not exist",
    function() refused("has no revision 99", { services = { "service-billing" }, to = "99" }) end
  )

  it(
    "refuses a run that changed no release",
    function() refused("run R%-1 changed no release", { services = { "service-billing" }, to = "R-1" }) end
  )

  it(
    "refuses what is neither revision, run nor time",
    function()
      refused("to=yesterday is not a revision, a run or a time", { services = { "service-billing" }, to = "yesterday" })
    end
  )

  it(
    "refuses a named service without an earlier revision",
    function() refused("has no earlier revision", { services = { "service-billing" } }, { no_previous = true }) end
  )
end)

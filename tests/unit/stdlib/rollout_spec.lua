local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local BILLING = "core/helm_values/urbanos/service-billing.yaml"
local SSO = "core/helm_values/urbanos/service-sso.yaml"
local TEXT = "image:\n  tag: v1\nreplicaCount: 2\n"

describe("stdlib.rollout", function()
  -- The tree has two services at v1; every release is at revision 4. failing: the name of a release that fails.
  local function new(failing)
    local std = stdlib.new {
      helm = {
        status = function(name) return name ~= "urbanos-service-sso" and { revision = 4 } or nil end,
        ensure_release = function(name)
          if name == failing then errors.raise { kind = "failed", message = "no such image" } end
        end,
      },
      k8s = { request = function() return { status = 200, json = { status = "UP" } } end },
    }
    std.tree[BILLING], std.tree[SSO] = TEXT, TEXT
    for _, service in ipairs { "billing", "sso", "proxy" } do
      std.tree[("core/charts/service-%s/Chart.yaml"):format(service)] = "version: 1.2.0\n"
    end
    return std
  end

  local function deploy(std, params, changes)
    params.services, params.timeout = params.services or { "service-sso", "service-billing" }, 1
    std.require("rollout").run(stdlib.tenant("urbanos", changes), params)
    return std
  end

  -- The states in the output, by service.
  local function states(std)
    local found = {}
    for _, row in ipairs(std.run.output.rows) do
      found[row.service] = row.state
    end
    return found
  end

  it("writes the tag and nothing else into the values files", function()
    local std = deploy(new(), { image = "v2" })
    assert.equal("image:\n  tag: v2\nreplicaCount: 2\n", std.tree[BILLING])
  end)

  it("leaves the values files alone without a tag", function()
    local std = deploy(new(), {})
    assert.equal(TEXT, std.tree[BILLING])
    assert.equal(2, #std.called "helm.ensure_release")
  end)

  it("releases in waves and waits for each service", function()
    local std = deploy(new(), { image = "v2" })
    local releases = std.called "helm.ensure_release"
    assert.same({ "urbanos-service-sso", "urbanos-service-billing" }, { releases[1][1], releases[2][1] })
    assert.equal(2, #std.called "k8s.wait_ready")
    assert.same({ ["service-sso"] = "deployed", ["service-billing"] = "deployed" }, states(std))
  end)

  it("repairs pending releases first", function()
    local std = deploy(new(), {})
    for _, call in ipairs(std.calls) do -- before it, maintenance and the charts are looked at
      if call.name:find "^helm%." then return assert.equal("helm.repair", call.name) end
    end
  end)

  it("skips a pinned service", function()
    local std = deploy(new(), { image = "v2" }, { pins = { ["service-billing"] = "v1" } })
    assert.equal(TEXT, std.tree[BILLING])
    assert.equal("pinned", states(std)["service-billing"])
    assert.matches("service%-billing is skipped: tenants/urbanos.yaml pins it to v1", std.logs[1])
  end)

  it("deploys a pinned service with its own tag", function()
    local std = deploy(new(), { image = "v2" }, { pins = { ["service-billing"] = "v2" } })
    assert.equal("deployed", states(std)["service-billing"])
  end)

  describe("after a failure", function()
    local std, problem

    before_each(function()
      std = new "urbanos-service-billing"
      problem = raised(deploy, std, { image = "v2" })
    end)

    it(
      "rolls a release back to its own revision",
      function() assert.same({ { "urbanos-service-billing", 4, { wait = false } } }, std.called "helm.rollback") end
    )

    it(
      "removes a release that did not exist before",
      function() assert.equal("urbanos-service-sso", std.called("helm.remove_release")[1][1]) end
    )

    it("restores the values files", function() assert.same({ TEXT, TEXT }, { std.tree[BILLING], std.tree[SSO] }) end)

    it("leaves a values file that somebody else has changed since, and says so", function()
      local theirs = TEXT .. "debug: true\n"
      local mine
      std = stdlib.new {
        helm = {
          status = function() return { revision = 4 } end,
          ensure_release = function()
            mine.tree[BILLING] = theirs
            errors.raise { kind = "failed", message = "no such image" }
          end,
        },
      }
      mine = std
      std.tree["core/charts/service-billing/Chart.yaml"] = "version: 1.2.0\n"
      std.tree[BILLING], std.tree[SSO] = TEXT, TEXT
      raised(deploy, std, { image = "v2", services = { "service-billing" } })
      assert.equal(theirs, std.tree[BILLING])
      assert.matches(BILLING .. " stays as it is: somebody else has changed it since", std.logs[#std.logs], 1, true)
    end)

    it("fails and says why", function()
      assert.equal("failed", problem.kind)
      assert.matches("service%-billing: .*no such image", problem.message)
    end)

    it(
      "outputs each service's state",
      function()
        assert.same({ ["service-sso"] = "rolled back", ["service-billing"] = "failed, rolled back" }, states(std))
      end
    )
  end)

  it("does not start the waves after a failure", function()
    local std = new "urbanos-service-sso"
    raised(deploy, std, { image = "v2" })
    assert.equal("not started", states(std)["service-billing"])
    assert.equal(1, #std.called "helm.ensure_release")
  end)

  it("refuses a chart of another version", function()
    local problem = raised(deploy, new(), { chart = "1.3.0", services = { "service-billing" } })
    assert.equal("input", problem.kind)
    assert.matches("chart=1.3.0, but core/charts/service%-billing/Chart.yaml is version 1.2.0", problem.message)
  end)

  it("refuses a service without a values file", function()
    local problem = raised(deploy, new(), { services = { "service-proxy" } })
    assert.matches("there is no core/helm_values/urbanos/service%-proxy.yaml", problem.message)
  end)
end)

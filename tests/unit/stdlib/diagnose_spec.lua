local errors = require "o2x.base.error"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.diagnose", function()
  local tenant = stdlib.tenant "urbanos"

  describe("identify", function()
    -- A registry that fails with a kind of error, and Deployments whose services have an id or not.
    local function identify(kind, id)
      local environment = { { name = "TENANT_ID", value = id } }
      local deployment = { spec = { template = { spec = { containers = { { env = environment } } } } } }
      local std = stdlib.new {
        pg = {
          control = {
            row = function()
              if kind then errors.raise { kind = kind, message = "the registry's error" } end
              return { id = "TIDLT-100005" }
            end,
          },
        },
        k8s = { list = function() return { deployment } end },
      }
      return std.require("diagnose").identify(tenant)
    end

    it("asks the registry", function() assert.equal("TIDLT-100005", identify()) end)

    it(
      "asks the services if the registry does not answer",
      function() assert.equal("TIDLT-100009", identify("unreachable", "TIDLT-100009")) end
    )

    it(
      "raises the registry's error if the services do not know it either",
      function() assert.matches("the registry's error", raised(identify, "unreachable", "").message) end
    )

    it(
      "raises an error of the registry that is not about the connection",
      function() assert.equal("failed", raised(identify, "failed", "TIDLT-100009").kind) end
    )
  end)

  it("checks databases and Vault without the cluster", function()
    local std = stdlib.new {
      k8s = {
        list = function() errors.raise { kind = "unreachable", message = "no route" } end,
        get = function() end,
        request = function() return { status = 200, json = { status = "UP" }, body = "" } end,
      },
      pg = { admin = { database = function() end } },
      vault = { read = function() return {} end },
      redis = { info = function() return {} end },
      broker = { queues = function() return {} end },
      service = { test = function() return { status = 200 } end },
      http = { request = function() return { status = 405 } end },
    }
    local rows = std.require("diagnose").run(tenant)
    assert.equal("cluster", rows[1].area)
    assert.equal("cannot be checked", rows[1].finding)
    assert.equal("the database is missing", rows[2].finding)
    assert.is_true(#std.called "vault.read" > 0)
  end)

  local ROW = { severity = "warning", area = "a", subject = "s", finding = "f", evidence = "e", fix = "x" }

  it("reports findings with exit code 2", function()
    local std = stdlib.new()
    std.require("diagnose").report(tenant, { ROW })
    assert.equal(2, std.run.output.exit)
    assert.same({ "urbanos: 1 warning" }, std.logs)
  end)

  it("reports a healthy tenant with exit code 0", function()
    local std = stdlib.new()
    std.require("diagnose").report(tenant, {})
    assert.equal(0, std.run.output.exit)
    assert.same({ "urbanos: no findings" }, std.logs)
  end)
end)

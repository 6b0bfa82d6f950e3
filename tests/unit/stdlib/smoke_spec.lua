local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.smoke", function()
  local tenant = stdlib.tenant "newclient"

  -- The data of each GraphQL query; a test may set some of them to something else.
  local function answers(changes)
    local data = {
      getTenantConfig = { tenantId = "TIDLT-100008" },
      getCustomer = { id = "C1" },
      getOrder = { id = "O1" },
      getBills = { { id = "B1" } },
      getInvoices = { { id = "I1" } },
      getPaymentHistory = { { id = "P1", status = "PAID" } },
      getReportData = { id = "R1" },
    }
    for name, value in pairs(changes) do
      data[name] = value
    end
    return data
  end

  -- A working tenant, but for what the options change.
  local function new(options)
    local function query()
      return {
        status = options.graphql or 200,
        json = { data = answers(options.data or {}), errors = options.errors },
      }
    end
    local function queues()
      local list = {}
      for i, name in ipairs(options.queues or tenant.platform.broker.queues) do
        list[i] = { name = "TIDLT-100008." .. name }
      end
      return list
    end
    local function find() return not options.unregistered and { id = "TIDLT-100008" } or nil end
    return stdlib.new {
      service = {
        call = function() return { status = 200, body = options.pdf or "%PDF-1.7" } end,
        query = query,
        test = function() return { status = options.gateway or 200 } end,
        session = function()
          return { login = function() end }
        end,
      },
      broker = { queues = queues },
      vault = {
        read = function(path)
          return not options.no_secrets and not (options.no_admin and path == "admin") and { password = "p" } or nil
        end,
      },
      k8s = {
        get = function(kind) return kind == "Deployment" and { spec = {}, status = { readyReplicas = 2 } } or nil end,
        list = function() return {} end,
        request = function() return { status = 200, json = { status = options.health or "UP" } } end,
      },
      pg = { control = { row = find } },
    }
  end

  -- Runs the smoke test. -> the names of the checks that failed, the error
  local function failed(options)
    local std = new(options)
    local ok, problem = pcall(std.require("smoke").run, stdlib.tenant "newclient", {})
    local names = {}
    for _, entry in ipairs(std.checks) do
      if not entry.ok then names[#names + 1] = entry.name end
    end
    assert.equal(14, #std.checks)
    assert.equal(ok, #names == 0)
    return names, problem
  end

  it("passes on a working tenant", function() assert.same({}, failed {}) end)

  it("runs all checks after a failure and names those that failed", function()
    local names, problem = failed { health = "DOWN", no_secrets = true }
    assert.same({ "All pods are running and healthy", "Vault secrets accessible" }, names)
    assert.matches("2 of 14 checks failed: All pods are running and healthy, Vault", problem.message)
  end)

  it("names the guide's fourteen checks", function()
    local std, names = new {}, {}
    std.require("smoke").run(stdlib.tenant "newclient", {})
    for i, entry in ipairs(std.checks) do
      names[i] = entry.name
    end
    assert.equal(
      "All pods are running and healthy; Database connectivity; Vault secrets accessible; Redis connection; "
        .. "ActiveMQ queues; Admin user can log in; GraphQL endpoint responding; Gateway integrations authenticated; "
        .. "Test customer; Test order; Billing cycle; Invoice PDF; Payment processing; Reports",
      table.concat(names, "; ")
    )
  end)

  it("finds a missing queue", function() assert.same({ "ActiveMQ queues" }, failed { queues = {} }) end)

  it(
    "finds a gateway that cannot connect",
    function() assert.same({ "Gateway integrations authenticated" }, failed { gateway = 401 }) end
  )

  it(
    "finds a GraphQL endpoint that answers for another tenant",
    function()
      assert.same({ "GraphQL endpoint responding" }, failed { data = { getTenantConfig = { tenantId = "TIDLT-1" } } })
    end
  )

  it("finds GraphQL errors", function()
    local names = failed { errors = { { message = "boom" } } }
    assert.equal("GraphQL endpoint responding", names[1])
  end)

  it("finds a missing bill", function() assert.same({ "Billing cycle" }, failed { data = { getBills = {} } }) end)

  it("finds an invoice that is no PDF", function() assert.same({ "Invoice PDF" }, failed { pdf = "<html>" }) end)

  it(
    "finds a missing payment",
    function() assert.same({ "Payment processing" }, failed { data = { getPaymentHistory = {} } }) end
  )

  it("outputs the checks, for JUnit as well", function()
    local std = new {}
    std.run.params = { junit = "smoke.xml" }
    std.require("smoke").run(stdlib.tenant "newclient", std.run.params)
    assert.same({ checks = true, junit = "smoke.xml" }, std.run.output)
  end)

  it("fails for a tenant that is not registered", function()
    local stranger = stdlib.tenant "newclient"
    stranger.id = nil
    local problem = raised(new({ unregistered = true }).require("smoke").run, stranger, {})
    assert.matches("newclient is not in the registry", problem.message)
  end)

  it("ends the checklist of onboarding at the first failure", function()
    local std = new { no_secrets = true }
    assert.matches("Vault has no info for newclient", raised(std.require("smoke").checklist, tenant).message)
    assert.equal(3, #std.checks)
  end)

  it("leaves what logs in out of the checklist where the administrator's password is unknown", function()
    for _, known in ipairs { true, false } do
      local std, names = new { no_admin = not known }, {}
      std.require("smoke").checklist(tenant)
      for i, one in ipairs(std.checks) do
        names[i] = one.name
      end
      assert.equal(known and 14 or 6, #names)
      assert.equal(known, table.concat(names, ","):find("Admin user can log in", 1, true) ~= nil)
    end
  end)

  it("makes no test customer where the administrator's password is unknown", function()
    local std = stdlib.new { vault = { read = function() end } }
    std.require("smoke").workflow(tenant)
    assert.same({}, std.called "service.ensure")
  end)

  it("takes the test customer from order to report", function()
    local std = stdlib.new {
      vault = { read = function() return { password = "p" } end },
      service = {
        session = function() return {} end,
        ensure = function(options) return options.name:match "^%a+" .. "-id" end,
      },
    }
    std.require("smoke").workflow(tenant)
    local names = {}
    for i, call in ipairs(std.called "service.ensure") do
      names[i] = call[1].name:gsub(" o2x%-smoke", "")
    end
    assert.same({ "customer", "order", "submitted order", "bill", "invoice", "payment", "report" }, names)
    local payment = std.called("service.ensure")[6][1]
    assert.equal("invoice-id", payment.create.json.variables.invoice)
  end)
end)

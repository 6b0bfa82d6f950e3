-- The tenant's services of the lab, asked as the API server's proxy and the ingress ask them.
local json = require("o2x.base.json")
local services = require("lab.services")

local function new_lab()
  local state = {}
  return {
    time = 1000000000,
    state = function(name)
      state[name] = state[name] or {}
      return state[name]
    end,
    save = function() end,
    clock = function() return 1000000000 end,
  }
end

local function client(lab, tenant, role)
  local info = {
    namespace = "default",
    service = tenant .. "-" .. role,
    tenant = tenant,
    port = 8080,
    env = { TENANT_ID = "TIDLT-100008" },
  }
  return function(method, target, headers, body)
    local path, query = target:match("^([^?]*)%??(.*)$")
    local request = {
      method = method,
      target = target,
      path = path,
      query = {},
      headers = headers or {},
      body = type(body) == "table" and json.encode(body) or body or "",
    }
    for key, value in query:gmatch("([^&=]+)=([^&]*)") do
      request.query[key] = value
    end
    local status, response_headers, text = services.handle(lab, info, request)
    local is_json = response_headers["Content-Type"] == "application/json"
    return status, is_json and json.decode(text) or text, response_headers
  end
end

local ADMIN = {
  username = "admin@newclient.com",
  password = "s3cret-enough",
  email = "admin@newclient.com",
  firstName = "Ad",
  lastName = "Min",
}

describe("the lab's services", function()
  local lab, sso, proxy, token

  before_each(function()
    lab = new_lab()
    sso, proxy = client(lab, "newclient", "service-sso"), client(lab, "newclient", "service-proxy")
    assert.equal(201, (sso("POST", "/api/users/create", {}, ADMIN)))
    local _, body = sso("POST", "/api/auth/login", {}, { username = ADMIN.username, password = ADMIN.password })
    token = body.accessToken
  end)

  local function graphql(query, variables)
    local status, body = proxy(
      "POST",
      "/graphql",
      { authorization = "Bearer " .. token },
      { query = query, variables = variables }
    )
    return body.data, body.errors, status
  end

  it("tell their health, with the components each depends on", function()
    local status, body = client(lab, "newclient", "service-mediation")("GET", "/actuator/health")
    assert.equal(200, status)
    assert.equal("UP", body.status)
    assert.equal("UP", body.components.activemq.status)
    assert.is_true(services.fault(lab, "unhealthy", { match = "newclient-service-mediation:redis" }))
    status, body = client(lab, "newclient", "service-mediation")("GET", "/actuator/health")
    assert.equal(503, status)
    assert.equal("DOWN", body.components.redis.status)
    assert.equal(200, (client(lab, "newclient", "service-billing")("GET", "/actuator/health")))
    services.fault(lab, "off", {})
    assert.equal(200, (client(lab, "newclient", "service-mediation")("GET", "/actuator/health")))
    assert.is_false(services.fault(lab, "nosuch", {}))
  end)

  it("give metrics with the tenant's label", function()
    local status, body = client(lab, "newclient", "service-billing")("GET", "/actuator/prometheus")
    assert.equal(200, status)
    assert.truthy(body:find('hikaricp_connections_max{service="service-billing",tenant="newclient"', 1, true))
  end)

  it("know their users, and show no password", function()
    local status, body = sso("GET", "/api/users?username=admin@newclient.com")
    assert.equal(200, status)
    assert.equal(1, body.totalElements)
    assert.is_nil(body.content[1].digest)
    assert.equal(409, (sso("POST", "/api/users/create", {}, ADMIN)))
    assert.equal(400, (sso("POST", "/api/users/create", {}, { username = "x" })))
    assert.equal(400, (sso("POST", "/api/users/create", {}, "{")))
    assert.equal(401, (sso("POST", "/api/auth/login", {}, { username = ADMIN.username, password = "wrong" })))
    assert.equal(401, (sso("POST", "/api/auth/login", {}, { username = "nobody", password = "wrong" })))
    assert.equal(0, select(2, client(lab, "urbanos", "service-sso")("GET", "/api/users")).totalElements)
  end)

  it("let only their own token in", function()
    local question = { query = "{ getTenantConfig { tenantId } }" }
    assert.equal(200, (proxy("POST", "/graphql", { authorization = "Bearer " .. token }, question)))
    assert.equal(401, (proxy("POST", "/graphql", {}, question)))
    assert.equal(401, (proxy("POST", "/graphql", { authorization = "Bearer " .. token .. "x" }, question)))
    assert.equal(
      401,
      (client(lab, "urbanos", "service-proxy")("POST", "/graphql", { authorization = "Bearer " .. token }, question))
    )
    lab.clock = function() return 1000000000 + 3601 end
    assert.equal(401, (proxy("POST", "/graphql", { authorization = "Bearer " .. token }, question)))
  end)

  it("test gateways for the tenant that is named", function()
    local finance = client(lab, "newclient", "finance-gateway")
    local status, body = finance("POST", "/api/quickbooks/test-connection", { ["x-tenant-id"] = "TIDLT-100008" }, "{}")
    assert.equal(200, status)
    assert.equal("SUCCESS", body.status)
    assert.equal(400, (finance("POST", "/api/quickbooks/test-connection", {}, "{}")))
    assert.equal(403, (finance("POST", "/api/quickbooks/test-connection", { ["x-tenant-id"] = "TIDLT-100001" }, "{}")))
    assert.equal(404, (finance("POST", "/api/stripe/validate", { ["x-tenant-id"] = "TIDLT-100008" }, "{}")))
    assert.equal(405, (finance("GET", "/api/netsuite/test-connection", { ["x-tenant-id"] = "TIDLT-100008" })))
    assert.equal(
      200,
      (client(lab, "newclient", "crm-gateway")("POST", "/api/crm/ping", { ["x-tenant-id"] = "TIDLT-100008" }, "{}"))
    )
  end)

  it("answer the guide's own questions", function()
    local data = graphql('query { getTenantConfig(input: {id: "TIDLT-100008"}) { tenantId tenantName status } }')
    assert.same({ tenantId = "TIDLT-100008", tenantName = "newclient", status = "ACTIVE" }, data.getTenantConfig)
    data = graphql [[mutation {
      createCustomer(input: { firstName: "Test", lastName: "User", email: "test@example.com" }) { id accountNumber }
    }]]
    assert.same({ id = "CUST-000001", accountNumber = "ACC-000001" }, data.createCustomer)
    local _, errors = graphql('{ getTenantConfig(input: {id: "TIDLT-100001"}) { tenantId } }')
    assert.equal("NOT_FOUND", errors[1].extensions.code)
  end)

  it("carry a customer from order to payment", function()
    local customer = graphql(
      [[mutation($e: String!) {
        createCustomer(input: {firstName: "A", lastName: "B", email: $e, externalId: "smoke-1"}) { id }
      }]],
      { e = "a@b.c" }
    ).createCustomer.id
    assert.equal(customer, graphql('{ c: getCustomer(externalId: "smoke-1") { id } }').c.id)
    assert.equal(json.null, graphql('{ c: getCustomer(input: {email: "no@b.c"}) { id } }').c)
    local order = graphql(
      [[mutation($c: ID!, $i: [OrderItemInput!]) {
        createOrder(input: {customerId: $c, items: $i, externalId: "o-1"}) { id total status }
      }]],
      { c = customer, i = { { product = "P", quantity = 2, price = 10.25 } } }
    ).createOrder
    assert.equal(20.5, order.total)
    -- A draft is not billed.
    assert.same({}, graphql("mutation { triggerBilling { bills { id } } }").triggerBilling.bills)
    assert.equal(
      "SUBMITTED",
      graphql('mutation { submitOrder(input: {id: "' .. order.id .. '"}) { status } }').submitOrder.status
    )
    local run = graphql(
      'mutation { triggerBilling(input: {customerId: "'
        .. customer
        .. '"}) { billsCreated bills { amount invoice { id amountDue } } } }'
    ).triggerBilling
    assert.equal(1, run.billsCreated)
    assert.equal(0, graphql("mutation { triggerBilling { billsCreated } }").triggerBilling.billsCreated)
    local invoice =
      graphql("query($c: ID) { getInvoices(customerId: $c) { id pdfUrl amount } }", { c = customer }).getInvoices[1]
    local path = invoice.pdfUrl:match("^http://[^/]+(/.*)$")
    local status, pdf = proxy("GET", path, { authorization = "Bearer " .. token })
    assert.equal(200, status)
    assert.equal("%PDF", pdf:sub(1, 4))
    assert.equal(401, (proxy("GET", path)))
    assert.equal(404, (proxy("GET", "/api/v1/invoices/INV-9.pdf", { authorization = "Bearer " .. token })))
    local pay = [[mutation($i: ID!) {
      processPayment(input: {invoiceId: $i, externalId: "p-1"}) { status amount invoice { status amountDue } }
    }]]
    local payment = graphql(pay, { i = invoice.id }).processPayment
    assert.same({ status = "SUCCESS", amount = 20.5, invoice = { status = "PAID", amountDue = 0.0 } }, payment)
    local _, errors = graphql(pay, { i = invoice.id })
    assert.equal("CONFLICT", errors[1].extensions.code)
    assert.equal(
      1,
      #graphql('{ getPaymentHistory(customerId: "' .. customer .. '") { paymentNumber } }').getPaymentHistory
    )
    local report = graphql("mutation { generateReport(input: {type: REVENUE}) { id status rowCount } }").generateReport
    assert.equal("COMPLETED", report.status)
    assert.equal(20.5, graphql('{ getReportData(id: "' .. report.id .. '") { rows } }').getReportData.rows[1].amount)
  end)

  it("run the billing job", function()
    local jobs = client(lab, "newclient", "jobs-common")
    assert.equal(400, (jobs("POST", "/api/jobs/billing/trigger")))
    local status, body = jobs("POST", "/api/jobs/billing/trigger", { ["x-tenant-id"] = "TIDLT-100008" })
    assert.equal(202, status)
    assert.equal(0, body.billsCreated)
  end)

  it("have no effect when the question is wrong anywhere", function()
    local data, errors =
      graphql('mutation { createCustomer(input: {firstName: "A", lastName: "B", email: "a@b.c"}) { id nosuch } }')
    assert.is_nil(data)
    assert.equal('Cannot query field "nosuch" on type "Customer".', errors[1].message)
    assert.equal(json.null, graphql('{ getCustomer(email: "a@b.c") { id } }').getCustomer)
  end)

  it("are not there by another name or path", function()
    assert.equal(404, (sso("GET", "/nosuch")))
    assert.equal(404, (client(lab, "newclient", "service-billing")("POST", "/api/auth/login")))
  end)
end)

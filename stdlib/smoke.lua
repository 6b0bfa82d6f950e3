--- Smoke test: does the tenant work, seen from outside? The guide's checklist, on a test customer that onboarding
--- creates once (guide: 7.2 and 7.3).

local admin = require "stdlib.admin"
local broker = require "o2x.broker"
local catalogue = require "stdlib.catalogue"
local cluster = require "stdlib.cluster"
local deploy = require "stdlib.deploy"
local down_services = require "stdlib.down"
local json = require "o2x.json"
local k8s = require "o2x.k8s"
local maintenance = require "stdlib.maintenance.status"
local messaging = require "stdlib.messaging"
local naming = require "stdlib.naming"
local pg = require "o2x.pg"
local providers = require "stdlib.providers"
local redis = require "o2x.redis"
local registry = require "stdlib.registry"
local refusals = require "stdlib.refusals"
local remedy = require "stdlib.remedy"
local service = require "o2x.service"
local vault = require "o2x.vault"

local M = {}

local EXTERNAL_ID = "o2x-smoke"
local LOGIN <const> = "Admin user can log in"
local FOUND <const> = 2 -- exit code: all is as it should be in maintenance, but the tenant does not work

-- ---- the workflow of the test customer ----

local function graphql(tenant, session, query, variables)
  return {
    url = ("https://api.%s/graphql"):format(tenant.domain),
    session = session,
    query = query,
    variables = variables,
  }
end

local function mutation(tenant, session, text, variables)
  return {
    url = ("https://api.%s/graphql"):format(tenant.domain),
    session = session,
    json = { query = text, variables = variables },
  }
end

-- found: where the response of find has the value, such as "data.getOrder.id"
local function ensure(tenant, session, what, find, found, create, variables)
  return service.ensure {
    name = ("%s %s"):format(what, EXTERNAL_ID),
    service = naming.resource(tenant, "service-proxy"),
    find = graphql(tenant, session, find, variables),
    found = found,
    create = mutation(tenant, session, create, variables),
  }
end

--- Ensures a test customer with an order, a bill, an invoice, a payment and a report. Later runs find what the first
--- one created.
---@param tenant table
---@param session table? the administrator's (stdlib.admin); a new one if absent
function M.workflow(tenant, session)
  if not admin.password() then
    log "not made: Vault does not have the administrator's password, which the workflow logs in with"
    return
  end
  session = session or admin.session(tenant)
  local customer = ensure(
    tenant,
    session,
    "customer",
    "query($external: String) { getCustomer(input: {externalId: $external}) { id } }",
    "data.getCustomer.id",
    'mutation($external: String, $email: String!) { createCustomer(input: {firstName: "Test", lastName: "User", '
      .. "email: $email, externalId: $external}) { id accountNumber } }",
    { external = EXTERNAL_ID, email = "o2x-smoke@" .. tenant.domain }
  )
  local order = ensure(
    tenant,
    session,
    "order",
    "query($external: String) { getOrder(input: {externalId: $external}) { id } }",
    "data.getOrder.id",
    "mutation($external: String, $customer: ID!) { createOrder(input: {customerId: $customer, "
      .. 'externalId: $external, product: "STANDARD", amount: 10}) { id } }',
    { external = EXTERNAL_ID, customer = customer }
  )
  ensure(
    tenant,
    session,
    "submitted order",
    "query($external: String) { getOrder(input: {externalId: $external}) { submittedAt } }",
    "data.getOrder.submittedAt",
    "mutation($order: ID) { submitOrder(input: {orderId: $order}) { id } }",
    { external = EXTERNAL_ID, order = order }
  )
  ensure(
    tenant,
    session,
    "bill",
    "query($customer: ID) { getBills(input: {customerId: $customer}) { id } }",
    "data.getBills.1.id",
    "mutation($customer: ID) { triggerBilling(input: {customerId: $customer}) { id status } }",
    { customer = customer }
  )
  local invoice = service.ensure {
    name = "invoice " .. EXTERNAL_ID,
    service = naming.resource(tenant, "service-proxy"),
    find = graphql(
      tenant,
      session,
      "query($customer: ID) { getInvoices(input: {customerId: $customer}) { id } }",
      { customer = customer }
    ),
    found = "data.getInvoices.1.id",
  }
  ensure(
    tenant,
    session,
    "payment",
    "query($external: String) { getPaymentHistory(input: {externalId: $external}) { id } }",
    "data.getPaymentHistory.1.id",
    "mutation($external: String, $invoice: ID!) { processPayment(input: {invoiceId: $invoice, "
      .. 'method: "CARD", externalId: $external}) { id status } }',
    { external = EXTERNAL_ID, invoice = invoice }
  )
  ensure(
    tenant,
    session,
    "report",
    "query($external: String) { getReportData(input: {externalId: $external}) { id } }",
    "data.getReportData.id",
    'mutation($external: String) { generateReport(input: {type: "BILLING", externalId: $external}) { id status } }',
    { external = EXTERNAL_ID }
  )
end

-- ---- the fourteen checks ----

local OBJECT <const> = { "?", id = "scalar" }
local OBJECTS <const> = { "each?", { id = "scalar" } }

-- What the fields of the queries give.
local FORMS <const> = {
  getCustomer = OBJECT,
  getOrder = OBJECT,
  getReportData = OBJECT,
  getBills = OBJECTS,
  getInvoices = OBJECTS,
  getPaymentHistory = OBJECTS,
  getTenantConfig = { tenantId = "string" },
}

-- The value of one field that a query asks for; nil if there is none.
local function query(tenant, session, field, text, variables)
  local response = service.query(graphql(tenant, session, text, variables))
  local log_of = remedy.logs(tenant, "service-proxy")
  if response.status ~= 200 then fail(("GraphQL returns HTTP %d"):format(response.status), log_of) end
  local what = "GraphQL " .. field
  local failed = json.check(response.json, { errors = { "each?", { message = "string" } } }, what).errors
  if failed and failed[1] then fail("GraphQL: " .. failed[1].message, log_of) end
  return json.check(response.json, { data = { [field] = FORMS[field] } }, what).data[field]
end

-- down: gets what other checks need not wait for
local function pods(tenant, down)
  local list = k8s.list("Pod", { selector = "tenant=" .. tenant.name, namespace = tenant.namespace })
  for name, why in pairs(down_services.services(tenant, list)) do
    down[name] = why
  end
  for _, name in ipairs(catalogue.names()) do
    if down[name] then fail(down[name], remedy.run(tenant, "diagnose")) end
  end
  for _, pod in ipairs(list) do
    if not down_services.is_ready(pod) then
      fail(pod.metadata.name .. " is not ready", remedy.kubectl(tenant, "describe pod " .. pod.metadata.name))
    end
  end
  for _, name in ipairs(catalogue.names()) do
    deploy.healthy(tenant, name)
  end
end

local function secrets(tenant)
  local onboard = remedy.onboard(tenant)
  if not vault.read "info" then fail("Vault has no info for " .. tenant.name, onboard) end
  if not vault.read "license/onboarding" then
    fail(
      "Vault has no license/onboarding for " .. tenant.name,
      "put license_key into the tenant's secrets file, under license, then: " .. onboard
    )
  end
end

local function need_id(tenant)
  return tenant.id or fail "not tried: the tenant's id is unknown because the registry cannot be read"
end

local function queues(tenant)
  need_id(tenant)
  local existing = {}
  for _, queue in ipairs(broker.queues(tenant.id .. ".")) do
    existing[queue.name or queue] = true
  end
  for _, name in ipairs(messaging.queues(tenant)) do
    if not existing[name] then fail("there is no queue " .. name, remedy.onboard(tenant, "broker.queue " .. name)) end
  end
end

local function gateways(tenant, down)
  need_id(tenant)
  for _, item in ipairs(tenant.integrations) do
    local provider = providers.find(item.name)
    if down[provider.gateway] then fail("not tried: " .. down[provider.gateway]) end
    local response = service.test {
      service = naming.resource(tenant, provider.gateway),
      path = provider.test,
      headers = { ["X-Tenant-ID"] = tenant.id },
      json = {},
    }
    if response.status ~= 200 then
      local whose, text = refusals.of(provider, response)
      fail(text, whose == "credentials" and remedy.run(tenant, "diagnose") or remedy.logs(tenant, provider.gateway))
    end
  end
end

local function at_least_one(tenant, session, field, text)
  local found = query(tenant, session, field, text, { external = EXTERNAL_ID })
  -- Onboarding makes the test customer and all of his, where they are missing.
  if not found or next(found) == nil then fail(field .. " returns nothing", remedy.onboard(tenant)) end
  return found
end

local function of_customer(tenant, session, field)
  local customer = at_least_one(
    tenant,
    session,
    "getCustomer",
    "query($external: String) { getCustomer(input: {externalId: $external}) { id } }"
  )
  local text = ("query($customer: ID) { %s(input: {customerId: $customer}) { id } }"):format(field)
  return query(tenant, session, field, text, { customer = customer.id }) or {}
end

-- The workflow triggers the billing cycle of the test customer. A check only reads the result.
local function bills(tenant, session)
  if not of_customer(tenant, session, "getBills")[1] then
    fail("the billing cycle has created no bill for the test customer", remedy.onboard(tenant))
  end
end

local function invoice_pdf(tenant, session)
  local invoices = of_customer(tenant, session, "getInvoices")
  local log_of = remedy.logs(tenant, "service-invoice")
  if not invoices[1] then fail("the test customer has no invoice", log_of) end
  local response = service.call {
    url = ("https://api.%s/api/v1/invoices/%s.pdf"):format(tenant.domain, invoices[1].id),
    session = session,
  }
  if response.status ~= 200 or not response.body:find("^%%PDF") then
    fail(("there is no PDF of invoice %s: HTTP %d"):format(invoices[1].id, response.status), log_of)
  end
end

local function graphql_responds(tenant, session)
  local config = query(
    tenant,
    session,
    "getTenantConfig",
    "query($id: ID) { getTenantConfig(input: {id: $id}) { tenantId tenantName status } }",
    { id = tenant.id }
  )
  if config.tenantId ~= tenant.id then
    fail("getTenantConfig returns tenant " .. tostring(config.tenantId), remedy.deploy(tenant, "service-proxy"))
  end
end

local function database(tenant) pg.tenant:row("core_config.tenant", { name = tenant.name }, { "id" }) end

-- The guide's fourteen checks: name, function and its arguments; session: it logs in; silent: why no login is tried
-- where its system does not answer. -> checks, the services that the first one finds down
local function checks(tenant, session)
  local down = {}
  local function has(field, text)
    return function() at_least_one(tenant, session, field, text) end
  end
  return {
    { "All pods are running and healthy", pods, tenant, down },
    { "Database connectivity", database, tenant, silent = "the database does not answer" },
    { "Vault secrets accessible", secrets, tenant, silent = "Vault does not answer" },
    { "Redis connection", redis.ping },
    { "ActiveMQ queues", queues, tenant },
    { LOGIN, session.login, session = true },
    {
      "GraphQL endpoint responding",
      graphql_responds,
      tenant,
      session,
      session = true,
      silent = "the GraphQL endpoint does not answer",
    },
    { "Gateway integrations authenticated", gateways, tenant, down },
    {
      "Test customer",
      has("getCustomer", "query($external: String) { getCustomer(input: {externalId: $external}) { id } }"),
      session = true,
    },
    {
      "Test order",
      has("getOrder", "query($external: String) { getOrder(input: {externalId: $external}) { id } }"),
      session = true,
    },
    { "Billing cycle", bills, tenant, session, session = true },
    { "Invoice PDF", invoice_pdf, tenant, session, session = true },
    {
      "Payment processing",
      has(
        "getPaymentHistory",
        "query($external: String) { getPaymentHistory(input: {externalId: $external}) { id status } }"
      ),
      session = true,
    },
    {
      "Reports",
      has("getReportData", "query($external: String) { getReportData(input: {externalId: $external}) { id status } }"),
      session = true,
    },
  },
    down
end

--- Runs the guide's fourteen checks. Fails at the first one that fails. Where nobody knows the administrator's
--- password, as of a tenant that was made by hand, those that log in are left out: M.run fails at them.
---@param tenant table
---@param session table? the administrator's; a new one if absent
function M.checklist(tenant, session)
  local may_log_in = admin.password() ~= nil
  if not may_log_in then log "not checked: what needs a login, because Vault has no administrator's password" end
  for _, entry in ipairs((checks(tenant, session or admin.session(tenant)))) do
    if may_log_in or not entry.session then check(table.unpack(entry)) end
  end
end

-- ---- a tenant in maintenance ----

-- Kubernetes ends pods in their own time: what counts is what is wanted.
local function stopped(tenant)
  local options = { selector = "tenant=" .. tenant.name, namespace = tenant.namespace }
  for _, deployment in ipairs(k8s.list("Deployment", options)) do
    if (deployment.spec.replicas or 1) > 0 then
      fail(
        ("%s has %d replicas"):format(deployment.metadata.name, deployment.spec.replicas or 1),
        remedy.run(tenant, "maintenance", "mode=on", true)
      )
    end
  end
end

local function page_is_up(tenant)
  local name = naming.resource(tenant, "maintenance")
  local deployment = k8s.get("Deployment", name, tenant.namespace)
  if not deployment or (deployment.status.readyReplicas or 0) == 0 then
    fail(
      "there is no maintenance page, clients see the ingress's own 503",
      remedy.kubectl(tenant, "describe deployment " .. name)
    )
  end
end

local function end_of_maintenance(tenant) return remedy.run(tenant, "maintenance", "mode=off", true) end

local function not_in_service(tenant, said) fail(said, end_of_maintenance(tenant)) end

-- What holds while all services are stopped; nothing is asked of them.
local function checks_in_maintenance(tenant)
  return {
    { "Services are stopped", stopped, tenant },
    { "Maintenance page is up", page_is_up, tenant },
    { "Database connectivity", database, tenant },
    { "Vault secrets accessible", secrets, tenant },
    { "Redis connection", redis.ping },
    { "ActiveMQ queues", queues, tenant },
  }
end

-- ---- all checks, also after a failure ----

local function not_logged_in() fail "not tried: the administrator cannot log in" end

local function not_asked(why) fail("not tried: " .. why) end

-- The service without which nothing that logs in can be asked.
local function way_closed(entry, down)
  if not entry.session then return nil end
  return entry[1] == LOGIN and down["service-sso"] or entry[1] ~= LOGIN and down["service-proxy"] or nil
end

-- Several checks may fail for one reason, and have one remedy.
local function add_hint(hints, hint)
  for _, other in ipairs(hints) do
    if other == hint then return end
  end
  hints[#hints + 1] = hint
end

local SILENT <const> = { unreachable = true, timeout = true }

-- Does a system not answer? Then nothing else of it is known, and nothing is advised about what is in it.
local function is_silent(problem) return SILENT[problem.kind] or tostring(problem):find "HTTP 5%d%d$" ~= nil end

-- Of checks that need a login that has failed, or a system that is down, none waits for it again.
local function run_all(entries, down)
  local failed, hints, login, silent = {}, {}, true, nil
  for _, entry in ipairs(entries) do
    local ok, problem
    local why = way_closed(entry, down or {}) or entry.session and silent
    if why then
      ok, problem = pcall(check, entry[1], not_asked, why)
    elseif entry.session and not login then
      ok, problem = pcall(check, entry[1], not_logged_in)
    else
      ok, problem = pcall(check, table.unpack(entry))
    end
    login = login and (ok or entry[1] ~= LOGIN)
    if not ok then
      silent = silent or is_silent(problem) and entry.silent
      failed[#failed + 1] = entry[1]
      add_hint(hints, problem.hint)
    end
  end
  return failed, hints
end

-- While the cluster does not answer, the checks say so. -> maintenance, or the tenant as remedies see it
local function look_at_cluster(tenant)
  local ok, record = pcall(maintenance.of, tenant)
  if not ok or record then return ok and record or nil, tenant end
  local known, by_hand = pcall(cluster.is_by_hand, tenant)
  return nil, known and by_hand and remedy.of_hand(tenant) or tenant
end

local function conclude(entries, failed, hints, prefix)
  if #failed == 0 then return end
  fail(
    prefix .. ("%d of %d checks failed: %s"):format(#failed, #entries, table.concat(failed, ", ")),
    hints[2] and "what to type next is beside each of them" or hints[1]
  )
end

-- The verdict names what the others follow from.
local function prefix_of(said, down)
  local words = { said }
  for _, name in ipairs(down and catalogue.names() or {}) do
    words[#words + 1] = down[name]
  end
  return words[1] and table.concat(words, ", ") .. "; " or ""
end

--- Runs all fourteen checks, also after a failure, and outputs the results. Fails if one failed. Of a tenant in
--- maintenance it checks what holds then, asks nothing of its services, and ends with exit code 2.
---@param tenant table
---@param params { junit: string? } junit: file for the results as JUnit XML
function M.run(tenant, params)
  local known, id = pcall(registry.find, tenant)
  if known then tenant.id = id end
  local record
  record, tenant = look_at_cluster(tenant)
  local said = record and maintenance.describe(tenant, record)
  if said then pcall(check, "In service", not_in_service, tenant, said) end
  local entries, down
  if record then
    entries = checks_in_maintenance(tenant)
  else
    entries, down = checks(tenant, admin.session(tenant))
  end
  local failed, hints = run_all(entries, down)
  output { checks = true, junit = params.junit, exit = record and #failed == 0 and FOUND or nil }
  if not known and not tenant.id then fail(tostring(id), id.hint) end
  conclude(entries, failed, hints, prefix_of(said, down))
  if record then log(("%s; to end it: %s"):format(said, end_of_maintenance(tenant))) end
end

return M

--- The tenants' HTTP services: actuator, single sign-on, gateways, jobs, and the API proxy with GraphQL. Requests come
--- from the API server's service proxy and from the ingress. The state of each tenant is in `lab.state("services")`.

local clock = require("o2x.base.clock")
local json = require("o2x.base.json")
local jwt = require("lab.jwt")
local crypto = require("o2x.base.crypto")
local graphql = require("lab.graphql_executor")
local business = require "lab.business"
local business_schema = require "lab.business.schema"
local database = require("lab.tenant_database")
local faults = require("lab.service_faults")
local vault = require("lab.tenant_vault")

local M = {}

---@class lab.service_info
---@field namespace string
---@field service string   name of the Service object, such as "newclient-service-sso"
---@field tenant string?   "newclient"; found by the Service if absent
---@field port integer
---@field labels table?
---@field env table?       environment of the service's container; TENANT_ID and JDBC URLs are read
---@field ingress boolean? whether the request came through the ingress

local TOKEN_SECONDS <const> = 3600

local JSON <const> = { ["Content-Type"] = "application/json" }

local function answer(status, value) return status, JSON, json.encode(value) end

local function random(count) return crypto.hex(crypto.random(count)) end

local function now_text(call) return os.date("!%Y-%m-%dT%H:%M:%S.000+00:00", call.now() // 1 | 0) end

local function problem(call, status, reason, message)
  return answer(
    status,
    { timestamp = now_text(call), status = status, error = reason, message = message, path = call.req.path }
  )
end

local function body_of(call)
  local ok, value = pcall(json.decode, call.req.body ~= "" and call.req.body or "{}")
  return ok and type(value) == "table" and value or nil
end

-- The role of a service: "newclient-service-sso" of tenant "newclient" is "service-sso".
local function role_of(info)
  local prefix = info.tenant .. "-"
  return info.service:sub(1, #prefix) == prefix and info.service:sub(#prefix + 1) or info.service
end

-- actuator

local COMPONENTS = {
  ["service-mediation"] = { "activemq" },
  ["service-invoice"] = { "s3" },
  ["finance-gateway"] = { "vault" },
  ["payment-gateway"] = { "vault" },
  ["tax-gateway"] = { "vault" },
  ["provision-gateway"] = { "vault" },
  ["crm-gateway"] = { "vault" },
  ["service-sso"] = { "vault" },
  ["jobs-common"] = { "activemq" },
  ["batch-process"] = { "activemq" },
}

local function health(call)
  local components, status = { ping = { status = "UP" } }, "UP"
  local names = { "db", "diskSpace", "redis", table.unpack(COMPONENTS[call.role] or {}) }
  local broken = call:fault("unhealthy")
  if broken == "" then broken = "db" end
  for _, name in ipairs(names) do
    components[name] = { status = name == broken and "DOWN" or "UP" }
    if name == broken then status = "DOWN" end
  end
  return answer(
    status == "UP" and 200 or 503,
    { status = status, components = components, groups = { "liveness", "readiness" } }
  )
end

--- Sets a fault of a service (lab.service_faults).
M.fault = faults.set

local function alive() return answer(200, { status = "UP" }) end

local METRICS = [[
# TYPE application_ready_time_seconds gauge
application_ready_time_seconds{TAGS} 4.2
# TYPE hikaricp_connections_active gauge
hikaricp_connections_active{TAGS,pool="HikariPool-1"} ACTIVE
# TYPE hikaricp_connections_max gauge
hikaricp_connections_max{TAGS,pool="HikariPool-1"} 20.0
# TYPE hikaricp_connections_pending gauge
hikaricp_connections_pending{TAGS,pool="HikariPool-1"} PENDING
# TYPE http_server_requests_seconds summary
http_server_requests_seconds_count{TAGS,method="GET",outcome="SUCCESS",status="200",uri="/actuator/health"} COUNT
http_server_requests_seconds_sum{TAGS,method="GET",outcome="SUCCESS",status="200",uri="/actuator/health"} SUM
http_server_requests_seconds_count{TAGS,method="POST",outcome="SERVER_ERROR",status="500",uri="/api"} ERRORS
http_server_requests_seconds_sum{TAGS,method="POST",outcome="SERVER_ERROR",status="500",uri="/api"} 0.0
# TYPE jvm_memory_used_bytes gauge
jvm_memory_used_bytes{TAGS,area="heap",id="G1 Eden Space"} 4.194304E7
# TYPE process_cpu_usage gauge
process_cpu_usage{TAGS} 0.01
]]

local function metrics(call)
  local exhausted, count = call:fault("pool-exhausted"), (call.state.requests or 0) + 100
  local values = {
    TAGS = ('service="%s",tenant="%s"'):format(call.role, call.info.tenant),
    COUNT = count,
    SUM = ("%.3f"):format(count * (call:fault("high-latency") and 6.5 or 0.004)),
    ACTIVE = exhausted and "20.0" or "2.0",
    PENDING = exhausted and "12.0" or "0.0",
    ERRORS = call:fault("http-errors") and count or 0,
  }
  return 200, { ["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8" }, (METRICS:gsub("%u%u%u+", values))
end

-- tokens, signed with a random key per tenant

local function issue_token(call, username)
  local issued = call.now() // 1 | 0
  local claims = {
    sub = username,
    tenant = call.info.tenant,
    iat = issued,
    exp = issued + TOKEN_SECONDS,
    jti = random(8),
  }
  return jwt.sign(claims, call.state.token_key)
end

-- The user in the request's token; nil if there is no valid token.
local function bearer(call)
  local token = (call.req.headers.authorization or ""):match("^[Bb]earer%s+(%S+)$")
  local claims = token and jwt.verify(token, call.state.token_key)
  return claims and claims.exp > call.now() and claims.sub or nil
end

-- single sign-on

local function find_user(call, username)
  for _, user in ipairs(call.state.users) do
    if user.username == username then return user end
  end
end

local function public(user)
  local fields = {}
  for key, value in pairs(user) do
    if key ~= "digest" and key ~= "salt" and key ~= "password" then fields[key] = value end
  end
  return fields
end

local function create_user(call)
  local given = body_of(call)
  if not given then return problem(call, 400, "Bad Request", "the body is not a JSON object") end
  for _, field in ipairs({ "username", "password", "email" }) do
    if type(given[field]) ~= "string" or given[field] == "" then
      return problem(call, 400, "Bad Request", field .. " must not be blank")
    end
  end
  if find_user(call, given.username) or database.user(call.lab, call.info, given.username) then
    return problem(call, 409, "Conflict", ("user %s already exists"):format(given.username))
  end
  local user = {
    username = given.username,
    email = given.email,
    firstName = given.firstName,
    lastName = given.lastName,
    roleId = given.roleId,
    status = given.status or "ACTIVE",
    createdAt = now_text(call),
  }
  local hash = #given.password <= 72 and crypto.bcrypt(given.password)
  user.id = hash and database.add_user(call.lab, call.info, given, hash) or nil
  if not user.id then -- a tenant without a database, in small tests
    user.id, user.salt = ("user-%d"):format(#call.state.users + 1), random(16)
    user.digest = crypto.sha256(user.salt .. given.password)
    table.insert(call.state.users, user)
  end
  return answer(201, public(user))
end

local function list_users(call)
  local found = {}
  for _, user in ipairs(call.state.users) do
    if not call.req.query.username or user.username == call.req.query.username then found[#found + 1] = public(user) end
  end
  return answer(200, { content = json.array(found), totalElements = #found })
end

-- The user with this password, or nil: one of the state, or a row of the tenant's database with a bcrypt hash.
local function authenticate(call, username, password)
  local user = find_user(call, username)
  if user then return crypto.sha256(user.salt .. password) == user.digest and user or nil end
  local row = database.user(call.lab, call.info, username)
  return row and #password <= 72 and crypto.bcrypt_matches(password, row.password) and row or nil
end

local function login(call)
  local given = body_of(call) or {}
  if type(given.username) ~= "string" or type(given.password) ~= "string" or given.password == "" then
    return problem(call, 400, "Bad Request", "username and password must not be blank")
  end
  local user = authenticate(call, given.username, given.password)
  if not user then return problem(call, 401, "Unauthorized", "Bad credentials") end
  if user.status ~= "ACTIVE" then return problem(call, 401, "Unauthorized", "User is disabled") end
  return answer(200, {
    accessToken = issue_token(call, user.username),
    tokenType = "Bearer",
    expiresIn = TOKEN_SECONDS,
    user = public(user),
  })
end

-- gateways: each serves its own merchants, and only the tenant it was deployed for

-- Why the provider refuses the gateway's credentials; nil if it accepts them.
local function refusal(call, path)
  if call:fault("bad-credentials") then return "Invalid credentials" end
  local credentials = vault.read(call.lab, call.info.tenant, path)
  if credentials == false then return "Invalid credentials" end
  local expiry = credentials and credentials.token_expiry
  local ok, ends = pcall(clock.parse, expiry)
  if expiry and ok and ends < call.now() then return "Token expired" end
end

local function gateway(merchant, path, message)
  return function(call)
    local id = call.req.headers["x-tenant-id"]
    if not id or id == "" then
      return problem(call, 400, "Bad Request", "Required request header 'X-Tenant-ID' is not present")
    end
    if not id:find("^TIDLT%-%d%d%d%d%d%d$") then
      return problem(call, 400, "Bad Request", ("X-Tenant-ID %s is not a tenant id"):format(id))
    end
    if call.tenant_id and call.tenant_id ~= id then
      return problem(call, 403, "Forbidden", ("tenant %s is not served here"):format(id))
    end
    local why = refusal(call, path)
    if why then
      call:log("ERROR", "com.embrix.gateway.Authentication", ("%s: 401 Unauthorized: %s"):format(merchant, why))
      return problem(call, 401, "Unauthorized", why)
    end
    return answer(200, {
      status = "SUCCESS",
      success = true,
      authenticated = true,
      merchant = merchant,
      tenantId = id,
      message = message,
    })
  end
end

-- A provider's webhook: only requests with its signature are accepted.
local function webhook(signature)
  return function(call)
    if call:fault("no-webhooks") ~= nil then return problem(call, 404, "Not Found", "No message available") end
    if not call.req.headers[signature] then return problem(call, 400, "Bad Request", "the signature is missing") end
    return answer(200, { received = true })
  end
end

-- jobs and the API proxy

local function open_business(call)
  local host = call.req.headers.host
  local through_ingress = call.info.ingress and host
  return business.open(call.state, {
    tenant = call.info.tenant,
    tenant_id = call.tenant_id,
    now = call.now,
    url = through_ingress and "https://" .. host or ("http://%s-service-proxy:8080"):format(call.info.tenant),
  })
end

local function trigger_job(call)
  if not call.req.headers["x-tenant-id"] then
    return problem(call, 400, "Bad Request", "Required request header 'X-Tenant-ID' is not present")
  end
  local run = open_business(call):trigger_billing({})
  return answer(202, { jobId = run.id, status = run.status, billsCreated = run.billsCreated })
end

local function serve_graphql(call)
  if not bearer(call) then
    return answer(401, {
      errors = {
        { message = "Unauthorized: a bearer token is required", extensions = { code = "UNAUTHENTICATED" } },
      },
    })
  end
  local request = body_of(call)
  if not request or type(request.query) ~= "string" then
    return answer(400, { errors = { { message = "the body must be a JSON object with a query" } } })
  end
  if request.variables == json.null then request.variables = nil end
  if request.operationName == json.null then request.operationName = nil end
  local result =
    graphql.run(business_schema, request, { context = open_business(call), null = json.null, list = json.array })
  return answer(200, result)
end

local function invoice_pdf(call, id)
  if not bearer(call) then return problem(call, 401, "Unauthorized", "a bearer token is required") end
  local pdf = open_business(call):invoice_pdf(id)
  if not pdf then return problem(call, 404, "Not Found", ("invoice %s not found"):format(id)) end
  return 200,
    { ["Content-Type"] = "application/pdf", ["Content-Disposition"] = ('inline; filename="%s.pdf"'):format(id) },
    pdf
end

-- routes: role → "METHOD path pattern" → handler(call, capture)

local function app_info(call) return answer(200, { app = { name = call.role, tenant = call.info.tenant } }) end

local ACTUATOR = {
  ["GET /actuator/health"] = health,
  ["GET /actuator/health/liveness"] = alive,
  ["GET /actuator/health/readiness"] = health,
  ["GET /actuator/info"] = app_info,
  ["GET /actuator/prometheus"] = metrics,
}

local SSO = {
  ["POST /api/users/create"] = create_user,
  ["GET /api/users"] = list_users,
  ["POST /api/auth/login"] = login,
}

local INVOICES = { ["GET /api/v1/invoices/([%w-]+)%.pdf"] = invoice_pdf }

local ROLES = {
  ["service-sso"] = { SSO },
  ["service-invoice"] = { INVOICES },
  ["service-proxy"] = { { ["POST /graphql"] = serve_graphql, ["POST /api/auth/login"] = login }, INVOICES },
  ["jobs-common"] = { { ["POST /api/jobs/billing/trigger"] = trigger_job } },
  ["finance-gateway"] = {
    {
      ["POST /api/quickbooks/test-connection"] = gateway("QUICKBOOKS", "quickbooks", "Connected to QuickBooks"),
      ["POST /api/netsuite/test-connection"] = gateway("NETSUITE", "netsuite", "Connected to NetSuite"),
    },
  },
  ["payment-gateway"] = {
    {
      ["POST /api/stripe/validate"] = gateway("STRIPE", "stripe", "Stripe credentials are valid"),
      ["POST /webhooks/stripe"] = webhook "stripe-signature",
      ["POST /webhooks/authorize-net"] = webhook "x-anet-signature",
      ["POST /api/authorize-net/validate"] = gateway(
        "AUTHORIZE_NET",
        "authorize-net",
        "Authorize.Net credentials are valid"
      ),
    },
  },
  ["tax-gateway"] = {
    {
      ["POST /api/avalara/ping"] = gateway("AVALARA", "avalara", "Avalara answered"),
      ["POST /api/taxjar/ping"] = gateway("TAXJAR", "taxjar", "TaxJar answered"),
    },
  },
  ["provision-gateway"] = {
    {
      ["POST /api/provision/ping"] = gateway("PROVISION", "broadsoft", "Provisioning answered"),
    },
  },
  ["crm-gateway"] = { { ["POST /api/crm/ping"] = gateway("CRM", "salesforce", "CRM answered") } },
}

local function route(call)
  local path, other_method = call.req.path, false
  for _, routes in ipairs({ ACTUATOR, table.unpack(ROLES[call.role] or {}) }) do
    for key, handler in pairs(routes) do
      local method, pattern = key:match("^(%S+) (%S+)$")
      pattern = pattern:find("(", 1, true) and pattern or pattern:gsub("%-", "%%-")
      local found, _, capture = path:find("^" .. pattern .. "$")
      if found and (method == call.req.method or method == "GET" and call.req.method == "HEAD") then
        return handler, capture
      end
      other_method = other_method or found ~= nil
    end
  end
  return nil, other_method
end

local function state_of(lab, tenant)
  local all = lab.state("services")
  all[tenant] = all[tenant] or {}
  local state = all[tenant]
  state.users = state.users or {}
  state.token_key = state.token_key or random(32)
  state.requests = (state.requests or 0) + 1
  return state
end

-- Adds the fields that the caller does not know, from the cluster.
local function complete(lab, info)
  if info.service and info.tenant then return info end
  local name = info.service or info.name
  local found = lab.k8s and lab.k8s.backend(info.namespace, name, info.port) or { labels = info.labels or {} }
  found.service = name
  found.tenant = found.tenant or found.labels.tenant or name:match("^(.+)%-service%-%l+$") or name
  return found
end

--- Handles a request to a tenant's service.
---@param lab table
---@param info lab.service_info
---@param req httpd.request      `path` is the path at the service
---@return integer status, table headers, string body
function M.handle(lab, info, req)
  info = complete(lab, info)
  local call = {
    lab = lab,
    info = info,
    req = req,
    role = role_of(info),
    now = lab.clock,
    state = state_of(lab, info.tenant),
    tenant_id = info.env and info.env.TENANT_ID,
    fault = function(_, kind) return faults.of(lab, info.service, kind) end,
    log = function(_, ...) faults.log(lab, info.service, ...) end,
  }
  local handler, capture = route(call)
  if not handler then
    if capture and not (call:fault("no-webhooks") and req.path:find("^/webhooks/")) then
      return problem(call, 405, "Method Not Allowed", ("Method '%s' is not supported."):format(req.method))
    end
    return problem(call, 404, "Not Found", "No message available")
  end
  local status, headers, body = handler(call, capture)
  if req.method ~= "GET" then lab.save("services") end
  return status, headers, body
end

return M

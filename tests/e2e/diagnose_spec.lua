-- diagnose: for every cause that the guide's troubleshooting chapters name, the test seeds a fault with the ordinary
-- clients, expects the finding and mends the fault; a healthy tenant has no finding.

local crypto = require "o2x.base.crypto"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"

local RUNBOOK = "runbooks/diagnose.lua"
local ID, DATABASE = "TIDLT-100005", "coredb-urbanos"

describe("diagnose", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function sql(text) return lab:sql(DATABASE, text) end
  local function admin_sql(text) return lab:sql("postgres", text) end
  -- What a service provider does on RDS: extensions.
  local function superuser(text)
    local password = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json"))).superuser_password
    local result = lab:run(
      { "psql", "-X", "-At", "-d", DATABASE, "-c", text },
      { env = { PGUSER = "postgres", PGPASSWORD = password } }
    )
    assert(result.code == 0, result.stderr)
  end
  local function fault(...)
    local result = lab:o2x { "lab", "fault", ... }
    assert(result.code == 0, result.stderr)
  end
  local function kubectl(...) return lab:out("kubectl", ...) end

  -- By the API server's own interface: kubectl has known subresources since 1.24 only.
  local function patch_status(path, status)
    local config = json.decode(fs.read(lab.env.KUBECONFIG))
    lab:out(
      "curl",
      "-fsS",
      "-X",
      "PATCH",
      "--cacert",
      lab.env.O2X_LAB_CA,
      "-H",
      "Content-Type: application/merge-patch+json",
      "-H",
      "Authorization: Bearer " .. config.users[1].user.token,
      "-d",
      json.encode { status = status },
      ("%s/%s/status"):format(config.clusters[1].cluster.server, path)
    )
  end

  -- Vault by its HTTP interface: the vault command need not be installed.
  local function patch_secret(path, fields)
    local now = lab:vault("tenant/urbanos/" .. path)
    local before = json.encode(now)
    for name, value in pairs(fields) do
      now[name] = value
    end
    local function put(data)
      lab:out(
        "curl",
        "-fsS",
        "-X",
        "PUT",
        "-H",
        "X-Vault-Token: " .. lab.env.VAULT_TOKEN,
        lab.env.VAULT_ADDR .. "/v1/secret/data/tenant/urbanos/" .. path,
        "-d",
        json.encode { data = data }
      )
    end
    put(now)
    return function() put(json.decode(before)) end
  end

  local function diagnose()
    local result = lab:o2x { "run", RUNBOOK, "urbanos", "--json" }
    local data = json.decode(result.stdout)
    return data.result or {}, result, data
  end

  local function shown(rows)
    local lines = {}
    for i, row in ipairs(rows) do
      lines[i] = ("%s | %s | %s | %s"):format(row.severity, row.subject, row.finding, row.evidence)
    end
    return table.concat(lines, "\n")
  end

  local function find(rows, severity, subject, finding)
    for _, row in ipairs(rows) do
      if row.severity == severity and row.subject == subject and row.finding:find(finding) then return row end
    end
    error(("no %s of %s with %q in:\n%s"):format(severity, subject, finding, shown(rows)), 2)
  end

  local function healthy()
    local rows, result, data = diagnose()
    assert(result.code == 0 and #rows == 0 and data.status == "done", "findings:\n" .. shown(rows) .. result.stderr)
  end

  -- A cause: seed brings it about and gives the function that mends it.
  local causes = {}
  local function seeded(name, expected, seed)
    local cause = { name = name, expected = expected, seed = seed }
    table.insert(causes, cause)
  end

  local function look_for(list)
    local rows, result = diagnose()
    assert.equal(2, result.code, result.stderr)
    for _, cause in ipairs(list) do
      for _, one in ipairs(cause.expected) do
        local row = find(rows, table.unpack(one))
        assert.is_true(#row.evidence > 0 and #row.fix > 0, cause.name)
      end
    end
  end

  -- Seeds the causes so far all at once, looks, and mends them in reverse order.
  local function are_found(title)
    local list = causes
    causes = {}
    it("finds " .. title, function()
      local mends = {}
      local ok, problem = pcall(function()
        for i, cause in ipairs(list) do
          mends[i] = cause.seed()
        end
        look_for(list)
      end)
      for i = #mends, 1, -1 do
        mends[i]()
      end
      if not ok then error(problem, 0) end
    end)
  end

  it("finds nothing on a healthy tenant, and changes nothing", function()
    local before = lab:snapshot(DATABASE)
    healthy()
    assert.equal(0, lab:o2x({ "plan", RUNBOOK, "urbanos", "--detailed-exitcode" }).code)
    assert.equal(before, lab:snapshot(DATABASE))
  end)

  -- ---- 1. service won't start ----

  local function pods_anew(service) kubectl("delete", "pod", "-l", "app=urbanos-" .. service, "--wait=false") end

  seeded("a container that crashes", { { "critical", "service-billing", "keeps crashing" } }, function()
    fault("k8s", "crash-pods", "match=urbanos-service-billing")
    pods_anew "service-billing"
    return function()
      fault("k8s", "off")
      pods_anew "service-billing"
    end
  end)

  seeded("an image that cannot be pulled", { { "critical", "tax-gateway", "image cannot be pulled" } }, function()
    fault("k8s", "broken-pods", "match=urbanos-tax-gateway")
    pods_anew "tax-gateway"
    return function()
      fault("k8s", "off")
      pods_anew "tax-gateway"
    end
  end)

  seeded("a service scaled to 0, and one below the catalogue's least", {
    { "critical", "jobs-common", "scaled to 0" },
    { "warning", "service-proxy", "fewer replicas" },
  }, function()
    kubectl("scale", "deployment/urbanos-jobs-common", "--replicas=0")
    kubectl("scale", "deployment/urbanos-service-proxy", "--replicas=1")
    return function()
      kubectl("scale", "deployment/urbanos-jobs-common", "--replicas=2")
      kubectl("scale", "deployment/urbanos-service-proxy", "--replicas=3")
    end
  end)

  seeded("environment variables that are missing or wrong", {
    { "critical", "service-transactional", "lacks REDIS_HOST, TENANT_ID" },
    { "critical", "service-billing", "AMQ_BROKER_URL is ssl://elsewhere:1" },
    { "critical", "service-invoice", "points to coredb%-demo" },
  }, function()
    kubectl("set", "env", "deployment/urbanos-service-transactional", "TENANT_ID-", "REDIS_HOST-")
    kubectl("set", "env", "deployment/urbanos-service-billing", "AMQ_BROKER_URL=ssl://elsewhere:1")
    kubectl(
      "set",
      "env",
      "deployment/urbanos-service-invoice",
      "SPRING_DATASOURCE_URL=jdbc:postgresql://h:5432/coredb-demo?sslmode=require"
    )
    return function()
      for _, service in ipairs { "transactional", "billing", "invoice" } do
        kubectl("rollout", "undo", "deployment/urbanos-service-" .. service)
      end
    end
  end)

  are_found "why pods do not start, and environments"

  seeded("a database that is not there", { { "critical", DATABASE, "is missing" } }, function()
    admin_sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '" .. DATABASE .. "'")
    admin_sql('alter database "coredb-urbanos" rename to "coredb-aside"')
    return function()
      admin_sql "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'coredb-aside'"
      admin_sql 'alter database "coredb-aside" rename to "coredb-urbanos"'
    end
  end)

  are_found "a database that is gone"

  local function patch_k8s_secret(name, key, value)
    local was = kubectl("get", "secret", name, "-o", "jsonpath={.data." .. key .. "}")
    local function patch(coded) kubectl("patch", "secret", name, "-p", json.encode { data = { [key] = coded } }) end
    patch(value)
    return function() patch(was) end
  end

  seeded(
    "services that cannot log in to the database",
    { { "critical", "secret pg-secret", "cannot log in" } },
    function() return patch_k8s_secret("pg-secret", "password", "d3Jvbmc=") end
  )

  seeded(
    "a Vault token that is not valid",
    { { "critical", "secret app-vault-token", "token is not valid" } },
    function() return patch_k8s_secret("app-vault-token", "token", "aHZzLndyb25nLXRva2Vu") end
  )

  are_found "credentials that the services cannot use"

  seeded("a shared secret that is gone", { { "critical", "secret app-vault-token", "is missing" } }, function()
    local file = fs.join(lab.dir, "kept.json")
    fs.write(file, kubectl("get", "secret", "app-vault-token", "-o", "json"), { mode = 384 })
    kubectl("delete", "secret", "app-vault-token")
    return function() kubectl("create", "-f", file) end
  end)

  seeded(
    "a release that was left pending",
    { { "warning", "service-usage", "release is pending%-upgrade" } },
    function()
      fault("k8s", "helm-dies", "match=urbanos-service-usage")
      lab:run {
        "helm",
        "upgrade",
        "urbanos-service-usage",
        lab.platform .. "/core/charts/service-usage",
        "-f",
        lab.platform .. "/core/helm_values/urbanos/service-usage.yaml",
        "--set",
        "replicaCount=3",
      }
      return function()
        fault("k8s", "off")
        lab:out("helm", "rollback", "urbanos-service-usage", "1")
      end
    end
  )

  seeded("a certificate that ends in days", { { "warning", "urbanos-tls-cert", "expires in %d days" } }, function()
    local was = kubectl("get", "certificate", "urbanos-tls-cert", "-o", "jsonpath={.status.notAfter}")
    local function patch(time)
      patch_status("apis/cert-manager.io/v1/namespaces/default/certificates/urbanos-tls-cert", { notAfter = time })
    end
    patch(os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 3 * 86400))
    return function() patch(was) end
  end)

  seeded("a container at its limit of memory", { { "warning", "service-sso", "of its memory limit" } }, function()
    kubectl("set", "resources", "deployment/urbanos-service-sso", "--limits=memory=1100Mi")
    return function() kubectl("rollout", "undo", "deployment/urbanos-service-sso") end
  end)

  are_found "a secret that is gone, releases, certificates, limits"

  seeded("maintenance", { { "warning", "urbanos", "is in maintenance" } }, function()
    assert(lab:o2x({ "run", "runbooks/maintenance.lua", "urbanos", "mode=on", "--confirm=urbanos" }).code == 0)
    return function()
      assert(lab:o2x({ "run", "runbooks/maintenance.lua", "urbanos", "mode=off", "--confirm=urbanos" }).code == 0)
    end
  end)

  are_found "maintenance"

  -- ---- 2. gateway authentication ----

  seeded(
    "an OAuth token that has expired",
    { { "critical", "finance-gateway", "token has expired" } },
    function() return patch_secret("quickbooks", { token_expiry = "2026-02-11T10:00:00Z" }) end
  )

  seeded(
    "credentials that lack a field",
    { { "critical", "tax-gateway", "lack license_key" } },
    function() return patch_secret("avalara", { license_key = "" }) end
  )

  seeded("credentials that the provider refuses, and the log that says so", {
    { "critical", "payment-gateway", "refuses the connection: Invalid credentials" },
  }, function()
    fault("ingress", "bad-credentials", "match=urbanos-payment-gateway")
    return function() fault("ingress", "off") end
  end)

  seeded(
    "a gateway whose log tells of refused credentials",
    { { "critical", "finance-gateway", "the token has expired" } },
    function()
      fault("ingress", "log-line", "match=urbanos-finance-gateway:ERROR QUICKBOOKS: 401 Unauthorized: Token expired")
      return function() fault("ingress", "off") end
    end
  )

  seeded("a merchant that is not configured", {
    { "critical", "STRIPE", "merchant is INACTIVE" },
    { "critical", "QUICKBOOKS", "OAuth attributes are not configured" },
  }, function()
    sql "update core_config.tenant_merchants set status = 'INACTIVE' where name = 'STRIPE'"
    sql "create table kept as select * from core_config.oauth2_attributes where index = 0"
    sql "delete from core_config.oauth2_attributes where index = 0"
    return function()
      sql "update core_config.tenant_merchants set status = 'ACTIVE' where name = 'STRIPE'"
      sql "insert into core_config.oauth2_attributes select * from kept; drop table kept"
    end
  end)

  are_found "why gateways are refused"

  -- ---- 3. high latency ----

  seeded("an exhausted connection pool, in the metrics and in the log", {
    { "critical", "service-billing", "pool is exhausted" },
    { "critical", "service-billing", "no free database connection" },
  }, function()
    fault("ingress", "pool-exhausted", "match=urbanos-service-billing")
    return function() fault("ingress", "off") end
  end)

  seeded("slow answers, errors, bad health", {
    { "warning", "service-proxy", "responds after 6.%d s" },
    { "critical", "service-usage", "are errors" },
    { "critical", "service-revenue", "not healthy" },
  }, function()
    fault("ingress", "high-latency", "match=urbanos-service-proxy")
    fault("ingress", "http-errors", "match=urbanos-service-usage")
    fault("ingress", "unhealthy", "match=urbanos-service-revenue:redis")
    return function() fault("ingress", "off") end
  end)

  seeded("slow queries and missing indexes", {
    { "warning", DATABASE, "a slow query" },
    { "warning", DATABASE, "account has no index on %(tenant_id, email" },
    { "warning", DATABASE, "invoice has no index on %(customer_id, invoice_date" },
  }, function()
    superuser "create extension if not exists pg_stat_statements"
    sql "select pg_sleep(1.1)"
    sql "drop index idx_account_tenant_email; drop index idx_invoice_customer_date"
    return function()
      superuser "drop extension pg_stat_statements"
      sql "create index idx_account_tenant_email on account (tenant_id, email)"
      sql "create index idx_invoice_customer_date on invoice (customer_id, invoice_date)"
    end
  end)

  seeded("a cache that finds nothing", { { "warning", "Redis", "hit rate is only %d+ %%" } }, function()
    lab:run({ "sh", "-c", 'yes "GET nothing" | head -1500 | redis-cli --no-auth-warning -u "$REDIS_URL" >/dev/null' })
    return function() lab:out("redis-cli", "--no-auth-warning", "-u", lab.env.REDIS_URL, "CONFIG", "RESETSTAT") end
  end)

  seeded(
    "a queue that nobody empties",
    { { "warning", "queue " .. ID .. ".billing.invoice", "messages are waiting" } },
    function()
      local file = lab.platform .. "/platform.yaml"
      local was = fs.read(file)
      fs.write(file, (was:gsub("queue_depth:(%s+){above: 1000", "queue_depth:%1{above: 2")))
      for _ = 1, 3 do
        lab:out(
          "curl",
          "-fsS",
          "-u",
          lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD,
          "-d",
          "body=x",
          (lab.env.O2X_BROKER_URL:gsub("/+$", "")) .. "/api/message/" .. ID .. ".billing.invoice?type=queue"
        )
      end
      return function() fs.write(file, was) end
    end
  )

  are_found "why answers are slow"

  -- ---- 4. payments ----

  seeded("payments that failed or are stuck, and expired payment methods", {
    { "critical", "payment", "payments in the last day failed" },
    { "critical", "payment", "1 payments are stuck" },
    { "note", "payment_profile", "1 payment methods have expired" },
  }, function()
    sql(
      "insert into payment (id, tenant_id, customer_id, amount, status, created_date) select 'PAY-F' || n, '"
        .. ID
        .. "', 'CUST-1001', 1, 'FAILED', now() from generate_series(1, 30) n"
    )
    sql(
      "insert into payment (id, tenant_id, customer_id, amount, status, created_date) values ('PAY-P', '"
        .. ID
        .. "', 'CUST-1001', 1, 'PENDING', now() - interval '2 hours')"
    )
    sql(
      "insert into payment_profile (id, tenant_id, customer_id, payment_method_type, expiry_date) values ('PP-1', '"
        .. ID
        .. "', 'CUST-1001', 'CARD', '2026-01-31')"
    )
    return function() sql "delete from payment where id ~ '^PAY-[FP]'; delete from payment_profile" end
  end)

  seeded(
    "a webhook that is not reachable",
    { { "critical", "payment-gateway", "webhook URL does not respond" } },
    function()
      fault("ingress", "no-webhooks", "match=urbanos-payment-gateway")
      return function() fault("ingress", "off") end
    end
  )

  seeded("a webhook that is configured elsewhere, or without its secret", {
    { "warning", "STRIPE", "webhook is not configured" },
    { "critical", "payment-gateway", "lack webhook_secret" },
  }, function()
    sql "update core_config.payment_gateway_attributes set webhookurl = 'https://old.example/webhooks'"
    local mend = patch_secret("stripe", { webhook_secret = "" })
    return function()
      mend()
      sql [[
        update core_config.payment_gateway_attributes
        set webhookurl = 'https://api.urbanos.embrix.com/webhooks/stripe']]
    end
  end)

  are_found "why payments fail"

  -- ---- 5. billing and invoices ----

  seeded(
    "bills that failed or wait",
    { { "critical", "bill", "have failed" }, { "critical", "bill", "PENDING for more" } },
    function()
      sql(
        "insert into bill (id, tenant_id, customer_id, status, created_date) values ('BILL-F', '"
          .. ID
          .. "', 'CUST-1001', 'FAILED', now()), ('BILL-P', '"
          .. ID
          .. "', 'CUST-1001', 'PENDING', now() - interval '3 days')"
      )
      return function() sql "delete from bill where id in ('BILL-F', 'BILL-P')" end
    end
  )

  seeded("a job that is off, and one that did not run", {
    { "warning", "job_schedule", "job INVOICE is PAUSED" },
    { "critical", "job_schedule", "job BILLING missed its schedule" },
  }, function()
    sql "update job_schedule set status = 'PAUSED' where job_type = 'INVOICE'"
    sql "update job_schedule set last_run = now() - interval '70 days' where job_type = 'BILLING'"
    return function() sql "update job_schedule set status = 'ACTIVE', last_run = null" end
  end)

  are_found "why bills do not come"

  seeded("no schedule at all", { { "critical", "job_schedule", "no job is scheduled" } }, function()
    sql "create table kept as select * from job_schedule; delete from job_schedule"
    return function() sql "insert into job_schedule select * from kept; drop table kept" end
  end)

  seeded("a missing template and invoices without a document", {
    { "critical", "core_config.invoice_template", "no invoice template" },
    { "warning", "invoice", "have no document" },
  }, function()
    sql "create table kept_template as select * from core_config.invoice_template"
    sql "delete from core_config.invoice_template"
    sql "update invoice set pdf_url = null where id = 'INV-1001'"
    return function()
      sql "insert into core_config.invoice_template select * from kept_template; drop table kept_template"
      sql "update invoice set pdf_url = 'https://embrix-static-files.s3.amazonaws.com/x.pdf' where id = 'INV-1001'"
    end
  end)

  seeded(
    "uploads that S3 refuses",
    { { "critical", "service-invoice", "S3 denies access" }, { "critical", "service-invoice", "not healthy" } },
    function()
      fault(
        "ingress",
        "log-line",
        "match=urbanos-service-invoice:ERROR S3Exception: Access Denied (Service: S3, Status Code: 403)"
      )
      fault("ingress", "unhealthy", "match=urbanos-service-invoice:s3")
      return function() fault("ingress", "off") end
    end
  )

  are_found "why invoices do not come"

  -- ---- what cannot be looked at ----

  seeded("systems that are down, without stopping at the first", {
    { "critical", "Redis", "cannot be checked" },
    { "critical", "Vault", "cannot be checked" },
  }, function()
    fault("redis", "down")
    fault("vault", "sealed")
    return function()
      fault("redis", "off")
      fault("vault", "off")
    end
  end)
  are_found "what is down, without stopping at the first"

  it("is healthy again when all is mended, and tells people in words", function()
    eventually("no finding", function()
      local rows = diagnose()
      return #rows == 0
    end)
    local mend = patch_secret("quickbooks", { token_expiry = "2026-02-11T10:00:00Z" })
    local result = lab:o2x { "run", RUNBOOK, "urbanos" }
    mend()
    assert.equal(2, result.code)
    assert.matches("CRITICAL  finance%-gateway: QuickBooks: the OAuth token has expired", result.stdout)
    assert.matches(
      "fix: put a new access_token.*under quickbooks, then: o2x run adopt urbanos && o2x run onboard urbanos",
      result.stdout
    )
    assert.matches("1 critical", result.stderr)
  end)

  it("finds a database server that does not answer", function()
    fault("postgres", "down")
    local rows, result = diagnose()
    fault("postgres", "off")
    assert.equal(2, result.code)
    find(rows, "critical", DATABASE, "cannot be checked")
    for _, row in ipairs(rows) do
      assert.are_not.equal("Vault", row.subject)
    end
  end)

  it("is finished after a kill", function()
    fault("k8s", "slow", "match=/deployments", "seconds=5")
    local run <close> = lab:start { "run", RUNBOOK, "urbanos" }
    eventually("the run has begun", function()
      for _, each in ipairs(json.decode(lab:o2x({ "runs", "--json" }).stdout)) do
        if each.status == "running" then return true end
      end
    end)
    run:kill(9)
    proc.wait(run, 60)
    fault("k8s", "off")
    local resumed = lab:o2x { "resume" }
    assert.equal(0, resumed.code, resumed.stderr)
    assert.matches("no finding", resumed.stderr)
  end)

  it("refuses what is wrong", function()
    assert.equal(3, lab:o2x({ "run", RUNBOOK, "nosuch" }).code)
    assert.equal(3, lab:o2x({ "run", RUNBOOK, "urbanos", "part=pods" }).code)
    local stranger = lab:o2x { "run", RUNBOOK, "newclient" }
    assert.equal(1, stranger.code)
    assert.matches("not in the registry", stranger.stderr)
  end)

  it("logs users in that SQL or the single sign-on made, by the hash in the tenant's database", function()
    sql(([[
        insert into core_config.users (userid, password, email)
        values ('sql@urbanos.example', '%s', 'sql@urbanos.example')]]):format(crypto.bcrypt "from-sql-1"))
    local service = "/api/v1/namespaces/default/services/urbanos-service-sso:8080/proxy"
    local function post(path, body)
      local file = fs.join(lab.dir, "body.json")
      fs.write(file, json.encode(body))
      return lab:run { "kubectl", "create", "--raw", service .. path, "-f", file }
    end
    assert.matches(
      "accessToken",
      post("/api/auth/login", { username = "sql@urbanos.example", password = "from-sql-1" }).stdout
    )
    assert.are_not.equal(0, post("/api/auth/login", { username = "sql@urbanos.example", password = "wrong" }).code)
    assert.equal(
      0,
      post("/api/users/create", {
        username = "api@urbanos.example",
        password = "from-api-1",
        email = "api@urbanos.example",
        roleId = "ADMIN_ROLE_ID",
      }).code
    )
    assert.equal(
      "ADMIN_ROLE_ID",
      sql "select roleid from core_config.users where userid = 'api@urbanos.example' and password like '$2b$%'"
    )
    assert.matches(
      "accessToken",
      post("/api/auth/login", { username = "api@urbanos.example", password = "from-api-1" }).stdout
    )
  end)
end)

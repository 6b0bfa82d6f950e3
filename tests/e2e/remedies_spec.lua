-- What diagnose proposes works when it is pasted: the faults are made with the ordinary clients, each command that ends
-- a finding runs in a shell as it was printed, and the finding is gone. Commands that only show more run as well.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local TENANT, ID, DATABASE = "newclient", "TIDLT-100008", "coredb-newclient"

describe("what diagnose proposes", function()
  local lab, path, secrets
  local ran, looked = {}, {}

  setup(function()
    lab = labs.start()
    path = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH"
    secrets = fs.join(lab.env.O2X_SECRETS, TENANT .. ".yaml")
    local made = lab:o2x { "run", "onboard", TENANT }
    assert(made.code == 0, made.stderr)
    lab:sql(
      DATABASE,
      ("insert into account (id, tenant_id, accountnumber, email) values ('A-1', '%s', 'A-1', 'a@b.example')"):format(
        ID
      )
    )
  end)
  teardown(function()
    lab:stop()
    print(("remedies: %d commands ended their findings, %d showed more"):format(#ran, #looked))
  end)

  local function sql(text) return lab:sql(DATABASE, text) end
  local function kubectl(...) return lab:out("kubectl", ...) end
  local function name(service) return TENANT .. "-" .. service end
  local function fault(...)
    local result = lab:o2x { "lab", "fault", ... }
    assert(result.code == 0, result.stderr)
  end
  local function edit(file, from, to)
    local text = fs.read(file)
    local changed, count = text:gsub(from, to)
    assert(count > 0, file .. " has no " .. from)
    fs.write(file, changed, { mode = 384 })
  end
  local function vault(method, secret, data)
    lab:out(
      "curl",
      "-fsS",
      "-X",
      method,
      "-H",
      "X-Vault-Token: " .. lab.env.VAULT_TOKEN,
      lab.env.VAULT_ADDR .. "/v1/secret/" .. secret,
      "-d",
      json.encode { data = data }
    )
  end
  local function change_secret(secret, fields)
    local now = lab:vault(("tenant/%s/%s"):format(TENANT, secret))
    for field, value in pairs(fields) do
      now[field] = value
    end
    vault("PUT", ("data/tenant/%s/%s"):format(TENANT, secret), now)
  end
  local function patch_k8s_secret(secret, key, value)
    kubectl("patch", "secret", secret, "-p", json.encode { data = { [key] = value } })
  end
  local function helm_upgrade(service, ...)
    local chart = ("%s/core/charts/%s"):format(lab.platform, service)
    return lab:run { "helm", "upgrade", name(service), chart, "--reuse-values", ... }
  end

  local function diagnose()
    local result = lab:o2x { "run", "diagnose", TENANT, "--json" }
    assert(result.code == 0 or result.code == 2, result.stderr .. result.stdout)
    return json.decode(result.stdout).result or {}
  end

  local function shown(rows)
    local lines = {}
    for i, row in ipairs(rows) do
      lines[i] = ("%s | %s | %s | %s"):format(row.subject, row.finding, row.evidence, row.fix)
    end
    return table.concat(lines, "\n")
  end

  local function find(rows, subject, finding)
    for _, row in ipairs(rows) do
      if row.subject == subject and row.finding:find(finding) then return row end
    end
  end

  -- Runs a command as somebody who pastes it.
  local function paste(command) return lab:run({ "bash", "-c", command }, { env = { PATH = path }, timeout = 300 }) end

  -- grep finds nothing where the log has no such line.
  local function look(command)
    if command:find "^vault " then return end -- the vault command need not be installed
    local result = paste((command:gsub(" | grep ", " | grep -c ")))
    local fine = result.code == 0 or command:find(" | grep ", 1, true) and result.code == 1
    assert(fine, command .. "\n" .. result.stderr)
    looked[#looked + 1] = command
  end

  -- faults: { subject, finding (a pattern), seed (makes it), say (what the words ask people to do), after (ends a fault
  -- of the lab that no command ends) }
  local function are_ended(title, faults)
    it(title, function()
      for _, one in ipairs(faults) do
        if one.seed then one.seed() end
      end
      local rows, commands, known = diagnose(), {}, {}
      for _, one in ipairs(faults) do
        local row = find(rows, one[1], one[2]) or error(("no %s, %s in:\n%s"):format(one[1], one[2], shown(rows)))
        assert(row.mend, row.fix .. ": no command")
        if one.expect then assert.matches(one.expect, row.fix) end
        if row.look then look(row.look) end
        if one.say then one.say(row) end
        if not known[row.mend] then commands[#commands + 1] = row.mend end
        known[row.mend] = true
      end
      for _, command in ipairs(commands) do
        local result = paste(command)
        assert(result.code == 0, ("%s: exit %s\n%s"):format(command, result.code, result.stderr))
        ran[#ran + 1] = command
      end
      for _, one in ipairs(faults) do
        if one.after then one.after() end
      end
      rows = diagnose()
      for _, one in ipairs(faults) do
        assert(not find(rows, one[1], one[2]), ("%s, %s is still there:\n%s"):format(one[1], one[2], shown(rows)))
      end
    end)
  end

  -- Findings that no command ends: what they propose to look at can be looked at.
  local function are_shown(title, faults)
    it(title, function()
      for _, one in ipairs(faults) do
        one.seed()
      end
      local rows = diagnose()
      for _, one in ipairs(faults) do
        one.over()
      end
      for _, one in ipairs(faults) do
        local row = find(rows, one[1], one[2]) or error(("no %s, %s in:\n%s"):format(one[1], one[2], shown(rows)))
        look(row.look or error(row.fix .. ": nothing to look at"))
      end
    end)
  end

  it("is nothing for a tenant that is well", function() assert.equal("", shown(diagnose())) end)

  are_ended("ends what is missing or wrong in the tenant's database", {
    {
      "STRIPE",
      "merchant is INACTIVE",
      seed = function() sql "update core_config.tenant_merchants set status = 'INACTIVE' where name = 'STRIPE'" end,
    },
    {
      "AVALARA",
      "merchant is not configured",
      seed = function()
        sql [[delete from core_config.tax_gateway_attributes where index = 2;
          delete from core_config.tenant_merchants where name = 'AVALARA']]
      end,
    },
    {
      "QUICKBOOKS",
      "OAuth attributes are not configured",
      seed = function() sql "delete from core_config.oauth2_attributes where index = 0" end,
    },
    {
      "STRIPE",
      "webhook is not configured",
      seed = function() sql "update core_config.payment_gateway_attributes set webhookurl = 'https://x.example/w'" end,
    },
    {
      "core_config.invoice_template",
      "no invoice template",
      seed = function() sql "delete from core_config.invoice_template" end,
    },
    {
      "core_config.tenant",
      "tenant is SUSPENDED",
      seed = function() sql "update core_config.tenant set status = 'SUSPENDED'" end,
    },
    {
      DATABASE,
      "has no index on %(tenant_id, email",
      seed = function() sql "drop index idx_account_tenant_email" end,
    },
  })

  are_ended("ends a job that is off", {
    {
      "job_schedule",
      "job INVOICE is PAUSED",
      seed = function()
        sql(
          "insert into job_schedule (tenant_id, job_type, cron, status) values ('"
            .. ID
            .. "', 'INVOICE', '0 2 1 * *', 'PAUSED') on conflict do nothing;"
            .. "update job_schedule set status = 'PAUSED' where job_type = 'INVOICE'"
        )
      end,
    },
  })

  are_ended("ends a schedule that is gone", {
    {
      "job_schedule",
      "no job is scheduled",
      seed = function()
        sql(
          (
            "delete from job_schedule; insert into bill (id, tenant_id, customer_id, status, created_date) "
            .. "values ('BILL-1', '%s', 'A-1', 'CLOSED', now())"
          ):format(ID)
        )
      end,
    },
  })

  are_ended("opens a database that accepts no connections", {
    {
      DATABASE,
      "does not accept connections",
      seed = function()
        lab:sql(
          "postgres",
          ([[select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s']]):format(DATABASE)
        )
        lab:sql("postgres", ('alter database "%s" allow_connections false'):format(DATABASE))
      end,
    },
  })

  are_ended("ends what is missing in Vault and on the broker", {
    {
      "Vault",
      "newclient/info is missing",
      seed = function() vault("DELETE", "metadata/tenant/newclient/info") end,
    },
    {
      "tax-gateway",
      "credentials are not in Vault",
      seed = function() vault("DELETE", "metadata/tenant/newclient/avalara") end,
    },
    {
      "payment-gateway",
      "lack webhook_secret",
      seed = function() change_secret("stripe", { webhook_secret = "" }) end,
    },
    {
      "finance-gateway",
      "token has expired",
      seed = function()
        edit(secrets, "token_expiry: [^\n]*", 'token_expiry: "2026-02-11T10:00:00Z"')
        change_secret("quickbooks", { token_expiry = "2026-02-11T10:00:00Z" })
      end,
      say = function() edit(secrets, "token_expiry: [^\n]*", 'token_expiry: "2099-01-01T00:00:00Z"') end,
    },
    {
      "queue " .. ID .. ".billing.invoice",
      "is missing",
      seed = function()
        lab:out(
          "curl",
          "-fsS",
          "-H",
          "Origin: http://localhost",
          "-u",
          lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD,
          (lab.env.O2X_BROKER_URL:gsub("/+$", ""))
            .. "/api/jolokia/exec/org.apache.activemq:type=Broker,brokerName=localhost/removeQueue/"
            .. ID
            .. ".billing.invoice"
        )
      end,
    },
  })

  are_ended("creates a shared secret that is gone", {
    {
      "secret app-vault-token",
      "is missing",
      seed = function()
        fs.write(
          fs.join(lab.dir, "kept.json"),
          kubectl("get", "secret", "app-vault-token", "-o", "json"),
          { mode = 384 }
        )
        kubectl("delete", "secret", "app-vault-token")
      end,
      say = function()
        local kept = json.decode(fs.read(fs.join(lab.dir, "kept.json"))).data.token
        local token = lab:out("sh", "-c", 'echo "$1" | base64 -d', "sh", kept)
        edit(secrets, "$", "\nshared:\n  app-vault-token:\n    token: " .. token .. "\n")
      end,
    },
  })

  are_ended("replaces shared secrets that are wrong", {
    {
      "secret app-vault-token",
      "token is not valid",
      seed = function() patch_k8s_secret("app-vault-token", "token", "aHZzLndyb25nLXRva2Vu") end,
      say = function(row)
        assert.matches("kubernetes: {rotate: {app%-vault%-token: newclient}}", row.fix)
        edit(lab.platform .. "/platform.yaml", "\nkubernetes:\n", "%0  rotate: {app-vault-token: newclient}\n")
      end,
    },
  })

  are_ended("clears the cache of a Redis that is nearly full", {
    {
      "Redis",
      "memory is nearly full",
      seed = function()
        lab:out(
          "sh",
          "-c",
          ([[for i in $(seq 1 400); do echo "SET %s:cache:$i $(head -c 20000 /dev/zero | tr '\0' x)"; done | ]]):format(
            ID
          ) .. 'redis-cli --no-auth-warning -u "$REDIS_URL" >/dev/null'
        )
        local info = lab:out("redis-cli", "--no-auth-warning", "-u", lab.env.REDIS_URL, "INFO", "memory")
        local used = assert(tonumber(info:match "used_memory:(%d+)"))
        local most = tostring(used + used // 50)
        lab:out("redis-cli", "--no-auth-warning", "-u", lab.env.REDIS_URL, "CONFIG", "SET", "maxmemory", most)
      end,
    },
  })

  are_shown("shows more of what people have to end", {
    {
      "payment",
      "payments in the last day failed",
      seed = function()
        sql(
          "insert into payment (id, tenant_id, customer_id, amount, status, created_date) select 'PAY-F' || n, '"
            .. ID
            .. "', 'A-1', 1, 'FAILED', now() from generate_series(1, 3) n"
        )
      end,
      over = function() sql "delete from payment where id like 'PAY-F%'" end,
    },
    {
      "service-revenue",
      "not healthy",
      seed = function() fault("ingress", "unhealthy", "match=" .. name "service-revenue" .. ":redis") end,
      over = function() fault("ingress", "off") end,
    },
  })

  are_ended("goes back after a bad deploy", {
    {
      "service-usage",
      "image cannot be pulled",
      seed = function() assert(helm_upgrade("service-usage", "--set", "image.tag=broken-1").code == 0) end,
    },
    {
      "service-revenue",
      "keeps crashing",
      seed = function() assert(helm_upgrade("service-revenue", "--set", "image.tag=crash-1").code == 0) end,
    },
    {
      "service-payment",
      "release is pending%-upgrade",
      seed = function()
        fault("k8s", "helm-dies", "match=" .. name "service-payment")
        helm_upgrade("service-payment", "--set", "replicaCount=3")
      end,
    },
    {
      "service-invoice",
      "release is failed",
      seed = function()
        fault("k8s", "helm-fails", "match=" .. name "service-invoice")
        helm_upgrade("service-invoice", "--set", "replicaCount=3")
      end,
    },
  })

  are_ended("ends maintenance", {
    {
      TENANT,
      "is in maintenance",
      seed = function()
        local on = lab:o2x { "run", "maintenance", TENANT, "mode=on", "--confirm=newclient" }
        assert(on.code == 0, on.stderr)
      end,
    },
  })

  are_ended("ends what is missing in the cluster", {
    { "service-usage", "is not deployed", seed = function() kubectl("delete", "deployment", name "service-usage") end },
    {
      "service-mediation",
      "an object of its release is missing",
      seed = function() kubectl("delete", "service", name "service-mediation") end,
    },
    {
      name "tls-cert",
      "there is no certificate",
      seed = function()
        kubectl("delete", "ingress", name "ingress")
        kubectl("delete", "certificate", name "tls-cert", "--ignore-not-found")
      end,
    },
  })

  are_ended("ends what was changed in the cluster", {
    {
      "service-transactional",
      "lacks REDIS_HOST, TENANT_ID",
      seed = function()
        kubectl("set", "env", "deployment/" .. name "service-transactional", "TENANT_ID-", "REDIS_HOST-")
      end,
    },
    {
      "service-billing",
      "AMQ_BROKER_URL is ssl://elsewhere:1",
      seed = function()
        kubectl("set", "env", "deployment/" .. name "service-billing", "AMQ_BROKER_URL=ssl://elsewhere:1")
      end,
    },
    {
      "jobs-common",
      "scaled to 0",
      seed = function() kubectl("scale", "deployment/" .. name "jobs-common", "--replicas=0") end,
    },
    {
      "service-proxy",
      "fewer replicas",
      seed = function() kubectl("scale", "deployment/" .. name "service-proxy", "--replicas=1") end,
    },
  })

  are_ended("ends a variable that the values file lacks", {
    {
      "service-invoice",
      "lacks LOGS_DIR",
      seed = function()
        local file = lab.platform .. "/core/helm_values/newclient/service-invoice.yaml"
        edit(file, "name: LOGS_DIR", "name: LOGS_DIR_KEPT")
        assert(lab:o2x({ "run", "deploy", TENANT, "services=service-invoice", "--confirm=newclient" }).code == 0)
      end,
      expect = "add LOGS_DIR to app.envMap in core/helm_values/newclient/service%-invoice.yaml",
      say = function()
        edit(
          lab.platform .. "/core/helm_values/newclient/service-invoice.yaml",
          "name: LOGS_DIR_KEPT",
          "name: LOGS_DIR"
        )
      end,
    },
  })

  are_ended("ends a service at its limit of memory", {
    {
      "service-sso",
      "of its memory limit",
      seed = function() kubectl("set", "resources", "deployment/" .. name "service-sso", "--limits=memory=1100Mi") end,
    },
  })
end)

-- What diagnose proposes works when it is pasted (tests/support/remedies.lua). What people broke by hand is in
-- remedies_by_hand_spec.lua.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local remedies = require "tests.support.remedies"

local TENANT <const>, ID <const>, DATABASE <const> = remedies.TENANT, remedies.ID, remedies.DATABASE

describe("what diagnose proposes", function()
  local fixture = remedies.new("remedies", { setup = setup, teardown = teardown, it = it, assert = assert })
  local sql = fixture.sql
  local kubectl = fixture.kubectl
  local name = fixture.name
  local fault = fixture.fault
  local edit = fixture.edit
  local vault = fixture.vault
  local change_secret = fixture.change_secret
  local patch_k8s_secret = fixture.patch_k8s_secret
  local helm_upgrade = fixture.helm_upgrade
  local are_ended = fixture.are_ended
  local are_shown = fixture.are_shown
  local lab, secrets

  setup(function()
    lab, secrets = fixture.lab(), fixture.secrets()
    lab:sql(
      DATABASE,
      ("insert into account (id, tenant_id, accountnumber, email) values ('A-1', '%s', 'A-1', 'a@b.example')"):format(
        ID
      )
    )
  end)

  it("is nothing for a tenant that is well", fixture.is_well)

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

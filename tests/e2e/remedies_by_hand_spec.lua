-- What diagnose proposes where people edited, paused, scaled or removed by hand what a release or a run had made, and
-- where the database was closed: each command ends its finding (tests/support/remedies.lua).

local remedies = require "tests.support.remedies"

local ID <const>, DATABASE <const> = remedies.ID, remedies.DATABASE

describe("what diagnose proposes after work by hand", function()
  local fixture = remedies.new("remedies by hand", { setup = setup, teardown = teardown, it = it, assert = assert })
  local sql = fixture.sql
  local kubectl = fixture.kubectl
  local name = fixture.name
  local fault = fixture.fault
  local are_ended = fixture.are_ended
  local lab

  setup(function() lab = fixture.lab() end)

  are_ended("ends what somebody did to objects by hand", {
    {
      "service-usage",
      "image cannot be pulled",
      seed = function() kubectl("set", "image", "deployment/" .. name "service-usage", "*=x/y:broken-2") end,
    },
    {
      "service-invoice",
      "rollout is paused",
      seed = function() kubectl("rollout", "pause", "deployment/" .. name "service-invoice") end,
    },
    {
      "service-revenue",
      "more replicas than the catalogue's maximum",
      seed = function() kubectl("scale", "deployment/" .. name "service-revenue", "--replicas=30") end,
    },
    {
      "service-mediation",
      "an object of its release was edited",
      seed = function()
        kubectl("patch", "service", name "service-mediation", "-p", '{"spec":{"ports":[{"port":8080,"targetPort":1}]}}')
      end,
    },
    {
      "service-billing",
      "scaled to 0",
      seed = function()
        kubectl("autoscale", "deployment", name "service-billing", "--min=2", "--max=4")
        kubectl("scale", "deployment/" .. name "service-billing", "--replicas=0")
      end,
      after = function() kubectl("delete", "hpa", name "service-billing") end,
    },
    {
      "payment-gateway",
      "webhook URL does not respond",
      seed = function()
        lab:out(
          "sh",
          "-c",
          ("kubectl get ingress %s -o json | sed 's/api[.]newclient/api.other/g' | kubectl apply -f -"):format(
            name "ingress"
          )
        )
      end,
    },
  })

  are_ended("ends a release whose records are gone, damaged, or of a helm that died", {
    {
      "service-usage",
      "deployment belongs to no release",
      seed = function() kubectl("delete", "secret", "-l", "owner=helm,name=" .. name "service-usage") end,
    },
    {
      "service-invoice",
      "record of its release is damaged",
      seed = function()
        local newest = kubectl("get", "secret", "-l", "owner=helm,name=" .. name "service-invoice", "-o", "name")
        for secret in newest:gmatch "%S+" do
          kubectl("patch", secret, "-p", '{"data":{"release":"AAAA"}}')
        end
      end,
    },
    {
      "service-payment",
      "release is pending%-install",
      seed = function()
        lab:out("helm", "uninstall", name "service-payment")
        fault("k8s", "helm-dies", "match=" .. name "service-payment")
        local tree = lab.platform .. "/core/"
        local values = tree .. "helm_values/newclient/service-payment.yaml"
        lab:run { "helm", "install", name "service-payment", tree .. "charts/service-payment", "-f", values }
      end,
    },
  })

  are_ended("ends what keeps the services from writing", {
    {
      DATABASE,
      "the database can only be read",
      seed = function()
        lab:sql("postgres", ('alter database "%s" set default_transaction_read_only = on'):format(DATABASE))
      end,
    },
    {
      DATABASE,
      "the services can only read in it",
      seed = function()
        lab:sql(
          "postgres",
          ('alter role appuser in database "%s" set default_transaction_read_only = 1'):format(DATABASE)
        )
      end,
    },
    {
      "secret pg-secret",
      "cannot log in",
      seed = function() lab:sql("postgres", "alter role appuser nologin") end,
    },
  })

  are_ended("ends an expired password", {
    {
      "secret pg-secret",
      "cannot log in",
      seed = function() lab:sql("postgres", "alter role appuser valid until '2020-01-01'") end,
    },
  })

  are_ended("opens a database that allows no connections", {
    {
      DATABASE,
      "allows no connections",
      seed = function() lab:sql("postgres", ('alter database "%s" connection limit 0'):format(DATABASE)) end,
    },
  })

  are_ended("ends a job whose name needs quotes", {
    {
      "job_schedule",
      "job IT'S is PAUSED",
      seed = function()
        sql(
          (
            "insert into job_schedule (tenant_id, job_type, cron, status) "
            .. "values ('%s', 'IT''S', '0 2 1 * *', 'PAUSED')"
          ):format(ID)
        )
      end,
    },
  })
end)

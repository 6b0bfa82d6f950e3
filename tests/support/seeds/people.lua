--- What people made for newclient in the cluster, or added to what o2x made, and a password that somebody changed:
--- seeds as in tests/support/seeds.lua.

local json = require "o2x.base.json"

-- An object, by a person. Without `label` it carries no label of a tenant.
local function made(api, kind, name, spec, label)
  local object = {
    apiVersion = api,
    kind = kind,
    metadata = { name = name, namespace = "default", labels = label and { tenant = "newclient" } or nil },
    spec = spec,
  }
  return function(lab)
    local result = lab:run({ "kubectl", "create", "-f", "-" }, { stdin = json.encode(object) })
    assert(result.code == 0, result.stderr)
  end
end

local function found(way, kind, name) return { { way, ("%s default/%s"):format(kind, name), "k8s.object" } } end

local function scaler(name, target, label)
  return made("autoscaling/v2", "HorizontalPodAutoscaler", name, {
    scaleTargetRef = { apiVersion = "apps/v1", kind = "Deployment", name = target },
    minReplicas = 1,
    maxReplicas = 3,
  }, label)
end

local BACKEND <const> = { service = { name = "newclient-service-proxy", port = { number = 8080 } } }
local RULE <const> = {
  host = "old.example.com",
  http = { paths = { { path = "/", pathType = "Prefix", backend = BACKEND } } },
}
local JOB <const> = {
  schedule = "0 3 * * *",
  jobTemplate = {
    spec = {
      template = {
        spec = {
          restartPolicy = "Never",
          containers = { { name = "x", image = "embrix/batch-process:v2.5.0", args = { "--tenant=TIDLT-100002" } } },
        },
      },
    },
  },
}

return {
  {
    what = "autoscaler of nothing",
    by = scaler("newclient-extra", "newclient-gone", true),
    finds = found("left over", "HorizontalPodAutoscaler", "newclient-extra"),
  },
  {
    what = "two autoscalers of one deployment",
    by = function(lab)
      scaler("newclient-usage-1", "newclient-service-usage", true)(lab)
      scaler("newclient-usage-2", "newclient-service-usage", true)(lab)
    end,
    finds = found("left over", "HorizontalPodAutoscaler", "newclient-usage-2"),
  },
  {
    what = "autoscaler without the label",
    by = scaler("newclient-service-billing", "newclient-service-billing"),
    finds = found("different", "HorizontalPodAutoscaler", "newclient-service-billing"),
  },
  {
    what = "cron job of another tenant",
    by = made("batch/v1", "CronJob", "newclient-nightly", JOB, true),
    finds = found("different", "CronJob", "newclient-nightly"),
    back = { "kubectl", "delete", "cronjob", "newclient-nightly" },
  },
  {
    what = "ingress without the label",
    by = made("networking.k8s.io/v1", "Ingress", "newclient-old", { rules = { RULE } }),
    finds = found("left over", "Ingress", "newclient-old"),
  },
  {
    what = "network policy without the label",
    by = made("networking.k8s.io/v1", "NetworkPolicy", "newclient-quiet", {
      podSelector = { matchLabels = { tenant = "newclient" } },
    }),
    finds = found("left over", "NetworkPolicy", "newclient-quiet"),
  },
  {
    what = "service without the label",
    by = made("v1", "Service", "newclient-shadow", {
      selector = { app = "newclient-service-payment" },
      ports = { { port = 80 } },
    }),
    finds = found("left over", "Service", "newclient-shadow"),
  },
  {
    what = "disruption budget without the label",
    by = made("policy/v1", "PodDisruptionBudget", "newclient-budget", {
      maxUnavailable = 0,
      selector = { matchLabels = { app = "newclient-service-sso" } },
    }),
    finds = found("left over", "PodDisruptionBudget", "newclient-budget"),
  },
  {
    what = "key of a config map extra",
    by = {
      "kubectl",
      "patch",
      "configmap",
      "newclient-dashboard",
      "-n",
      "monitoring",
      "--type=merge",
      "-p",
      '{"data":{"extra.json":"{}"}}',
    },
    finds = { { "left over", "ConfigMap monitoring/newclient-dashboard: what people added" } },
  },
  {
    what = "annotation of the ingress extra",
    by = {
      "kubectl",
      "annotate",
      "ingress",
      "newclient-ingress",
      "nginx.ingress.kubernetes.io/whitelist-source-range=10.0.0.0/8",
      "team=billing",
    },
    finds = { { "left over", "Ingress default/newclient-ingress: what people added" } },
  },
  {
    what = "claim made larger, and somebody's own things, are no findings",
    by = {
      "bash",
      "-c",
      [[grown='{"spec":{"resources":{"requests":{"storage":"900Gi"}}}}'
        kubectl patch pvc newclient-data-pvc --type=merge -p "$grown" &&
        kubectl create configmap newclient-notes --from-literal=a=b &&
        kubectl create configmap demo-tools --from-literal=a=b &&
        kubectl create service clusterip newclient-other --tcp=80:80]],
    },
    finds = {},
  },
  {
    what = "password of the services' role changed",
    by = { "psql", "-X", "-q", "-d", "postgres", "-c", "alter role appuser password 'by-hand'" },
    finds = { { "different", "role appuser: its login with Secret default/pg-secret", "pg.database" } },
  },
}

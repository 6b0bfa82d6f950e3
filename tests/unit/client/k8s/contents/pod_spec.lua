-- What a pod may hold, in each kind that makes pods.
local json = require "o2x.base.json"
local objects = require "tests.support.objects"

local POD <const> = "spec.template.spec."
local MAIN <const> = POD .. "containers.1."
local AT <const> = POD .. "containers[main]."

-- In a Deployment; place, value, what the message has.
local function rows(list)
  for i, row in ipairs(list) do
    list[i] = { "Deployment", row[1], row[2], row[3] }
  end
  return list
end

local function volume(source, item) return { { name = "v", [source] = item } } end
local function env(source) return { { name = "A", valueFrom = source } } end

describe("a pod is refused with", function()
  describe(
    "access to the node:",
    function()
      objects.each_refused(
        it,
        rows {
          { POD .. "hostNetwork", true, "spec.template.spec.hostNetwork may only be false" },
          { POD .. "hostNetwork", "true", "hostNetwork may only be false" },
          { POD .. "hostPID", true, "spec.template.spec.hostPID" },
          { POD .. "hostIPC", true, "spec.template.spec.hostIPC" },
          { POD .. "hostUsers", true, "spec.template.spec.hostUsers" },
          { POD .. "HostNetwork", true, "spec.template.spec.HostNetwork is not among the fields" },
          { POD .. "nodeName", "node-1", "spec.template.spec.nodeName is not among the fields" },
          { POD .. "runtimeClassName", "kata", "spec.template.spec.runtimeClassName" },
          { POD .. "volumes", volume("hostPath", { path = "/" }), "spec.template.spec.volumes[v].hostPath" },
          { POD .. "volumes", volume("nfs", { server = "a", path = "/" }), "volumes[v].nfs" },
          { POD .. "volumes", volume("iscsi", {}), "volumes[v].iscsi" },
          { POD .. "volumes", volume("csi", { driver = "efs.csi.aws.com" }), "volumes[v].csi" },
          {
            POD .. "volumes",
            volume("awsElasticBlockStore", { volumeID = "vol-1" }),
            "volumes[v].awsElasticBlockStore",
          },
          { POD .. "volumes", volume("flexVolume", {}), "volumes[v].flexVolume" },
          { POD .. "volumes", volume("gitRepo", {}), "volumes[v].gitRepo" },
          { POD .. "volumes", volume("ephemeral", {}), "volumes[v].ephemeral" },
          { POD .. "volumes", volume("image", { reference = "x" }), "volumes[v].image" },
          { MAIN .. "volumeDevices", { { name = "v", devicePath = "/dev/a" } }, AT .. "volumeDevices" },
          {
            MAIN .. "volumeMounts",
            { { name = "v", mountPath = "/v", mountPropagation = "Bidirectional" } },
            "may only be None",
          },
          { MAIN .. "ports", { { containerPort = 8080, hostPort = 8080 } }, "hostPort may only be 0" },
          { MAIN .. "ports", { { containerPort = 8080, hostIP = "0.0.0.0" } }, "hostIP is not among" },
        }
      )
    end
  )

  describe(
    "privileges:",
    function()
      objects.each_refused(
        it,
        rows {
          { MAIN .. "securityContext.privileged", true, AT .. "securityContext.privileged may only be false" },
          { MAIN .. "securityContext.privileged", "true", "privileged may only be false" },
          { MAIN .. "securityContext.privileged", 1, "privileged may only be false" },
          { MAIN .. "securityContext.allowPrivilegeEscalation", true, "allowPrivilegeEscalation may only be false" },
          { MAIN .. "securityContext.capabilities.add", { "SYS_ADMIN" }, "may only be NET_BIND_SERVICE" },
          { MAIN .. "securityContext.capabilities.add", { "ALL" }, "capabilities.add[0] may only be" },
          { MAIN .. "securityContext.procMount", "Unmasked", "procMount may only be Default" },
          { MAIN .. "securityContext.runAsUser", 0, "runAsUser may only be a whole number above 0" },
          { MAIN .. "securityContext.runAsUser", "0", "runAsUser may only be" },
          { POD .. "securityContext.runAsUser", 0, "spec.template.spec.securityContext.runAsUser" },
          { MAIN .. "securityContext.seccompProfile", { type = "Unconfined" }, "may only be RuntimeDefault" },
          {
            MAIN .. "securityContext.seccompProfile",
            { type = "Localhost", localhostProfile = "a" },
            "seccompProfile",
          },
          { MAIN .. "securityContext.appArmorProfile", { type = "Unconfined" }, "appArmorProfile" },
          { MAIN .. "securityContext.seLinuxOptions", { type = "spc_t" }, "seLinuxOptions is not among" },
          { MAIN .. "securityContext.windowsOptions", { hostProcess = true }, "windowsOptions" },
          { POD .. "securityContext.sysctls", { { name = "kernel.x", value = "1" } }, "securityContext.sysctls" },
          {
            POD .. "initContainers",
            { { name = "i", securityContext = { privileged = true } } },
            "initContainers[i].securityContext",
          },
          {
            POD .. "initContainers",
            { { name = "a\nb", securityContext = { privileged = true } } },
            "initContainers[0].securityContext",
          },
          { POD .. "ephemeralContainers", { { name = "debug" } }, "spec.template.spec.ephemeralContainers" },
        }
      )
    end
  )

  describe(
    "what is another's:",
    function()
      objects.each_refused(
        it,
        rows {
          { POD .. "serviceAccountName", "cluster-admin", "serviceAccountName names 'cluster-admin', which is not" },
          { POD .. "serviceAccount", "urbanos-service-sso", "serviceAccount names" },
          {
            POD .. "imagePullSecrets",
            { { name = "urbanos-tls-cert" } },
            "imagePullSecrets[urbanos-tls-cert].name names",
          },
          {
            POD .. "volumes",
            volume("secret", { secretName = "urbanos-tls-cert" }),
            "volumes[v].secret.secretName names",
          },
          {
            POD .. "volumes",
            volume("configMap", { name = "urbanos-maintenance" }),
            "volumes[v].configMap.name names",
          },
          { POD .. "volumes", volume("persistentVolumeClaim", { claimName = "urbanos-data-pvc" }), "claimName names" },
          {
            POD .. "volumes",
            volume("projected", { sources = { { secret = { name = "urbanos-tls-cert" } } } }),
            "sources[0].secret.name names",
          },
          {
            POD .. "volumes",
            volume("projected", { sources = { { serviceAccountToken = { path = "t", audience = "vault" } } } }),
            "serviceAccountToken is not among",
          },
          {
            MAIN .. "env",
            env { secretKeyRef = { name = "urbanos-tls-cert", key = "k" } },
            "env[A].valueFrom.secretKeyRef.name names",
          },
          {
            MAIN .. "env",
            env { configMapKeyRef = { name = "urbanos-maintenance", key = "k" } },
            "configMapKeyRef.name names",
          },
          { MAIN .. "env", env { fileKeyRef = { volumeName = "v" } }, "valueFrom.fileKeyRef is not among" },
          { MAIN .. "envFrom", { { secretRef = { name = "urbanos-tls-cert" } } }, "envFrom[0].secretRef.name names" },
          {
            MAIN .. "envFrom",
            { { configMapRef = { name = "urbanos-maintenance" } } },
            "envFrom[0].configMapRef.name names",
          },
          {
            POD .. "initContainers",
            { { name = "i", envFrom = { { secretRef = { name = "newclient-sbx-tls-cert" } } } } },
            "initContainers[i].envFrom",
          },
          { MAIN .. "envFrom", { { secretRef = { name = { "pg-secret" } } } }, "secretRef.name names" },
          { POD .. "subdomain", "urbanos-service-sso", "subdomain names" },
          {
            "spec.template.metadata.labels.tenant",
            "urbanos",
            "spec.template.metadata.labels.tenant must be 'newclient'",
          },
          { "spec.template.metadata.labels.app", "urbanos-service-sso", "labels.app names 'urbanos-service-sso'" },
          {
            "spec.template.metadata.labels/app.kubernetes.io/instance",
            "urbanos-service-sso",
            "names 'urbanos-service-sso'",
          },
          { "spec.template.metadata.annotations/vault.hashicorp.com/role", "urbanos", "is not among the annotations" },
          { "spec.template.metadata.annotations/iam.amazonaws.com/role", "admin", "is not among the annotations" },
          {
            "spec.template.metadata.annotations/container.apparmor.security.beta.kubernetes.io/main",
            "unconfined",
            "is not among",
          },
          { "spec.template.metadata.namespace", "kube-system", "spec.template.metadata.namespace is not among" },
          { "spec.template.metadata.finalizers", { "a/b" }, "spec.template.metadata.finalizers" },
          { "spec.template.metadata.ownerReferences", { { name = "x" } }, "spec.template.metadata.ownerReferences" },
        }
      )
    end
  )

  describe("values that were copied from another tenant:", function()
    local function value(text) return { { name = "A", value = text } } end
    objects.each_refused(
      it,
      rows {
        { MAIN .. "env", value "jdbc:postgresql://h:5432/coredb-urbanos?a=b", "env[A].value names 'coredb-urbanos'" },
        { MAIN .. "env", value "coredb-newclient-sbx", "names 'coredb-newclient-sbx', which is not the tenant's" },
        { MAIN .. "env", value "TIDLT-100005", "names 'TIDLT-100005'" },
        { MAIN .. "env", value "TIDLT-1000089", "names 'TIDLT-1000089'" },
        { MAIN .. "env", value "http://urbanos-payment-gateway:8080", "names 'urbanos-payment-gateway'" },
        { MAIN .. "env", value "http://urbanos-vault-interface/", "names 'http://urbanos-vault-interface/'" },
        { MAIN .. "env", value "/mnt/urbanos-data-pvc", "names 'urbanos-data-pvc'" },
        { MAIN .. "args", { "--db=coredb-newclient", "--db=coredb-demo" }, "args[1] names 'coredb-demo'" },
        {
          MAIN .. "command",
          { "sh", "-c", "curl newclient-sbx-service-sso:8080" },
          "names 'newclient-sbx-service-sso'",
        },
      }
    )
  end)

  describe("scheduling at others' cost:", function()
    local others =
      { { labelSelector = { matchLabels = { tenant = "urbanos" } }, topologyKey = "kubernetes.io/hostname" } }
    local every = { { labelSelector = {}, topologyKey = "kubernetes.io/hostname" } }
    local required = "requiredDuringSchedulingIgnoredDuringExecution"
    objects.each_refused(
      it,
      rows {
        { POD .. "priorityClassName", "system-node-critical", "'system-node-critical' is not a class" },
        { POD .. "priority", 1000000, "spec.template.spec.priority is not among" },
        { POD .. "preemptionPolicy", "PreemptLowerPriority", "preemptionPolicy" },
        { POD .. "tolerations", { { operator = "Exists" } }, "spec.template.spec.tolerations is not among" },
        { POD .. "schedulerName", "mine", "schedulerName may only be" },
        { POD .. "affinity.podAntiAffinity." .. required, others, "matchLabels.tenant must be 'newclient'" },
        { POD .. "affinity.podAntiAffinity." .. required, every, "selects pods of other tenants too" },
        {
          POD .. "affinity.podAffinity." .. required,
          { { namespaceSelector = {} } },
          "namespaceSelector is not among",
        },
        {
          POD .. "topologySpreadConstraints",
          { { labelSelector = {}, maxSkew = 1 } },
          "selects pods of other tenants",
        },
        { POD .. "resourceClaims", { { name = "gpu" } }, "resourceClaims" },
        { POD .. "overhead", { cpu = "1" }, "overhead" },
      }
    )
  end)

  describe(
    "requests that the node sends:",
    function()
      objects.each_refused(
        it,
        rows {
          {
            MAIN .. "livenessProbe",
            { httpGet = { host = "169.254.169.254", port = 80 } },
            "livenessProbe.httpGet.host",
          },
          {
            MAIN .. "readinessProbe",
            { tcpSocket = { host = "10.0.0.1", port = 5432 } },
            "readinessProbe.tcpSocket.host",
          },
          {
            MAIN .. "lifecycle",
            { preStop = { httpGet = { host = "x", port = 1 } } },
            "lifecycle.preStop.httpGet.host",
          },
        }
      )
    end
  )

  describe(
    "another shape than a pod's:",
    function()
      objects.each_refused(
        it,
        rows {
          { POD .. "containers", { main = {} }, "spec.template.spec.containers is not a list" },
          { POD .. "containers", "x", "containers is not a list" },
          { POD .. "volumes", { [1] = { name = "a" }, [3] = { name = "b" } }, "volumes is not a list" },
          { POD .. "securityContext", { { runAsUser = 0 } }, "securityContext is not a map" },
          { MAIN .. "image", { "a" }, "image is not a plain value" },
          { "spec.template", "x", "spec.template is not a map" },
          { "spec.template.spec", { { hostNetwork = true } }, "spec.template.spec is not a map" },
        }
      )
    end
  )

  describe("the same in the other kinds that make pods:", function()
    local list = {}
    for kind, place in pairs {
      StatefulSet = "spec.template.spec.",
      Job = "spec.template.spec.",
      CronJob = "spec.jobTemplate.spec.template.spec.",
    } do
      list[#list + 1] = { kind, place .. "hostNetwork", true, place .. "hostNetwork may only be false" }
      list[#list + 1] = { kind, place .. "volumes", volume("hostPath", { path = "/" }), "hostPath is not among" }
      list[#list + 1] = { kind, place .. "containers.1.securityContext.privileged", true, "privileged may only" }
      list[#list + 1] = { kind, place .. "serviceAccountName", "admin", "serviceAccountName names" }
      local source = { { secretRef = { name = "urbanos-tls-cert" } } }
      list[#list + 1] = { kind, place .. "containers.1.envFrom", source, "envFrom[0].secretRef.name names" }
    end
    objects.each_refused(it, list)
  end)
end)

describe("a pod may have", function()
  local own = { matchLabels = { tenant = "newclient" }, matchExpressions = { { key = "a", operator = "Exists" } } }
  objects.each_allowed(
    it,
    rows {
      { POD .. "hostNetwork", false },
      { POD .. "hostNetwork", json.null },
      { POD .. "volumes", volume("emptyDir", {}) },
      { POD .. "volumes", volume("emptyDir", { medium = "Memory", sizeLimit = "1Gi" }) },
      { POD .. "volumes", volume("configMap", { name = "newclient-maintenance", defaultMode = 420 }) },
      {
        POD .. "volumes",
        volume("secret", { secretName = "newclient-tls-cert", items = { { key = "a", path = "b" } } }),
      },
      { POD .. "volumes", volume("secret", { secretName = "pg-secret" }) },
      { POD .. "volumes", volume("persistentVolumeClaim", { claimName = "newclient-data-pvc" }) },
      { POD .. "volumes", volume("projected", { sources = { { secret = { name = "pg-secret" } } } }) },
      { POD .. "volumes", volume("hostPath", json.null) },
      { POD .. "serviceAccountName", "default" },
      { POD .. "serviceAccountName", "newclient-service-sso" },
      { POD .. "automountServiceAccountToken", false },
      { POD .. "securityContext", { runAsNonRoot = true, runAsUser = 1000, fsGroup = 1000 } },
      { POD .. "securityContext", {} },
      { POD .. "nodeSelector", { ["kubernetes.io/arch"] = "arm64" } },
      { POD .. "topologySpreadConstraints", { { labelSelector = own, maxSkew = 1, topologyKey = "zone" } } },
      {
        POD .. "affinity",
        {
          podAntiAffinity = {
            preferredDuringSchedulingIgnoredDuringExecution = {
              { weight = 1, podAffinityTerm = { labelSelector = own, topologyKey = "zone" } },
            },
          },
        },
      },
      { POD .. "initContainers", { { name = "wait", image = "busybox:1", command = { "true" } } } },
      { POD .. "hostAliases", { { ip = "127.0.0.1", hostnames = { "a" } } } },
      { POD .. "dnsPolicy", "ClusterFirst" },
      { POD .. "schedulerName", "default-scheduler" },
      {
        MAIN .. "env",
        { { name = "A", value = "b" }, { name = "B", valueFrom = { fieldRef = { fieldPath = "metadata.name" } } } },
      },
      { MAIN .. "env", { { name = "A", value = "jdbc:postgresql://embrix-rds-dev-db:5432/coredb-newclient?x=y" } } },
      {
        MAIN .. "env",
        { { name = "A", value = "http://newclient-service-proxy:8080 TIDLT-100008.billing service-sso" } },
      },
      { MAIN .. "env", env { secretKeyRef = { name = "app-vault-token", key = "token", optional = true } } },
      { MAIN .. "envFrom", { { prefix = "A_", secretRef = { name = "pg-secret" } } } },
      { MAIN .. "ports", { { name = "http", containerPort = 8080, protocol = "TCP" } } },
      { MAIN .. "resources", { limits = { cpu = "1", memory = "1Gi" }, requests = { cpu = 1 } } },
      { MAIN .. "livenessProbe", { httpGet = { path = "/", port = "http" }, periodSeconds = 5 } },
      { MAIN .. "lifecycle", { preStop = { exec = { command = { "sleep", "5" } } } } },
      { MAIN .. "securityContext", { allowPrivilegeEscalation = false, capabilities = { drop = { "ALL" } } } },
      { MAIN .. "securityContext", { capabilities = { add = { "NET_BIND_SERVICE" } } } },
      { MAIN .. "volumeMounts", { { name = "v", mountPath = "/v", subPath = "a", readOnly = true } } },
      { "spec.template.metadata.annotations", { ["checksum/config"] = "0a1b", note = "anything { you; like }" } },
      { "spec.template.metadata.annotations", { ["prometheus.io/scrape"] = "true" } },
    }
  )
end)

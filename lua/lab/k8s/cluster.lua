--- The initial objects of the cluster: nodes, namespaces, storage classes, the ingress controller.
local value = require "lab.k8s.value"

local M = {}

local NAMESPACES =
  { "default", "kube-system", "kube-public", "kube-node-lease", "ingress-nginx", "cert-manager", "monitoring" }

local function object(api_version, kind, name, namespace, rest)
  return value.merged(
    { apiVersion = api_version, kind = kind, metadata = { name = name, namespace = namespace } },
    rest
  )
end

local function condition(kind, ok, reason, message)
  return { type = kind, status = ok and "True" or "False", reason = reason, message = message }
end

local function node(i)
  local name, resources = ("ip-10-0-%d-10.ec2.internal"):format(i), { cpu = "16", memory = "64Gi", pods = "110" }
  local result = object("v1", "Node", name, nil, {
    spec = { providerID = "aws:///us-east-1a/i-00000000000000" .. i },
    status = {
      capacity = resources,
      allocatable = resources,
      addresses = value.array { { type = "InternalIP", address = ("10.0.%d.10"):format(i) } },
      conditions = value.array {
        condition("MemoryPressure", false, "KubeletHasSufficientMemory", "enough memory"),
        condition("DiskPressure", false, "KubeletHasNoDiskPressure", "no disk pressure"),
        condition("Ready", true, "KubeletReady", "kubelet is posting ready status"),
      },
      nodeInfo = {
        kubeletVersion = "v1.34.4",
        osImage = "Amazon Linux 2023",
        operatingSystem = "linux",
        architecture = "amd64",
        containerRuntimeVersion = "containerd://1.7.27",
        kernelVersion = "6.1.0",
        kubeProxyVersion = "v1.34.4",
        machineID = "",
        systemUUID = "",
        bootID = "",
      },
    },
  })
  result.metadata.labels = {
    ["kubernetes.io/hostname"] = name,
    ["topology.kubernetes.io/zone"] = "us-east-1a",
    ["node.kubernetes.io/instance-type"] = "m6i.4xlarge",
  }
  return result
end

local function storage_class(name, provisioner, default)
  local result = object(
    "storage.k8s.io/v1",
    "StorageClass",
    name,
    nil,
    { provisioner = provisioner, allowVolumeExpansion = true, reclaimPolicy = "Delete" }
  )
  if default then result.metadata.annotations = { ["storageclass.kubernetes.io/is-default-class"] = "true" } end
  return result
end

local function workload(namespace, name, image, port)
  local labels = { app = name, ["app.kubernetes.io/name"] = name }
  return object("apps/v1", "Deployment", name, namespace, {
    spec = {
      replicas = 1,
      selector = { matchLabels = { app = name } },
      template = {
        metadata = { labels = labels },
        spec = {
          containers = value.array {
            { name = "controller", image = image, ports = value.array { { name = "http", containerPort = port } } },
          },
        },
      },
    },
  })
end

--- The initial objects of the cluster.
---@return table[] objects in the order in which they are made
function M.objects()
  local list = {}
  for _, name in ipairs(NAMESPACES) do
    table.insert(list, object("v1", "Namespace", name))
  end
  for i = 1, 3 do
    table.insert(list, node(i))
  end
  table.insert(list, storage_class("gp3", "ebs.csi.aws.com", true))
  table.insert(list, storage_class("gp2", "kubernetes.io/aws-ebs"))
  table.insert(list, storage_class("efs-sc", "efs.csi.aws.com"))
  table.insert(
    list,
    object(
      "v1",
      "Service",
      "kubernetes",
      "default",
      { spec = { clusterIP = "10.96.0.1", ports = value.array { { name = "https", port = 443, targetPort = 6443 } } } }
    )
  )
  table.insert(
    list,
    object("networking.k8s.io/v1", "IngressClass", "nginx", nil, { spec = { controller = "k8s.io/ingress-nginx" } })
  )
  for _, name in ipairs { "letsencrypt-prod", "letsencrypt-staging" } do
    table.insert(
      list,
      object(
        "cert-manager.io/v1",
        "ClusterIssuer",
        name,
        nil,
        { spec = { acme = { server = "https://acme.example.com/directory", email = "ops@embrix.com" } } }
      )
    )
  end
  table.insert(list, workload("cert-manager", "cert-manager", "quay.io/jetstack/cert-manager-controller:v1.18.2", 9402))
  table.insert(
    list,
    workload("ingress-nginx", "ingress-nginx-controller", "registry.k8s.io/ingress-nginx/controller:v1.13.0", 80)
  )
  table.insert(
    list,
    object("v1", "Service", "ingress-nginx-controller", "ingress-nginx", {
      spec = {
        type = "LoadBalancer",
        selector = { app = "ingress-nginx-controller" },
        ports = value.array {
          { name = "http", port = 80, targetPort = "http" },
          { name = "https", port = 443, targetPort = "http" },
        },
      },
    })
  )
  table.insert(list, workload("monitoring", "alertmanager", "quay.io/prometheus/alertmanager:v0.28.1", 9093))
  table.insert(
    list,
    object("v1", "Service", "alertmanager-operated", "monitoring", {
      spec = {
        clusterIP = "None",
        selector = { app = "alertmanager" },
        ports = value.array { { name = "http-web", port = 9093, targetPort = "http" } },
      },
    })
  )
  return list
end

return M

-- The lab's Kubernetes, seen with the real kubectl and helm and by raw requests. What it should answer is what
-- kube-apiserver 1.34 was recorded to answer.
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local small_lab = require "tests.support.small_lab"
local task = require "o2x.base.task"

local CHART = fs.realpath "tests/support/tiny_chart"

describe("the lab's Kubernetes", function()
  local lab, home

  local function run(...)
    return proc.run { argv = { ... }, env = { KUBECONFIG = lab.env.KUBECONFIG, HOME = home }, timeout = 300 }
  end
  local function out(...)
    local result = run(...)
    assert.equal(0, result.code, table.concat({ ... }, " ") .. ": " .. result.stderr .. result.stdout)
    return (result.stdout:gsub("\n$", ""))
  end
  local function kubectl(...) return out("kubectl", ...) end
  local function helm(...) return out("helm", ...) end
  local function kubectl_minor()
    return tonumber(
      json.decode(kubectl("version", "--client", "-o", "json")).clientVersion.gitVersion:match "^v1%.(%d+)"
    )
  end

  -- a raw request: status, decoded body
  local function raw(method, path, body, content_type, headers)
    local config = json.decode(fs.read(lab.env.KUBECONFIG))
    local argv = {
      "curl",
      "-sS",
      "--cacert",
      lab.ca,
      "-X",
      method,
      "-w",
      "\n%{http_code}",
      "-H",
      "Authorization: Bearer " .. config.users[1].user.token,
      config.clusters[1].cluster.server .. path,
    }
    for _, header in ipairs(headers or {}) do
      table.move({ "-H", header }, 1, 2, #argv + 1, argv)
    end
    if body then
      table.move({
        "-H",
        "Content-Type: " .. (content_type or "application/json"),
        "--data-binary",
        type(body) == "string" and body or json.encode(body),
      }, 1, 4, #argv + 1, argv)
    end
    local text, status = out(table.unpack(argv)):match "^(.*)\n(%d+)$"
    return tonumber(status), text:match "^[%[{]" and json.decode(text) or text
  end

  local function apply(object) return raw("POST", "/api/v1/namespaces/default/" .. object[1], object[2]) end

  setup(function()
    home = fs.temp_folder()
    lab = small_lab.start { "k8s" }
  end)
  teardown(function()
    lab.stop()
    fs.remove_tree(home)
  end)

  it("installs a release, changes nothing twice, upgrades, rolls back, uninstalls", function()
    local began = task.now()
    helm("upgrade", "--install", "--wait", "--timeout", "120s", "sso", CHART)
    assert.is_true(task.now() - began < 60)
    assert.equal(
      "2 1 1",
      kubectl(
        "get",
        "deploy",
        "sso",
        "-o",
        "jsonpath={.status.readyReplicas} {.metadata.generation} {.status.observedGeneration}"
      )
    )
    helm("upgrade", "--install", "--wait", "sso", CHART)
    assert.equal("1", kubectl("get", "deploy", "sso", "-o", "jsonpath={.metadata.generation}"))
    helm("upgrade", "--wait", "sso", CHART, "--set", "image=registry.example.com/tiny:v2")
    assert.equal(
      "registry.example.com/tiny:v2 registry.example.com/tiny:v2",
      kubectl("get", "pods", "-l", "app=sso", "-o", "jsonpath={.items[*].spec.containers[0].image}")
    )
    helm("rollback", "--wait", "sso", "1")
    assert.equal(
      "3",
      kubectl("get", "deploy", "sso", "-o", "jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}")
    )
    assert.equal(
      "superseded superseded superseded deployed",
      table.concat(
        (function()
          local words = {}
          for _, r in ipairs(json.decode(helm("history", "sso", "-o", "json"))) do
            words[#words + 1] = r.status
          end
          return words
        end)(),
        " "
      )
    )
    assert.equal(1, #json.decode(helm("list", "-o", "json")))
    helm("uninstall", "--wait", "sso")
    assert.equal("", kubectl("get", "pods,rs,svc,endpoints", "-l", "app=sso", "-o", "name"))
  end)

  it("refuses a chart as the API server does", function()
    local result = run("helm", "install", "bad", CHART, "--set", "cpu=lots")
    assert.equal(1, result.code)
    assert.matches("quantities must match the regular expression", result.stderr, 1, true)
    helm("uninstall", "bad")
  end)

  it("keeps old pods while a new image cannot be pulled, and says why", function()
    helm("install", "--wait", "broke", CHART)
    local result = run("helm", "upgrade", "--wait", "--timeout", "1s", "broke", CHART, "--set", "image=r/tiny:broken")
    assert.equal(1, result.code)
    assert.equal(
      "2 1",
      kubectl("get", "deploy", "broke", "-o", "jsonpath={.status.availableReplicas} {.status.updatedReplicas}")
    )
    assert.matches("ImagePullBackOff", kubectl("get", "pods", "-l", "app=broke"))
    assert.matches("Failed to pull image", kubectl("get", "events", "--field-selector", "type=Warning"))
    kubectl("rollout", "undo", "deploy/broke")
    kubectl("rollout", "status", "deploy/broke", "--timeout=120s")
    helm("uninstall", "broke")
  end)

  it("scales, restarts, waits, undoes", function()
    helm("install", "--wait", "roll", CHART)
    kubectl("scale", "deploy/roll", "--replicas=4")
    kubectl("rollout", "status", "deploy/roll", "--timeout=120s")
    kubectl("rollout", "restart", "deploy/roll")
    kubectl("rollout", "status", "deploy/roll", "--timeout=120s")
    kubectl("wait", "--for=condition=available", "deploy/roll", "--timeout=120s")
    assert.equal(
      "4 2",
      kubectl(
        "get",
        "deploy",
        "roll",
        "-o",
        "jsonpath={.status.readyReplicas} {.metadata.annotations.deployment\\.kubernetes\\.io/revision}"
      )
    )
    kubectl("scale", "deploy", "-l", "tenant=newclient", "--replicas=0")
    assert.equal("", kubectl("get", "pods", "-l", "app=roll", "-o", "name"))
    assert.matches(
      "no endpoints available",
      run("kubectl", "get", "--raw", "/api/v1/namespaces/default/services/roll:8080/proxy/actuator/health").stderr
    )
    helm("uninstall", "roll")
  end)

  it("prints tables, describes, logs, tops", function()
    helm("install", "--wait", "show", CHART)
    assert.matches(
      "NAME%s+READY%s+UP%-TO%-DATE%s+AVAILABLE%s+AGE%s+CONTAINERS%s+IMAGES%s+SELECTOR\nshow%s+2/2%s+2%s+2",
      kubectl("get", "deploy", "show", "-o", "wide")
    )
    assert.matches("Scaled up replica set show%-%w+ from 0 to 2", kubectl("describe", "deploy", "show"))
    assert.matches("Started show in 4.012 seconds", kubectl("logs", "deploy/show", "--tail=1"))
    assert.matches("previous terminated container", run("kubectl", "logs", "deploy/show", "--previous").stderr)
    assert.matches("show%-%w+%-%w+%s+%d+m%s+%d+Mi", kubectl("top", "pods"))
    assert.equal("yes", kubectl("auth", "can-i", "create", "deployments"))
    assert.equal("ok", kubectl("get", "--raw", "/readyz"))
    helm("uninstall", "show")
  end)

  it("takes kubectl's client-side and server-side apply of the same object", function()
    local path = fs.join(home, "pvc.yaml")
    fs.write(
      path,
      [[
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, namespace: default, labels: { tenant: newclient } }
spec: { accessModes: [ReadWriteMany], storageClassName: efs-sc, resources: { requests: { storage: 100Gi } } }
]]
    )
    assert.matches("created", kubectl("apply", "-f", path))
    assert.matches("unchanged", kubectl("apply", "-f", path))
    kubectl("apply", "--server-side", "-f", path)
    assert.equal("", run("kubectl", "apply", "-f", path).stderr) -- kubectl's own annotation is still there
    kubectl("diff", "-f", path)
    assert.equal(
      "Bound 100Gi",
      kubectl("get", "pvc", "data", "-o", "jsonpath={.status.phase} {.status.capacity.storage}")
    )
    fs.write(path, (fs.read(path):gsub("efs%-sc", "gp3")))
    assert.matches("spec is immutable after creation", run("kubectl", "apply", "-f", path).stderr)
    kubectl("delete", "pvc", "data")
    assert.equal("", kubectl("get", "pvc,pv", "-o", "name"))
  end)

  it("gives an ingress its address and certificate, and takes the certificate back", function()
    local path = fs.join(home, "ingress.yaml")
    fs.write(
      path,
      [[
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: newclient-ingress
  annotations: { cert-manager.io/cluster-issuer: letsencrypt-prod, kubernetes.io/ingress.class: nginx }
spec:
  tls: [ { hosts: [newclient.embrix.com], secretName: newclient-tls-cert } ]
  rules:
  - host: newclient.embrix.com
    http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: proxy, port: { number: 8080 } } } } ] }
]]
    )
    kubectl("apply", "-f", path)
    kubectl("wait", "--for=condition=Ready", "certificate/newclient-tls-cert", "--timeout=120s")
    assert.equal("kubernetes.io/tls", kubectl("get", "secret", "newclient-tls-cert", "-o", "jsonpath={.type}"))
    assert.equal(
      kubectl(
        "get",
        "svc",
        "-n",
        "ingress-nginx",
        "ingress-nginx-controller",
        "-o",
        "jsonpath={.status.loadBalancer.ingress[0].hostname}"
      ),
      kubectl("get", "ingress", "newclient-ingress", "-o", "jsonpath={.status.loadBalancer.ingress[0].hostname}")
    )
    kubectl("delete", "secret", "newclient-tls-cert")
    kubectl("wait", "--for=condition=Ready", "certificate/newclient-tls-cert", "--timeout=120s")
    kubectl("get", "secret", "newclient-tls-cert")
    kubectl("delete", "ingress", "newclient-ingress")
    assert.equal("", kubectl("get", "certificate", "-o", "name"))
  end)

  it("takes what kubectl creates by protobuf", function()
    kubectl("create", "secret", "generic", "pg-secret", "--from-literal=username=appuser", "--from-literal=password=x")
    assert.equal(
      "appuser",
      kubectl("get", "secret", "pg-secret", "-o", "go-template={{.data.username | base64decode}}")
    )
    assert.matches(
      'secrets "pg%-secret" already exists',
      run("kubectl", "create", "secret", "generic", "pg-secret").stderr
    )
    kubectl("create", "namespace", "team")
    assert.equal("default", kubectl("get", "serviceaccount", "-n", "team", "-o", "jsonpath={.items[*].metadata.name}"))
    if kubectl_minor() >= 21 then -- before, it created batch/v1beta1, which servers of today do not have
      kubectl("create", "cronjob", "billing", "--image=busybox", "--schedule=0 2 * * *", "-n", "team", "--", "true")
      kubectl("patch", "cronjob", "billing", "-n", "team", "-p", '{"spec":{"suspend":true}}')
      kubectl("create", "job", "now", "--from=cronjob/billing", "-n", "team")
      kubectl("wait", "--for=condition=complete", "job/now", "-n", "team", "--timeout=120s")
    end
    kubectl("create", "deployment", "web", "--image=nginx:1", "-n", "team")
    kubectl("expose", "deployment", "web", "--port=80", "-n", "team")
    kubectl("autoscale", "deployment", "web", "--min=2", "--max=4", "--cpu-percent=80", "-n", "team")
    assert.equal("2", kubectl("get", "deploy", "web", "-n", "team", "-o", "jsonpath={.spec.replicas}"))
    kubectl("create", "configmap", "c", "--from-literal=a=b", "-n", "team")
    kubectl("delete", "namespace", "team")
    assert.equal("", kubectl("get", "all", "-n", "team", "-o", "name"))
    kubectl("delete", "secret", "pg-secret")
  end)

  it("holds a pod back until what it refers to is there", function()
    local path = fs.join(home, "pod.yaml")
    fs.write(
      path,
      [[
apiVersion: v1
kind: Pod
metadata: { name: needy }
spec:
  containers: [ { name: a, image: "x:1", env: [ { name: P, valueFrom: { secretKeyRef: { name: later, key: p } } } ] } ]
  volumes: [ { name: d, persistentVolumeClaim: { claimName: later } } ]
]]
    )
    kubectl("apply", "-f", path)
    assert.equal("Pending", kubectl("get", "pod", "needy", "-o", "jsonpath={.status.phase}"))
    assert.equal(201, (apply {
      "persistentvolumeclaims",
      {
        metadata = { name = "later" },
        spec = { accessModes = { "ReadWriteOnce" }, resources = { requests = { storage = "1Gi" } } },
      },
    }))
    assert.matches("CreateContainerConfigError", kubectl("get", "pod", "needy"))
    kubectl("create", "secret", "generic", "later", "--from-literal=p=1")
    kubectl("wait", "--for=condition=Ready", "pod/needy", "--timeout=120s")
    kubectl("delete", "pod/needy", "secret/later", "pvc/later")
  end)

  it("lists in pages", function()
    local names, continue = {}, ""
    repeat
      local _, page = raw("GET", "/api/v1/namespaces?limit=3" .. (continue ~= "" and "&continue=" .. continue or ""))
      for _, item in ipairs(page.items) do
        names[#names + 1] = item.metadata.name
      end
      continue = page.metadata.continue or ""
    until continue == ""
    assert.equal(
      "cert-manager default ingress-nginx kube-node-lease kube-public kube-system monitoring",
      table.concat(names, " ")
    )
    local status, body = raw("GET", "/api/v1/namespaces?limit=1&continue=abc")
    assert.equal("400 BadRequest", status .. " " .. body.reason)
  end)

  it("watches from a version on, and says when that is too long ago", function()
    local _, list = raw("GET", "/api/v1/namespaces/default/configmaps")
    local from = list.metadata.resourceVersion
    for i = 1, 2 do
      apply { "configmaps", { metadata = { name = "w" .. i, labels = { w = tostring(i) } } } }
    end
    raw(
      "PATCH",
      "/api/v1/namespaces/default/configmaps/w1",
      { metadata = { labels = { w = "2" } } },
      "application/merge-patch+json"
    )
    raw("DELETE", "/api/v1/namespaces/default/configmaps/w2")
    local function watch(query)
      local seen = {}
      local _, text = raw("GET", "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=0" .. query, nil, nil)
      text = type(text) == "table" and json.encode(text) or text
      for line in text:gmatch "[^\n]+" do
        local e = json.decode(line)
        seen[#seen + 1] = e.type .. " " .. (e.object.metadata.name or e.object.reason or "")
      end
      return table.concat(seen, ", ")
    end
    local curl = run(
      "curl",
      "-sS",
      "--cacert",
      lab.ca,
      "-H",
      "Authorization: Bearer " .. lab.k8s.api.token,
      ("https://127.0.0.1:%d/api/v1/namespaces/default/configmaps?%s&resourceVersion=%s"):format(
        lab.instances[1].port,
        "watch=1&timeoutSeconds=0&labelSelector=w%3D2",
        from
      )
    ).stdout
    local seen = {}
    for line in curl:gmatch "[^\n]+" do
      local e = json.decode(line)
      seen[#seen + 1] = e.type .. " " .. e.object.metadata.name
    end
    assert.equal("ADDED w2, ADDED w1, DELETED w2", table.concat(seen, ", "))
    assert.equal("", watch("&allowWatchBookmarks=true&resourceVersion=" .. lab.k8s.api.store:version()))
    lab.k8s.api.store.oldest = lab.k8s.api.store:version()
    assert.equal("ERROR Expired", watch "&resourceVersion=1")
    raw("DELETE", "/api/v1/namespaces/default/configmaps/w1")
  end)

  it("detects conflicts and keeps to preconditions", function()
    apply { "configmaps", { metadata = { name = "c" }, data = { a = "1" } } }
    local _, object = raw("GET", "/api/v1/namespaces/default/configmaps/c")
    raw("PATCH", "/api/v1/namespaces/default/configmaps/c", { data = { a = "2" } }, "application/merge-patch+json")
    object.data.a = "3"
    local status, body = raw("PUT", "/api/v1/namespaces/default/configmaps/c", object)
    assert.equal("409 Conflict", status .. " " .. body.reason)
    assert.equal(
      'Operation cannot be fulfilled on configmaps "c": the object has been modified; '
        .. "please apply your changes to the latest version and try again",
      body.message
    )
    status, body = raw(
      "PATCH",
      "/api/v1/namespaces/default/configmaps/c?fieldManager=o2x",
      { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "c" }, data = { a = "4" } },
      "application/apply-patch+yaml"
    )
    assert.equal("409", tostring(status))
    assert.matches('^Apply failed with 1 conflict: conflict with "curl" using v1: %.data%.a$', body.message)
    assert.equal(
      409,
      (raw("DELETE", "/api/v1/namespaces/default/configmaps/c", { preconditions = { uid = "another" } }))
    )
    assert.equal(200, (raw("DELETE", "/api/v1/namespaces/default/configmaps/c")))
  end)

  it("does nothing in a dry run", function()
    local _, before = raw("GET", "/api/v1/namespaces")
    assert.equal(
      201,
      (raw("POST", "/api/v1/namespaces/default/configmaps?dryRun=All", { metadata = { name = "dry" } }))
    )
    assert.equal(404, (raw("GET", "/api/v1/namespaces/default/configmaps/dry")))
    local _, after = raw("GET", "/api/v1/namespaces")
    assert.equal(before.metadata.resourceVersion, after.metadata.resourceVersion)
  end)

  it("answers bad input as recorded", function()
    local function problem(...)
      local status, body = raw(...)
      return status .. " " .. (type(body) == "table" and body.message or body)
    end
    assert.matches(
      "^400 the object provided is unrecognized %(must be of type Secret%)",
      problem("POST", "/api/v1/namespaces/default/secrets", "{bad")
    )
    assert.equal(
      '400 Pod in version "v1" cannot be handled as a Secret: converting (v1.Pod) to (core.Secret): unknown conversion',
      problem("POST", "/api/v1/namespaces/default/secrets", { kind = "Pod", apiVersion = "v1" })
    )
    assert.equal("404 404 page not found\n", problem("GET", "/apis/nosuch/v1/things"))
    assert.matches(
      '^404 namespaces "nosuch" not found',
      problem("POST", "/api/v1/namespaces/nosuch/configmaps", { metadata = { name = "x" } })
    )
    assert.matches(
      '^422 ConfigMap "UP" is invalid: metadata.name: Invalid value',
      problem("POST", "/api/v1/namespaces/default/configmaps", { metadata = { name = "UP" } })
    )
    assert.matches("^415 ", problem("PATCH", "/api/v1/namespaces/default/configmaps/x", "{}", "text/plain"))
    assert.matches(
      '"spec.x" is not a known field selector',
      problem("GET", "/api/v1/namespaces/default/configmaps?fieldSelector=spec.x%3D1")
    )
    assert.matches(
      'strict decoding error: unknown field "nosuch"',
      problem(
        "POST",
        "/api/v1/namespaces/default/configmaps?fieldValidation=Strict",
        { metadata = { name = "x" }, nosuch = 1 }
      )
    )
    assert.matches("^405 ", problem("POST", "/api/v1/configmaps", { metadata = { name = "x" } }))
    assert.matches("^400 ", problem("POST", "/api/v1/namespaces/default/configmaps", "[]"))
    assert.matches(
      "^400 .*v1.ObjectMeta$",
      problem("POST", "/api/v1/namespaces/default/configmaps", { metadata = "x" })
    )
    assert.matches(
      "^422 .*spec.selector: Required value",
      problem("POST", "/apis/apps/v1/namespaces/default/deployments", { metadata = { name = "x" } })
    )
    assert.equal("", fs.read_if(fs.join(lab.dir, "lab.log")) or "")
  end)

  it("wants the token", function()
    local url = ("https://127.0.0.1:%d"):format(lab.instances[1].port)
    assert.equal(
      "401",
      out("curl", "-sS", "--cacert", lab.ca, "-o", "/dev/null", "-w", "%{http_code}", url .. "/api/v1/pods")
    )
    assert.equal(
      "200",
      out("curl", "-sS", "--cacert", lab.ca, "-o", "/dev/null", "-w", "%{http_code}", url .. "/readyz")
    )
  end)

  it("gives up a rollout after its deadline", function()
    helm("install", "--wait", "late", CHART)
    kubectl(
      "patch",
      "deploy",
      "late",
      "-p",
      '{"spec":{"progressDeadlineSeconds":1,"template":{"spec":{"containers":[{"name":"app","image":"x:broken"}]}}}}'
    )
    assert.matches(
      "exceeded its progress deadline",
      run("kubectl", "rollout", "status", "deploy/late", "--timeout=120s").stderr
    )
    helm("uninstall", "late")
  end)

  it("breaks pods by request", function()
    lab.instances[1].fault("crash-pods", { match = "frail" })
    local result = run("helm", "install", "--wait", "--timeout", "1s", "frail", CHART)
    assert.equal(1, result.code)
    assert.matches("CrashLoopBackOff", kubectl("get", "pods", "-l", "app=frail"))
    assert.matches("APPLICATION FAILED TO START", kubectl("logs", "deploy/frail", "--tail=5"))
    lab.instances[1].fault("off", {})
    kubectl("rollout", "status", "deploy/frail", "--timeout=120s")
    lab.instances[1].fault("slow-pods", { seconds = 0.3 })
    kubectl("rollout", "restart", "deploy/frail")
    assert.matches("Running", kubectl("get", "pods", "-l", "app=frail"))
    kubectl("rollout", "status", "deploy/frail", "--timeout=120s")
    lab.instances[1].fault("off", {})
    helm("uninstall", "frail")
  end)

  it("is the same after a restart", function()
    helm("install", "--wait", "stays", CHART)
    local before = kubectl("get", "deploy,pods,secrets", "-o", "yaml")
    local _, list = raw("GET", "/api/v1/pods")
    lab.flush()
    lab.instances[1].stop()
    lab.instances[1] = require("lab.k8s").start(lab)
    assert.equal(before, kubectl("get", "deploy,pods,secrets", "-o", "yaml"))
    local _, again = raw("GET", "/api/v1/pods")
    assert.equal(list.metadata.resourceVersion, again.metadata.resourceVersion)
    helm("uninstall", "stays")
  end)
end)

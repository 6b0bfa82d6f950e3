-- The Kubernetes client and its effects against the lab's API server; what was done is looked at with kubectl.
local compare = require "o2x.client.k8s.compare"
local faults = require "lab.faults"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

local GRANTS = {
  namespace = "default",
  names = { "t1-app", "t1-data", "t1-ingress", "t1-tls-cert" },
  label = { "tenant", "t1" },
  shared = { "pg-secret" },
  read = { "ingress-nginx/ingress-nginx-controller" },
  contents = {
    hosts = { "t1.example.com" },
    name_labels = { "app" },
    annotations = {
      ["cert-manager.io/cluster-issuer"] = { "letsencrypt-prod" },
      ["deployment.kubernetes.io/revision"] = "plain",
      ["kubectl.kubernetes.io/restartedAt"] = "plain",
    },
  },
}

local function deployment(name, image, more)
  local labels = { app = name, tenant = "t1" }
  local object = {
    apiVersion = "apps/v1",
    kind = "Deployment",
    metadata = { name = name, namespace = "default", labels = labels },
    spec = {
      replicas = 2,
      selector = { matchLabels = { app = name } },
      template = {
        metadata = { labels = labels },
        spec = {
          containers = {
            {
              name = "app",
              image = image or "example/app:v1",
              ports = { { containerPort = 8080 } },
              resources = { limits = { cpu = "1000m" } },
              env = { { name = "A", value = "a" } },
            },
          },
        },
      },
    },
  }
  for key, value in pairs(more or {}) do
    object.spec[key] = value
  end
  return object
end

local function claim(size)
  return {
    apiVersion = "v1",
    kind = "PersistentVolumeClaim",
    metadata = { name = "t1-data", labels = { tenant = "t1" } },
    spec = { accessModes = { "ReadWriteMany" }, resources = { requests = { storage = size or "100Gi" } } },
  }
end

-- Each test gets a cluster of its own.
local function cluster(what, body)
  it(what, function()
    small_lab.with({ "k8s" }, nil, function(lab)
      local config = kubeconfig.load { path = lab.env.KUBECONFIG }
      local env = {
        lab = lab,
        config = config,
        free = k8s.new { config = config },
        client = k8s.new { config = config, scope = GRANTS },
      }
      function env.kubectl(...)
        local r = lab.run("kubectl", ...)
        assert.equal(0, r.code, r.stderr)
        return (r.stdout:gsub("%s+$", ""))
      end
      function env.run(mode, o)
        o = o or {}
        o.mode, o.clients, o.modules = mode, { k8s = env.client }, { (require "o2x.effects.k8s") }
        return small_run.new(o)
      end
      body(env)
    end)
  end)
end

describe("the kubernetes client in a cluster", function()
  cluster("reads, writes and removes objects", function(env)
    local client = env.client
    assert.is_nil(client:get("Deployment", "t1-app"))
    client:apply(deployment("t1-app"))
    assert.equal("2", env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.spec.replicas}"))
    client:patch("deploy", "t1-app", { metadata = { annotations = { note = "x" } } })
    assert.equal("x", env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.metadata.annotations.note}"))
    local read = client:get("Deployment", "t1-app")
    assert.equal(
      "raised",
      select(
        2,
        pcall(function()
          client:patch("deploy", "t1-app", { metadata = { annotations = { note = "y" } } })
          local e = raised(client.replace, client, read)
          assert.equal("conflict", e.kind)
          error("raised", 0)
        end)
      )
    )
    assert.is_true(client:delete("Deployment", "t1-app"))
    assert.is_false(client:delete("Deployment", "t1-app"))
    assert.equal(
      "conflict",
      raised(function()
        client:create(claim())
        client:create(claim())
      end).kind
    )
  end)

  cluster("lists the tenant's objects only, page by page", function(env)
    for i = 1, 5 do
      for _, tenant in ipairs { "t1", "t1-sbx" } do
        env.free:create {
          apiVersion = "v1",
          kind = "ConfigMap",
          metadata = { name = tenant .. "-" .. i, namespace = "default", labels = { tenant = tenant } },
        }
      end
    end
    local items = env.client:list("ConfigMap", { page = 2 })
    assert.equal(5, #items)
    for _, item in ipairs(items) do
      assert.equal("t1", item.metadata.labels.tenant)
    end
    assert.equal(0, #env.client:list("ConfigMap", { selector = "tenant=t1-sbx" }))
  end)

  cluster("scales, restarts, follows pods, reads logs and events", function(env)
    local client, ready = env.client, require "o2x.client.k8s.ready"
    client:apply(deployment("t1-app"))
    ready.wait(client, "Deployment", "t1-app", { seconds = 120 })
    client:scale("Deployment", "t1-app", 3)
    ready.wait(client, "Deployment", "t1-app", { seconds = 120 })
    assert.equal("3", env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.status.readyReplicas}"))
    client:restart("Deployment", "t1-app", "2026-01-01T00:00:00Z")
    ready.wait(client, "Deployment", "t1-app", { seconds = 120 })
    assert.equal(
      "2026-01-01T00:00:00Z",
      env.kubectl(
        "get",
        "deployment",
        "t1-app",
        "-o",
        "jsonpath={.spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt}"
      )
    )
    local pods = client:list("Pod", { selector = "app=t1-app" })
    assert.is_true(#pods >= 3)
    assert.is_truthy(client:logs(pods[1].metadata.name, { tail = 5 }):find("%S"))
    assert.is_true(#client:events("Deployment", "t1-app") > 0)
  end)

  cluster("watches", function(env)
    local task = require "o2x.base.task"
    local seen = task.parallel {
      watch = function()
        return env.client:watch("Pod", { selector = "app=t1-app", seconds = 120 }, function(items)
          local running = 0
          for _, pod in pairs(items) do
            if pod.status.phase == "Running" then running = running + 1 end
          end
          return running == 2 and running or nil
        end)
      end,
      apply = function() env.client:apply(deployment("t1-app")) end,
    }
    assert.equal(2, seen.watch)
  end)

  cluster("is told to go without a valid token", function(env)
    env.config.static_token = secret.new("wrong", "token")
    local e = raised(env.client.get, env.client, "Deployment", "t1-app")
    assert.equal("unauthorised", e.kind)
  end)
end)

describe("a k8s.object", function()
  cluster("is created, then left alone, then changed", function(env)
    local run = env.run("apply")
    local _, first = run.ctx:effect(
      "k8s.object",
      { kind = "Deployment", api_version = "apps/v1", name = "t1-app", namespace = "default" },
      deployment("t1-app")
    )
    assert.equal("created", first)
    assert.equal("intent result", run.story())
    local again = env.run("apply")
    again.api.k8s.ensure(deployment("t1-app"))
    assert.equal("same", again.story())
    local changed = env.run("apply")
    changed.api.k8s.ensure(deployment("t1-app", "example/app:v2"))
    assert.equal("intent result", changed.story())
    assert.equal(
      "example/app:v2",
      env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    )
    assert.equal(
      "1",
      env.kubectl(
        "get",
        "deployment",
        "t1-app",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].resources.limits.cpu}"
      )
    )
  end)

  cluster("loses what we applied and no longer want, but not what others added", function(env)
    local run = env.run("apply")
    local first = deployment("t1-app")
    first.metadata.labels = { app = "t1-app", tenant = "t1", old = "yes" }
    run.api.k8s.ensure(first)
    env.kubectl("label", "deployment", "t1-app", "theirs=yes")
    local second = env.run("apply")
    second.api.k8s.ensure(deployment("t1-app"))
    assert.equal("intent result", second.story())
    local labels = json.decode(env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.metadata.labels}"))
    assert.same({ app = "t1-app", tenant = "t1", theirs = "yes" }, labels)
  end)

  cluster("of which another manager set a field is a conflict that names it", function(env)
    env.run("apply").api.k8s.ensure(deployment("t1-app"))
    env.free.manager = "autoscaler"
    env.free:apply({
      apiVersion = "apps/v1",
      kind = "Deployment",
      metadata = { name = "t1-app", namespace = "default" },
      spec = { replicas = 5 },
    }, { force = true })
    local e = raised(env.run("apply").api.k8s.ensure, deployment("t1-app"))
    assert.equal("conflict", e.kind)
    assert.is_truthy(e.message:find(".spec.replicas belongs to autoscaler", 1, true), e.message)
    env.run("apply").api.k8s.ensure(deployment("t1-app"), { force = true })
    assert.equal("2", env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.spec.replicas}"))
  end)

  cluster("is planned without being written", function(env)
    local run = env.run("plan")
    run.api.k8s.ensure(claim())
    assert.equal(1, run.plan:counts().created)
    assert.equal("PersistentVolumeClaim default/t1-data", run.plan.changes[1].show.title)
    assert.equal("100Gi", run.api.k8s.get("PersistentVolumeClaim", "t1-data").spec.resources.requests.storage)
    assert.is_nil(env.client:get("PersistentVolumeClaim", "t1-data"))
    env.run("apply").api.k8s.ensure(claim())
    local after = env.run("plan")
    after.api.k8s.ensure(claim())
    assert.is_false(after.plan:has_changes())
    after.api.k8s.ensure(deployment("t1-app"))
    assert.is_true(after.plan:has_changes())
  end)

  cluster("shows only what would change", function(env)
    env.run("apply").api.k8s.ensure(deployment("t1-app"))
    local run = env.run("plan")
    run.api.k8s.ensure(deployment("t1-app", "example/app:v2"))
    local lines = run.plan.changes[1].show.lines
    assert.equal(1, #lines, table.concat(lines, "\n"))
    assert.is_truthy(lines[1]:find("example/app:v1 → example/app:v2", 1, true), lines[1])
  end)

  cluster("that is not the tenant's is refused before anything is sent", function(env)
    local run = env.run("apply")
    assert.equal("refused", raised(run.api.k8s.ensure, deployment("t1-sbx-app")).kind)
    assert.equal("refused", raised(run.api.k8s.get, "Service", "ingress-nginx-controller", "kube-system").kind)
    assert.equal("LoadBalancer", run.api.k8s.get("Service", "ingress-nginx-controller", "ingress-nginx").spec.type)
    assert.equal(
      "input",
      raised(run.api.k8s.ensure, { apiVersion = "v1", kind = "Secret", metadata = { name = "pg-secret" } }).kind
    )
    assert.is_nil(env.free:get("Deployment", "t1-sbx-app"))
  end)

  cluster("is removed", function(env)
    env.run("apply").api.k8s.ensure(claim())
    local run = env.run("apply")
    run.api.k8s.remove("PersistentVolumeClaim", "t1-data")
    assert.equal("deleted", run.records[2].outcome)
    assert.is_nil(env.client:get("PersistentVolumeClaim", "t1-data"))
  end)
end)

describe("faults on the way to the cluster", function()
  local function fault(env, kind, times, match)
    faults.add(env.lab.faults.rules, "k8s", kind, { times = times, match = match })
  end

  cluster("do not make an effect fail that can be tried again", function(env)
    env.client:kinds()
    for i, kind in ipairs { "429", "503", "drop", "drop-after" } do
      local run = env.run("apply")
      fault(env, kind, 2)
      run.api.k8s.ensure(deployment("t1-app", "example/app:v" .. i))
      assert.equal(0, #env.lab.faults.rules, kind)
      assert.equal("intent result", (run.story():gsub("retry ", "")), kind)
      assert.equal(
        "example/app:v" .. i,
        env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
      )
    end
  end)

  cluster("after a write whose answer was lost: the cluster is asked, nothing is done twice", function(env)
    local run = env.run("apply")
    fault(env, "drop-after", 1, "PATCH")
    run.api.k8s.ensure(deployment("t1-app"))
    assert.equal("intent result", run.story())
    assert.equal("1", env.kubectl("get", "deployment", "t1-app", "-o", "jsonpath={.metadata.generation}"))
    fault(env, "drop-after", 1, "POST")
    run.api.k8s.ensure_secret("pg-secret", { password = secret.new("hunter22", "p") })
    assert.equal("aHVudGVyMjI=", env.kubectl("get", "secret", "pg-secret", "-o", "jsonpath={.data.password}"))
  end)

  cluster("end in a clear error when they are refusals", function(env)
    env.client:kinds()
    fault(env, "403", 1, "deployments")
    assert.equal("unauthorised", raised(env.run("apply").api.k8s.ensure, deployment("t1-app")).kind)
    fault(env, "401", 2, "deployments")
    assert.equal("unauthorised", raised(env.run("apply").api.k8s.ensure, deployment("t1-app")).kind)
  end)
end)

describe("a k8s.secret", function()
  local function data(password)
    return { username = "app", password = secret.new(password or "hunter22", "db password") }
  end

  cluster("is made once and compared afterwards", function(env)
    local run = env.run("apply")
    run.api.k8s.ensure_secret("pg-secret", data())
    assert.equal("aHVudGVyMjI=", env.kubectl("get", "secret", "pg-secret", "-o", "jsonpath={.data.password}"))
    assert.equal("Opaque", env.kubectl("get", "secret", "pg-secret", "-o", "jsonpath={.type}"))
    local again = env.run("apply")
    again.api.k8s.ensure_secret("pg-secret", data())
    assert.equal("same", again.story())
    for _, record in ipairs(run.records) do
      assert.is_nil(json.encode(record):find("hunter22", 1, true))
      assert.is_nil(json.encode(record):find("aHVudGVyMjI=", 1, true))
    end
  end)

  cluster("with other content is a conflict, in a run and in a plan, and stays", function(env)
    env.kubectl(
      "create",
      "secret",
      "generic",
      "pg-secret",
      "--from-literal=username=app",
      "--from-literal=password=other1",
      "--from-literal=more=m"
    )
    for _, mode in ipairs { "apply", "plan" } do
      local e = raised(env.run(mode).api.k8s.ensure_secret, "pg-secret", data())
      assert.equal("conflict", e.kind)
      assert.equal("Secret default/pg-secret exists with other content (password): it is not overwritten", e.message)
      assert.is_string(e.hint)
    end
    assert.equal("b3RoZXIx", env.kubectl("get", "secret", "pg-secret", "-o", "jsonpath={.data.password}"))
    env.run("apply").api.k8s.ensure_secret("pg-secret", data("other1"))
  end)

  cluster("of the tenant's own is overwritten where the script says so", function(env)
    env.kubectl("create", "secret", "generic", "t1-app", "--from-literal=password=other1", "--from-literal=more=m")
    env.run("apply").api.k8s.ensure_secret("t1-app", data(), { overwrite = true })
    assert.equal("aHVudGVyMjI=", env.kubectl("get", "secret", "t1-app", "-o", "jsonpath={.data.password}"))
    assert.equal("bQ==", env.kubectl("get", "secret", "t1-app", "-o", "jsonpath={.data.more}"))
  end)

  cluster("that all tenants share is neither overwritten nor changed nor removed", function(env)
    env.kubectl("create", "secret", "generic", "pg-secret", "--from-literal=password=other1")
    local before = env.kubectl("get", "secret", "pg-secret", "-o", "json")
    for _, mode in ipairs { "apply", "plan" } do
      local api = env.run(mode).api.k8s
      for _, try in ipairs {
        function() api.ensure_secret("pg-secret", data(), { overwrite = true }) end,
        function() api.remove("Secret", "pg-secret") end,
        function() api.set("Secret", "pg-secret", { data = { password = "eA==" } }) end,
        function() api.annotate("Secret", "pg-secret", { note = "x" }) end,
        function() api.scale("Secret", "pg-secret", 0) end,
      } do
        local e = raised(try)
        assert.equal("refused", e.kind)
        assert.is_truthy(e.message:find("Secret default/pg-secret is shared by all tenants", 1, true), e.message)
        assert.is_string(e.hint)
      end
    end
    assert.equal(before, env.kubectl("get", "secret", "pg-secret", "-o", "json"))
  end)

  cluster("that all tenants share is overwritten by the run that rotates it, and not removed by it", function(env)
    local spec = { rotate = { "pg-secret" } }
    for name, item in pairs(GRANTS) do
      spec[name] = item
    end
    env.client = k8s.new { config = env.config, scope = spec }
    env.kubectl("create", "secret", "generic", "pg-secret", "--from-literal=password=other1")
    env.run("apply").api.k8s.ensure_secret("pg-secret", data(), { overwrite = true })
    assert.equal("aHVudGVyMjI=", env.kubectl("get", "secret", "pg-secret", "-o", "jsonpath={.data.password}"))
    assert.equal("refused", raised(env.run("apply").api.k8s.remove, "Secret", "pg-secret").kind)
  end)

  cluster("that all tenants share gives nothing to an object of another kind by its name", function(env)
    local map = {
      apiVersion = "v1",
      kind = "ConfigMap",
      metadata = { name = "pg-secret", namespace = "default" },
      data = { a = "1" },
    }
    assert.equal("refused", raised(env.run("apply").api.k8s.ensure, map).kind)
    assert.equal("refused", raised(env.run("apply").api.k8s.remove, "ConfigMap", "pg-secret").kind)
    assert.equal("refused", raised(env.client.apply, env.client, map).kind)
    assert.equal("", env.kubectl("get", "configmap", "pg-secret", "--ignore-not-found", "-o", "name"))
  end)

  cluster("is shown without its values", function(env)
    local run = env.run("plan")
    run.api.k8s.ensure_secret("pg-secret", data())
    local text = table.concat(run.plan.changes[1].show.lines, "\n")
    assert.is_truthy(text:find("password"))
    assert.is_nil(text:find("hunter"))
    assert.is_nil(text:find("aHVudGVy"))
  end)
end)

describe("waiting for readiness", function()
  cluster("tells the pods' trouble, events and logs when they never get ready", function(env)
    env.run("apply").api.k8s.ensure(deployment("t1-app", "example/app:broken"))
    local run = env.run("apply")
    local e = raised(run.api.k8s.wait_ready, "Deployment", "t1-app", 3)
    assert.is_truthy(e.message:find("^Deployment t1%-app is not ready after 3 s: 0 of 2 pods ready"), e.message)
    local text = table.concat(e.details, "\n")
    assert.is_truthy(text:find("pod    t1%-app%-"), text)
    assert.is_truthy(text:find("event  "), text)
    assert.is_true(#run.said > 0)
  end)

  cluster("covers claims and certificates", function(env)
    local run = env.run("apply")
    run.api.k8s.ensure(claim())
    run.api.k8s.wait_ready("PersistentVolumeClaim", "t1-data", 10)
    run.api.k8s.ensure {
      apiVersion = "networking.k8s.io/v1",
      kind = "Ingress",
      metadata = {
        name = "t1-ingress",
        labels = { tenant = "t1" },
        annotations = { ["cert-manager.io/cluster-issuer"] = "letsencrypt-prod" },
      },
      spec = {
        tls = { { hosts = { "t1.example.com" }, secretName = "t1-tls-cert" } },
        rules = {
          {
            host = "t1.example.com",
            http = {
              paths = {
                {
                  path = "/",
                  pathType = "Prefix",
                  backend = { service = { name = "t1-app", port = { number = 8080 } } },
                },
              },
            },
          },
        },
      },
    }
    run.api.k8s.wait_ready("Certificate", "t1-tls-cert", 10)
    assert.is_true(compare.equal(env.client:get("Ingress", "t1-ingress"), env.client:get("Ingress", "t1-ingress")))
  end)
end)

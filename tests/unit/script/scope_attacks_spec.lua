-- A run for newclient reaches for other tenants by every way out. Every attempt is refused before a byte leaves: each
-- client here ends at a server of the test that counts what comes in.

local clients = require "o2x.engine.clients"
local effects = require "o2x.effects"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local project = require "o2x.project.project"
local raised = require "tests.support.raised"
local sandbox = require "o2x.script.sandbox"
local secret = require "o2x.base.secret"
local small_run = require "tests.support.small_run"
local task = require "o2x.base.task"
local tenants = require "o2x.project.tenants"

local MODULES = { "alerts", "broker", "dns", "files", "helm", "http", "k8s", "pg", "redis", "runs", "service", "vault" }

local function kind(plural, name, cluster)
  return {
    resource = plural,
    singularResource = name:lower(),
    scope = cluster and "Cluster" or "Namespaced",
    responseKind = { kind = name },
  }
end

local function group(name, ...)
  return { metadata = { name = name }, versions = { { version = "v1", resources = { ... } } } }
end

local DISCOVERY = {
  ["/api"] = {
    kind = "APIGroupDiscoveryList",
    items = {
      group(
        "",
        kind("pods", "Pod"),
        kind("secrets", "Secret"),
        kind("services", "Service"),
        kind("events", "Event"),
        kind("configmaps", "ConfigMap"),
        kind("nodes", "Node", true),
        kind("namespaces", "Namespace", true),
        kind("persistentvolumes", "PersistentVolume", true)
      ),
    },
  },
  ["/apis"] = {
    kind = "APIGroupDiscoveryList",
    items = {
      group("apps", kind("deployments", "Deployment")),
      group("rbac.authorization.k8s.io", kind("clusterroles", "ClusterRole", true)),
    },
  },
  ["/version"] = { gitVersion = "v1.32.0" },
}

-- What may go out: which kinds there are, and a list of what is labelled as the tenant's.
local function harmless(req)
  if DISCOVERY[req.path] then return DISCOVERY[req.path] end
  if req.method == "GET" and (req.query.labelSelector or ""):match("^tenant=newclient") then return { items = {} } end
end

local KUBECONFIG = [[
{"apiVersion":"v1","kind":"Config","current-context":"c",
"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:%d"}}],
"users":[{"name":"u","user":{"token":"t"}}],"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}]}]]

-- The tree of one test, with a link that leads out of it.
local function make_tree(folder)
  local tree = fs.join(folder, "tree")
  fs.mkdir(tree)
  for _, name in ipairs { "platform.yaml", "tenants" } do
    fs.copy_tree("examples/platform/" .. name, fs.join(tree, name))
  end
  fs.write(fs.join(tree, "core/chart/Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n", { parents = true })
  fs.write(fs.join(folder, "outside/Chart.yaml"), "name: x\nversion: 1.0.0\n", { parents = true })
  require("o2x.core.fs").symlink(fs.join(folder, "outside"), fs.join(tree, "core/link"))
  return tree
end

local function configuration(folder, tree, port)
  local helm, kubeconfig, at = fs.join(folder, "helm.sh"), fs.join(folder, "kubeconfig"), "127.0.0.1:" .. port
  fs.write(helm, ("#!/bin/sh\ntouch '%s/helm-ran'\nexit 1\n"):format(folder), { mode = tonumber("755", 8) })
  fs.write(kubeconfig, KUBECONFIG:format(port))
  return {
    platform = tree,
    state = fs.join(folder, "state"),
    pg = { host = "127.0.0.1", port = port, user = "u", sslmode = "disable" },
    vault = { addr = "http://" .. at, token = secret.new("token-of-the-test", "token"), mount = "secret" },
    kube = { config = kubeconfig },
    helm = { command = helm },
    aws = { endpoint = "http://" .. at, access_key_id = "a", secret_access_key = secret.new "b" },
    redis = { url = "redis://" .. at },
    broker = { url = "http://" .. at },
    dns = { servers = { at } },
    https = { connect_to = at },
  }
end

local function files_below(folder, into, path)
  for _, name in ipairs(fs.list(folder)) do
    local full = fs.join(folder, name)
    if fs.stat(full, false).type == "folder" then
      files_below(full, into, path .. name .. "/")
    else
      into[#into + 1] = path .. name
    end
  end
  return into
end

describe("a run for newclient", function()
  local folder, tree, came, server, run, tenant, close, before

  before_each(function()
    folder, came = fs.temp_folder(), {}
    server = httpd.serve {
      log = function() end,
      handler = function(req)
        local answer = harmless(req)
        if not answer then came[#came + 1] = req.method .. " " .. req.target end
        return 200,
          { ["content-type"] = "application/json" },
          json.encode(answer or { data = { data = {}, metadata = { version = 1 } } })
      end,
    }
    tree = make_tree(folder)
    local config = configuration(folder, tree, server.port)
    local scope
    tenant, scope = tenants.load(sandbox.new(project.at(fs.cwd())), config, "newclient")
    tenant.id = "TIDLT-100008"
    local client
    local modules = {}
    for i, name in ipairs(MODULES) do
      modules[i] = effects.find(name)
    end
    run = small_run.new {
      scope = scope,
      config = config,
      modules = modules,
      clients = setmetatable({}, { __index = function(_, name) return client(name) end }),
    }
    client, close = clients.new(config, scope, run)
    run.sandbox, run.ctx.tenant, run.ctx.run_id, run.folder = { where = function() end }, tenant, run.id, folder
    before = files_below(tree, {}, "")
  end)

  after_each(function()
    close()
    server:stop()
    fs.remove_tree(folder)
  end)

  local function went_out()
    return #came > 0 and table.concat(came, ", ") or fs.exists(fs.join(folder, "helm-ran")) and "helm"
  end

  -- Each attempt is refused, and nothing of it was seen outside.
  local function refused(what, fn, ...)
    local problem = raised(fn, ...)
    local shown = ("%s: %s: %s"):format(what, problem.kind, tostring(problem))
    assert.is_true(problem.kind == "refused" or problem.kind == "input", shown)
    assert.is_falsy(went_out(), what)
  end

  local function each_refused(fn, ...)
    for _, value in ipairs { ... } do
      refused(("%q"):format(value), fn, value)
    end
  end

  -- What the tenant may do goes out: or the counting would prove nothing.
  local function goes_out(fn, ...)
    local _, problem = pcall(task.timeout, 5, fn, ...)
    assert.is_truthy(went_out(), tostring(problem))
    came = {}
  end

  it("reaches no other's secrets in Vault", function()
    local api, client = run.api.vault, run.client("vault")
    local bad = {
      "../newclient-sbx/x",
      "../../urbanos/x",
      "a/../../../urbanos/x",
      "x\0y",
      "%2e%2e/urbanos/x",
      "",
      "/x",
      "x/",
      "./x",
      "x/..",
      "a//b",
      "a\\..\\b",
      "x?list=true",
      "x#y",
      "x;y",
      "a\nb",
      ("x"):rep(2000),
    }
    each_refused(api.read, table.unpack(bad))
    each_refused(function(path) return api.ensure(path, { a = "b" }) end, table.unpack(bad))
    local others = {
      "tenant/newclient-sbx/x",
      "tenant/newclient-sbx",
      "tenant/Newclient/x",
      "TENANT/newclient/x",
      "tenant/urbanos/x",
      "tenant/newclient./x",
      "tenant/newclient\0/x",
      "tenant",
      "tenant/newclien",
      "tenant/newclient/../urbanos/x",
    }
    for _, name in ipairs { "read", "delete", "list" } do
      each_refused(function(path) return client[name](client, path) end, table.unpack(others))
    end
    for _, name in ipairs { "put", "patch", "undelete" } do
      each_refused(function(path) return client[name](client, path, {}) end, table.unpack(others))
    end
    goes_out(api.read, "stripe")
  end)

  it("reaches no other's objects in the cluster", function()
    local k8s = run.api.k8s
    local others = {
      "newclient-sbx-service-sso",
      "urbanos-service-sso",
      "newclient",
      "NEWCLIENT-SERVICE-SSO",
      "newclient-service-sso.",
      "newclient-service-sso\0",
      "newclient-service-sso/../../secrets/x",
      "",
      "..",
      "newclient-service-sso?x=1",
    }
    each_refused(function(name) return k8s.get("Deployment", name) end, table.unpack(others))
    each_refused(function(name) return k8s.remove("Deployment", name) end, table.unpack(others))
    each_refused(function(name) return k8s.get("Secret", name) end, table.unpack(others))
    each_refused(function(name) return k8s.ensure_secret(name, { a = "b" }) end, table.unpack(others))
    each_refused(function(name) return k8s.scale("Deployment", name, 0) end, table.unpack(others))
    each_refused(
      function(name) return k8s.set("Deployment", name, { spec = { paused = true } }) end,
      table.unpack(others)
    )
    each_refused(function(name) return k8s.logs(name) end, table.unpack(others))
    each_refused(function(name) return k8s.events("Deployment", name) end, table.unpack(others))
    each_refused(function(name) return k8s.request(name, 8080) end, table.unpack(others))
    each_refused(function(name)
      local metadata = { name = name }
      return k8s.ensure { apiVersion = "v1", kind = "ConfigMap", metadata = metadata, data = {} }
    end, table.unpack(others))
    goes_out(k8s.get, "Deployment", "newclient-service-sso")
  end)

  it("stays in its namespaces, and below them", function()
    local k8s, own = run.api.k8s, "newclient-service-sso"
    local elsewhere =
      { "kube-system", "ingress-nginx", "Default", "default/../kube-system", "default\0", "", "default." }
    each_refused(function(namespace) return k8s.get("Deployment", own, namespace) end, table.unpack(elsewhere))
    each_refused(function(namespace) return k8s.remove("Deployment", own, namespace) end, table.unpack(elsewhere))
    each_refused(function(namespace) return k8s.list("Pod", { namespace = namespace }) end, table.unpack(elsewhere))
    each_refused(
      function(namespace) return k8s.request(own, 8080, { namespace = namespace }) end,
      table.unpack(elsewhere)
    )
    for _, cluster in ipairs { "Node", "Namespace", "PersistentVolume", "ClusterRole" } do
      refused(cluster, k8s.get, cluster, own)
      refused(cluster, k8s.remove, cluster, own)
      refused(cluster, k8s.list, cluster)
    end
    refused("secrets", k8s.list, "Secret")
  end)

  it("lists what is labelled as its own, whatever selector it names", function()
    for _, selector in ipairs {
      "tenant=urbanos",
      "app=urbanos-service-sso",
      "app!=newclient-service-sso",
      "app in (newclient-service-sso,x)",
      "",
      "!tenant",
      "a!=b,c notin (d=newclient-service-sso)",
    } do
      assert.same({}, run.api.k8s.list("Pod", { selector = selector }))
      assert.is_falsy(went_out(), selector)
    end
  end)

  it("writes nothing to what it may only look at", function()
    local k8s, ingress = run.api.k8s, { "Service", "ingress-nginx-controller", "ingress-nginx" }
    goes_out(k8s.get, table.unpack(ingress))
    pcall(k8s.list, "Service", { name = ingress[2], namespace = ingress[3] })
    came = {}
    refused("remove", k8s.remove, table.unpack(ingress))
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      refused(method, k8s.request, ingress[2], 80, { namespace = ingress[3], method = method, json = {} })
    end
    refused("shared", k8s.request, ingress[2], 80, { namespace = ingress[3], method = "POST", shared = true })
    refused("headers", k8s.request, "newclient-service-sso", 8080, { headers = { ["Impersonate-User"] = "admin" } })
  end)

  it("asks a service for nothing but the service's own paths", function()
    each_refused(
      function(path) return run.api.k8s.request("newclient-service-sso", 8080, { path = path }) end,
      "/../../../secrets",
      "/%2e%2e/%2e%2e/secrets",
      "/a/..",
      "/..%2fsecrets",
      "x",
      "",
      "/a b",
      "/a\r\nX: y",
      "/a\0"
    )
    each_refused(
      function(port) return run.api.k8s.request("newclient-service-sso", port) end,
      "80/proxy/../..",
      "80?x",
      "",
      "80:81"
    )
    goes_out(run.api.k8s.request, "newclient-service-sso", 8080, { path = "/actuator/health" })
  end)

  it("reaches no other database", function()
    local pool, admin = run.client("pg"), run.api.pg.admin
    local others = {
      "coredb-newclient-sbx",
      "coredb-urbanos",
      "CoreDB-newclient",
      "coredb-newclient\0",
      "coredb-newclient ",
      "",
      "template1",
      "coredb-newclient dbname=coredb-urbanos",
      "postgresql://127.0.0.1/coredb-urbanos",
      "coredb-newclien",
    }
    each_refused(function(name)
      return pool:with(name, function() end)
    end, table.unpack(others))
    each_refused(function(name) return pool:connect(name) end, table.unpack(others))
    each_refused(function(name) return pool:options_for(name) end, table.unpack(others))
    each_refused(function(name) return admin:ensure_database(name, {}) end, table.unpack(others))
    each_refused(
      function(name) return admin:ensure_grant(name, { all = { "admin" } }) end,
      "enginedevdb",
      "postgres",
      table.unpack(others)
    )
    refused("changed", function() run.api.pg.tenant.database = "coredb-urbanos" end)
    refused("migrations", function() run.api.pg.tenant:ensure_migrated("../outside") end)
  end)

  it("reaches no other's keys in Redis", function()
    local redis = run.api.redis
    local others = {
      "TIDLT-100001:",
      "TIDLT-1000081:",
      "TIDLT-100008",
      "TIDLT-10000",
      "tidlt-100008:",
      " TIDLT-100008:",
      "",
      "*",
      "?",
    }
    each_refused(redis.count, "TIDLT-*", "TIDLT-10000[18]:*", "*", table.unpack(others))
    each_refused(redis.clear, table.unpack(others))
    each_refused(function(glob) return redis.clear("TIDLT-100008:", glob) end, "*", "?x", "[a-z]*", "\\*", "")
    each_refused(function(key) return run.client("redis"):check_key(key) end, table.unpack(others))
  end)

  it("reaches no other's queues", function()
    local broker, client = run.api.broker, run.client("broker")
    local others = {
      "TIDLT-100001.x",
      "TIDLT-1000081.x",
      "TIDLT-100008",
      "tidlt-100008.x",
      "x",
      "",
      "TIDLT-100008.x,type=Broker",
      "TIDLT-100008.x\0",
      "TIDLT-100008.x/../y",
      "TIDLT-100008.*",
    }
    each_refused(broker.ensure_queue, table.unpack(others))
    for _, name in ipairs { "queue", "add_queue", "remove_queue" } do
      each_refused(function(queue) return client[name](client, queue) end, table.unpack(others))
    end
    each_refused(broker.queues, "", "TIDLT-", "TIDLT-100001.", "TIDLT-100008", "*")
    goes_out(broker.ensure_queue, "TIDLT-100008.x")
  end)

  it("changes no other's DNS names", function()
    local dns = run.api.dns
    local others = {
      "newclient-sbx.embrix.com",
      "urbanos.embrix.com",
      "embrix.com",
      "evilnewclient.embrix.com",
      "NEWCLIENT-SBX.embrix.com",
      "newclient.embrix.com.evil.com",
      "newclient.embrix.com\0.evil.com",
      "x..newclient.embrix.com",
      ".newclient.embrix.com",
      "newclient.embrix.com..",
      "a b.newclient.embrix.com",
      "\\052.newclient.embrix.com",
      "x/newclient.embrix.com",
      "",
      ".",
      "com",
    }
    each_refused(
      function(name)
        return dns.ensure_record { name = name, type = "CNAME", values = { "x.example.com" }, takeover = true }
      end,
      table.unpack(others)
    )
    each_refused(dns.zone, table.unpack(others))
    goes_out(dns.zone, "API.newclient.embrix.com.")
  end)

  it("writes no other's files, and none outside the tree", function()
    local files, own = run.api.files, "docs/runbooks/TENANT_newclient.md"
    local others = {
      "docs/runbooks/TENANT_newclient-sbx.md",
      "docs/runbooks/TENANT_urbanos.md",
      "docs/runbooks/tenant_newclient.md",
      "../outside/Chart.yaml",
      "/etc/passwd",
      own .. "/../TENANT_urbanos.md",
      "./" .. own,
      own .. "\0",
      own .. ".",
      own .. "/",
      "docs//runbooks/TENANT_newclient.md",
      "platform.yaml",
      "tenants/newclient.yaml",
      "tenants/urbanos.yaml",
      ".git/config",
      "",
      "core/link/Chart.yaml",
      "core/chart/Chart.yaml",
      "docs\\runbooks\\TENANT_newclient.md",
      "docs/%72unbooks/TENANT_newclient.md",
    }
    each_refused(function(path) return files.ensure(path, "x") end, table.unpack(others))
    each_refused(files.remove, table.unpack(others))
    local hidden = {
      "../outside/Chart.yaml",
      "/etc/passwd",
      ".git/config",
      "core/link/Chart.yaml",
      "core/../platform.yaml",
      "core/chart/Chart.yaml\0",
    }
    each_refused(files.read, table.unpack(hidden))
    each_refused(files.exists, "..", "../outside", "/etc", table.unpack(hidden))
    each_refused(files.list, "..", "../outside", "/etc", "core/link", "core/..", ".git", "", ".")
    assert.same(before, files_below(tree, {}, ""))
    assert.equal("created", files.ensure(own, "x"))
  end)

  it("asks no other's host", function()
    local http = run.api.http
    local function ask(url) return http.request { url = url } end
    each_refused(
      ask,
      "https://newclient-sbx.embrix.com/",
      "https://urbanos.embrix.com/",
      "https://embrix.com/",
      "https://evilnewclient.embrix.com/",
      "https://newclient.embrix.com.evil.com/",
      "https://newclient.embrix.com@evil.com/",
      "https://evil.com#.newclient.embrix.com",
      "https://evil.com?.newclient.embrix.com",
      "https://evil.com\\@newclient.embrix.com/",
      "https://newclient.embrix.com\0.evil.com/",
      "https://127.0.0.1/",
      "https://[::1]/",
      "http://169.254.169.254/latest",
      "file:///etc/passwd",
      "ftp://newclient.embrix.com/",
      "newclient.embrix.com",
      "https:newclient.embrix.com",
      "",
      "https://"
    )
    local own = "https://newclient.embrix.com/"
    each_refused(
      function(name) return http.request { url = own, headers = { [name] = "newclient-sbx.embrix.com" } } end,
      "Host",
      "host",
      "Transfer-Encoding",
      "Content-Length",
      "Connection"
    )
    each_refused(
      function(method) return http.request { url = own, method = method } end,
      "POST",
      "PUT",
      "PATCH",
      "DELETE",
      "get",
      "CONNECT"
    )
    local call = run.api.service.call
    refused("service by URL", call, { url = "https://urbanos.embrix.com/" })
    refused("plain http", call, { url = "http://newclient.embrix.com/" })
    refused("host of a service", call, { url = own, headers = { Host = "urbanos.embrix.com" } })
    refused("service by name", call, { service = "urbanos-service-sso", path = "/" })
  end)

  it("touches no other's releases", function()
    local helm = run.api.helm
    local others = {
      "newclient-sbx-service-sso",
      "urbanos-service-sso",
      "NEWCLIENT-service-sso",
      "newclient",
      "newclient-service-sso\0",
      "--kubeconfig=x",
      "-h",
      "",
      "newclient-service-sso.",
      "newclient-service-sso --all",
    }
    local function ensure(name, more)
      local o = { chart = "core/chart", values = {} }
      for key, value in pairs(more or {}) do
        o[key] = value
      end
      return helm.ensure_release(name, o)
    end
    each_refused(ensure, table.unpack(others))
    for _, name in ipairs { "remove_release", "status", "history", "previous", "repair" } do
      each_refused(helm[name], table.unpack(others))
    end
    each_refused(function(name) return helm.rollback(name, 1) end, table.unpack(others))
    local own = "newclient-service-sso"
    for _, namespace in ipairs { "kube-system", "ingress-nginx", "--all-namespaces", "-A", "", "default\0" } do
      refused(namespace, ensure, own, { namespace = namespace })
      for _, name in ipairs { "remove_release", "status", "history" } do
        refused(namespace, helm[name], own, namespace)
      end
      refused(namespace, helm.list, namespace)
    end
    each_refused(
      function(chart) return ensure(own, { chart = chart }) end,
      "..",
      "../outside",
      "/etc",
      "core/link",
      "core/../.."
    )
    goes_out(helm.status, own)
  end)

  it("is for one tenant, and stays so", function()
    refused("name", function() tenant.name = "urbanos" end)
    refused("id", function() tenant.id = "TIDLT-100001" end)
    refused("database", function() tenant.database = "coredb-urbanos" end)
    assert.same({ "TIDLT-100008:" }, run.ctx.scope.redis)
    assert.is_true(errors.is(raised(run.api.runs.find, "R-20260101-000000-0000")))
  end)
end)

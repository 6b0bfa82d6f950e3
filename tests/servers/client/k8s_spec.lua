-- The client's own behaviour, against a server that answers what each test says. The whole API is in k8s_spec.lua.
local errors = require "o2x.base.error"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local ready = require "o2x.client.k8s.ready"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local DISCOVERY = {
  ["/api"] = {
    kind = "APIGroupDiscoveryList",
    items = {
      {
        metadata = {},
        versions = {
          {
            version = "v1",
            resources = {
              {
                resource = "pods",
                singularResource = "pod",
                scope = "Namespaced",
                shortNames = { "po" },
                responseKind = { kind = "Pod" },
              },
              {
                resource = "secrets",
                singularResource = "secret",
                scope = "Namespaced",
                responseKind = { kind = "Secret" },
              },
              {
                resource = "services",
                singularResource = "service",
                scope = "Namespaced",
                shortNames = { "svc" },
                responseKind = { kind = "Service" },
              },
              {
                resource = "events",
                singularResource = "event",
                scope = "Namespaced",
                responseKind = { kind = "Event" },
              },
            },
          },
        },
      },
    },
  },
  ["/apis"] = {
    kind = "APIGroupDiscoveryList",
    items = {
      {
        metadata = { name = "apps" },
        versions = {
          {
            version = "v1",
            resources = {
              {
                resource = "deployments",
                singularResource = "deployment",
                scope = "Namespaced",
                shortNames = { "deploy" },
                responseKind = { kind = "Deployment" },
              },
            },
          },
        },
      },
      {
        metadata = { name = "example.com" },
        versions = {
          {
            version = "v2",
            resources = { { resource = "things", scope = "Cluster", responseKind = { kind = "Thing" } } },
          },
          {
            version = "v1",
            resources = { { resource = "things", scope = "Cluster", responseKind = { kind = "Thing" } } },
          },
        },
      },
    },
  },
}

local function status(code, reason, message, details)
  return code,
    { ["content-type"] = "application/json" },
    json.encode {
      kind = "Status",
      apiVersion = "v1",
      status = "Failure",
      code = code,
      reason = reason,
      message = message,
      details = details,
    }
end

local function ok(value) return 200, { ["content-type"] = "application/json" }, json.encode(value) end

local function pod(name, version, more)
  local p = { metadata = { name = name, namespace = "default", resourceVersion = tostring(version) } }
  for key, value in pairs(more or {}) do
    p[key] = value
  end
  return p
end

describe("the kubernetes client", function()
  local server, handle, requests, client, config

  before_each(function()
    requests = {}
    server = httpd.serve {
      host = "127.0.0.1",
      port = 0,
      handler = function(req)
        if DISCOVERY[req.path] and not handle(req) then return ok(DISCOVERY[req.path]) end
        requests[#requests + 1] = req
        return handle(req)
      end,
    }
    config = {
      context = "test",
      server = "http://127.0.0.1:" .. server.port,
      namespace = "default",
      token = "first",
      refreshed = 0,
      credentials = function(self) return { token = secret.new(self.token, "t") } end,
      refresh = function(self)
        self.refreshed = self.refreshed + 1
        self.token = "second"
        return true
      end,
    }
    handle = function() end
    client = k8s.new { config = config }
  end)

  after_each(function() server:stop() end)

  local function raised(fn, ...)
    local fine, e = pcall(fn, ...)
    assert.is_false(fine)
    assert.is_true(errors.is(e), tostring(e))
    return e
  end

  -- Answers every request that is not for discovery.
  local function answer(fn)
    handle = function(req)
      if not DISCOVERY[req.path] then return fn(req) end
    end
  end

  it("finds kinds by any name, the preferred version first", function()
    assert.equal("pods", client:resource("po").plural)
    assert.equal("/apis/apps/v1", client:resource("Deployment").base)
    assert.equal("v2", client:resource("things.example.com").version)
    assert.equal("v1", client:resource({ apiVersion = "example.com/v1", kind = "Thing" }).version)
    assert.is_truthy(
      table
        .concat(client:kinds():api_versions(), " ")
        :find("example.com/v1 example.com/v1/Thing example.com/v2 example.com/v2/Thing", 1, true)
    )
    local e = raised(client.resource, client, "ServiceMonitor")
    assert.equal("the cluster has no kind ServiceMonitor", e.message)
  end)

  it("finds kinds on servers that have no aggregated discovery", function()
    local lists = {
      ["/api"] = { kind = "APIVersions", versions = { "v1" } },
      ["/api/v1"] = {
        resources = {
          { name = "pods", singularName = "pod", kind = "Pod", namespaced = true },
          { name = "pods/log", kind = "Pod", namespaced = true },
        },
      },
      ["/apis"] = { kind = "APIGroupList", groups = { { name = "apps", versions = { { version = "v1" } } } } },
      ["/apis/apps/v1"] = {
        resources = {
          {
            name = "deployments",
            singularName = "",
            kind = "Deployment",
            namespaced = true,
            shortNames = { "deploy" },
          },
        },
      },
    }
    handle = function(req) return ok(lists[req.path]) end
    assert.equal("/apis/apps/v1", client:resource("deploy").base)
    assert.equal("pods", client:resource("Pod").plural)
  end)

  it("refreshes credentials once when they are refused", function()
    answer(function(req)
      if req.headers.authorization ~= "Bearer second" then return status(401, "Unauthorized", "Unauthorized") end
      return ok(pod("a", 1))
    end)
    assert.equal("a", client:get("Pod", "a").metadata.name)
    assert.equal(1, config.refreshed)
    answer(function() return status(401, "Unauthorized", "Unauthorized") end)
    local e = raised(client.get, client, "Pod", "a")
    assert.equal("unauthorised", e.kind)
    assert.equal(2, config.refreshed)
  end)

  it("lists page by page, and again from the start when a page has expired", function()
    local expired = false
    answer(function(req)
      local from = req.query.continue
      if from == "p2" and not expired then
        expired = true
        return status(410, "Expired", "The provided continue parameter is too old")
      end
      if from == "p2" then return ok { metadata = { resourceVersion = "9" }, items = { pod("b", 2) } } end
      return ok { metadata = { resourceVersion = "9", continue = "p2" }, items = { pod("a", 1) } }
    end)
    local items, version = client:list("Pod", { selector = "app=x", page = 1 })
    assert.same({ "a", "b" }, { items[1].metadata.name, items[2].metadata.name })
    assert.equal("Pod", items[1].kind)
    assert.equal("9", version)
    assert.equal(4, #requests)
    assert.equal("app=x", requests[1].query.labelSelector)
  end)

  it("does not ask again to watch what it may not", function()
    answer(function() return status(403, "Forbidden", "pods is forbidden") end)
    local read = { metadata = { name = "a", namespace = "t1", resourceVersion = "1" } }
    for _ = 1, 3 do
      local watched, problem = client:wait_change("Pod", read, 5)
      assert.is_false(watched)
      assert.equal("unauthorised", problem.kind)
    end
    assert.equal(1, #requests)
  end)

  it("keeps of a list what its reader wants, and nothing of what it does not", function()
    answer(function(req)
      if req.query.continue then return ok { metadata = {}, items = { pod("b", 2), pod("c", 3) } } end
      return ok { metadata = { continue = "p2" }, items = { pod("a", 1) } }
    end)
    local function keep(item) return item.metadata.name ~= "b" and item.kind .. " " .. item.metadata.name or nil end
    assert.same({ "Pod a", "Pod c" }, (client:list("Pod", { keep = keep })))
  end)

  it("never has a Secret's values as text", function()
    answer(
      function()
        return ok { kind = "Secret", metadata = { name = "s" }, type = "Opaque", data = { password = "aHVudGVyMg==" } }
      end
    )
    local s = client:get("Secret", "s")
    assert.is_true(secret.is(s.data.password))
    assert.equal("Opaque", s.type)
    assert.equal("refused", raised(client.list, client, "Secret").kind)
    answer(function() return status(403, "Forbidden", 'secrets "s" is forbidden') end)
    local e = raised(client.get, client, "Secret", "s")
    assert.equal("unauthorised", e.kind)
    assert.equal('Secret s: secrets "s" is forbidden', e.message)
  end)

  it("applies as o2x, and names who owns a field in conflict", function()
    answer(
      function()
        return status(409, "Conflict", "Apply failed with 1 conflict", {
          causes = {
            {
              reason = "FieldManagerConflict",
              message = 'conflict with "kubectl" using apps/v1',
              field = ".spec.replicas",
            },
          },
        })
      end
    )
    local object = { apiVersion = "apps/v1", kind = "Deployment", metadata = { name = "a" }, spec = { replicas = 2 } }
    local e = raised(client.apply, client, object)
    assert.equal("conflict", e.kind)
    assert.equal("Deployment a: fields are owned by another manager: .spec.replicas belongs to kubectl", e.message)
    assert.equal("PATCH", requests[1].method)
    assert.equal("/apis/apps/v1/namespaces/default/deployments/a?fieldManager=o2x", requests[1].target)
    assert.equal("application/apply-patch+yaml", requests[1].headers["content-type"])
    assert.same(object, json.decode(requests[1].body))
  end)

  it("tells errors apart", function()
    local cases = {
      {
        422,
        "Invalid",
        "failed",
        false,
        "Pod a is invalid: spec.x: must be y",
        { causes = { { field = "spec.x", message = "must be y" } } },
      },
      { 403, "Forbidden", "unauthorised", false },
      { 409, "Conflict", "conflict", false },
      { 503, "ServiceUnavailable", "unreachable", true },
      { 429, "TooManyRequests", "unreachable", true },
      { 504, "Timeout", "unreachable", true },
      { 500, "InternalError", "unreachable", true },
    }
    for _, case in ipairs(cases) do
      answer(function() return status(case[1], case[2], "said " .. case[2], case[6]) end)
      local e = raised(client.get, client, "Pod", "a")
      assert.equal(case[3], e.kind)
      assert.equal(case[4], e.retryable)
      assert.equal(case[1], e.code)
      assert.equal(case[5] or "Pod a: said " .. case[2], e.message)
    end
    answer(function() return 429, { ["retry-after"] = "7" }, "<html>slow down</html>" end)
    local e = raised(client.get, client, "Pod", "a")
    assert.equal(7, e.retry_after)
    assert.equal("Pod a: the API server answered 429: too many requests", e.message)
    answer(function() return 200, {}, "<html>welcome</html>" end)
    assert.equal("Pod a: the answer is not JSON", raised(client.get, client, "Pod", "a").message)
    answer(function() return status(404, "NotFound", "no") end)
    assert.is_nil(client:get("Pod", "a"))
    assert.is_false(client:delete("Pod", "a"))
  end)

  it("asks only for what the run may touch", function()
    local bound =
      k8s.new { config = config, scope = { namespace = "default", names = { "mine" }, label = { "tenant", "t" } } }
    answer(function(req)
      if req.path:find("/log$") then return 200, {}, "line\n" end
      return ok { metadata = {}, items = { pod("mine-abc", 1) } }
    end)
    client:kinds()
    bound.known = client.known
    requests = {}
    assert.equal("refused", raised(bound.get, bound, "Deployment", "yours").kind)
    assert.equal("refused", raised(bound.delete, bound, "Deployment", "mine2").kind)
    assert.equal("refused", raised(bound.request, bound, "yours", 80, { path = "/" }).kind)
    assert.equal(0, #requests)
    assert.equal("line\n", bound:logs("mine-abc"))
    assert.equal("tenant=t", requests[1].query.labelSelector)
    assert.equal("refused", raised(bound.logs, bound, "mine-xyz").kind)
    for _, req in ipairs(requests) do
      assert.is_nil(req.target:find("xyz"))
    end
  end)

  it("sends requests to services, and takes their answers as they are", function()
    answer(function(req)
      if req.target:find("/down") then
        return status(503, "ServiceUnavailable", "no endpoints available for service")
      end
      return 500, { ["content-type"] = "application/json" }, json.encode { path = req.target, got = req.body }
    end)
    local r = client:request("s", 8080, { method = "POST", path = "/a/b?c=d", json = { k = secret.new("v", "x") } })
    assert.equal(500, r.status)
    assert.equal("/api/v1/namespaces/default/services/s:8080/proxy/a/b?c=d", r.json.path)
    assert.equal('{"k":"v"}', r.json.got)
    client:request("s", 8080, { headers = { authorization = "Bearer " .. secret.new("theirs", "t") } })
    assert.equal("Bearer first", requests[#requests].headers.authorization)
    assert.equal("Bearer theirs", requests[#requests].headers["x-forwarded-authorization"])
    assert.equal("unreachable", raised(client.request, client, "s", 8080, { path = "/down" }).kind)
    for _, path in ipairs { "/../x", "/a/..", "/%2e%2e/x", "/a/%2E./x", "x", "/a b", "/a\r\nX: y", "/..%2f..%2fx" } do
      assert.equal("input", raised(client.request, client, "s", 8080, { path = path }).kind, path)
    end
    assert.equal("input", raised(client.request, client, "s", "80/x", {}).kind)
  end)

  describe("watching", function()
    local lists, streams

    -- Each list gives the next of `lists`; each stream runs the next of `streams` with a writer.
    before_each(function()
      lists, streams = {}, {}
      answer(function(req)
        if not req.query.watch then return ok(table.remove(lists, 1)) end
        local script = table.remove(streams, 1)
        if type(script) == "function" then
          local writer = req:stream(200, { ["content-type"] = "application/json" })
          script(writer, req)
          writer:close()
          return
        end
        return table.unpack(script)
      end)
    end)

    local function list(version, ...)
      local metadata = { resourceVersion = version }
      table.insert(lists, { metadata = metadata, items = { ... } })
    end

    local function send(writer, kind, object) writer:write(json.encode { type = kind, object = object } .. "\n") end

    local function names(items)
      local found = {}
      for name in pairs(items) do
        found[#found + 1] = name
      end
      table.sort(found)
      return table.concat(found, " ")
    end

    local function follow(until_)
      local seen = {}
      client:watch("Pod", { seconds = 60 }, function(items)
        seen[#seen + 1] = names(items)
        return seen[#seen] == until_ or nil
      end)
      server:stop() -- a stream's connection counts as open until then
      return seen
    end

    it("sees the present state, then each change", function()
      list("5", pod("a", 1))
      streams[1] = function(w)
        send(w, "ADDED", pod("b", 6))
        send(w, "BOOKMARK", pod("", 7))
        send(w, "DELETED", pod("a", 8))
      end
      assert.same({ "a", "a b", "b" }, follow("b"))
      assert.equal("5", requests[2].query.resourceVersion)
    end)

    it("goes on at the last version when the stream ends or breaks", function()
      list("5")
      streams[1] = function(w)
        send(w, "ADDED", pod("a", 6))
        send(w, "BOOKMARK", pod("", 9))
      end
      streams[2] = function(w) w:write('{"type":"ADDED","object":{"metad') end
      streams[3] = { status(503, "ServiceUnavailable", "starting") }
      streams[4] = function(w) send(w, "ADDED", pod("b", 10)) end
      assert.same({ "", "a", "a b" }, follow("a b"))
      local versions = {}
      for i = 2, #requests do
        versions[#versions + 1] = requests[i].query.resourceVersion
      end
      assert.same({ "5", "9", "9", "9" }, versions)
    end)

    it("lists anew when its version has expired", function()
      list("5", pod("a", 1))
      list("100", pod("c", 90))
      list("200", pod("d", 190))
      streams[1] = function(w)
        send(w, "ERROR", { kind = "Status", code = 410, reason = "Expired", message = "too old" })
      end
      streams[2] = { status(410, "Expired", "too old resource version") }
      assert.same({ "a", "c", "d" }, follow("d"))
    end)

    it("gives up on a refusal, and when its time is over", function()
      list("5")
      streams[1] = { status(403, "Forbidden", "no watch for you") }
      assert.equal("unauthorised", raised(client.watch, client, "Pod", { seconds = 60 }, function() end).kind)
      list("5")
      streams[1] = function(w)
        while not w:closed() do
          task.sleep(0.01)
        end
      end
      assert.equal("timeout", raised(client.watch, client, "Pod", { seconds = 0.1 }, function() end).kind)
      server:stop()
    end)
  end)

  describe("waiting until something is ready", function()
    local function deployment(available)
      return {
        apiVersion = "apps/v1",
        kind = "Deployment",
        metadata = { name = "d", namespace = "default", generation = 1 },
        spec = { replicas = 2, selector = { matchLabels = { app = "d" } } },
        status = { observedGeneration = 1, replicas = 2, updatedReplicas = 2, availableReplicas = available },
      }
    end

    it("sees it at once, by a watch of the object", function()
      local looks, changed = 0, deployment(1)
      changed.metadata.resourceVersion = "7"
      answer(function(req)
        if not req.query.watch then
          looks = looks + 1
          return ok(changed)
        end
        assert.equal("metadata.name=d 7", ("%s %s"):format(req.query.fieldSelector, req.query.resourceVersion))
        local writer = req:stream(200, { ["content-type"] = "application/json" })
        task.sleep(0.1) -- longer than some looks at pauses would take
        changed = deployment(2)
        writer:write(
          json.encode { type = "MODIFIED", object = { metadata = { name = "d", resourceVersion = "8" } } } .. "\n"
        )
        writer:close()
      end)
      ready.wait(client, "Deployment", "d", { seconds = 60 })
      assert.equal(2, looks)
    end)

    it("is polled where it may not be watched", function()
      local looks, watches = 0, 0
      answer(function(req)
        if req.query.watch then
          watches = watches + 1
          return status(403, "Forbidden", "no watch for you")
        end
        looks = looks + 1
        return ok(deployment(looks < 4 and 1 or 2))
      end)
      ready.wait(client, "Deployment", "d", { seconds = 60 })
      assert.same({ 4, 1 }, { looks, watches })
    end)

    it("goes on through passing faults", function()
      local n, said = 0, {}
      answer(function(req)
        if req.query.watch then return status(503, "ServiceUnavailable", "no watch now") end
        n = n + 1
        if n == 2 then return status(503, "ServiceUnavailable", "restarting") end
        return ok(deployment(n < 4 and 1 or 2))
      end)
      ready.wait(client, "Deployment", "d", { seconds = 60, progress = function(text) said[#said + 1] = text end })
      assert.same(
        { "Deployment d: 1 of 2 pods ready", "Deployment d: restarting", "Deployment d: 1 of 2 pods ready" },
        said
      )
    end)

    it("tells why it never came: pods, events, log", function()
      answer(function(req)
        if req.path:find("deployments") then return ok(deployment(0)) end
        if req.path:find("/log$") then return 200, {}, req.query.previous and "Caused by: no database\n" or "" end
        if req.path:find("events") then
          local about = req.query.fieldSelector:match("name=([^,]+)")
          if about == "d" then return ok { metadata = {}, items = {} } end
          return ok {
            metadata = {},
            items = {
              {
                metadata = {},
                type = "Warning",
                reason = "BackOff",
                message = "Back-off restarting failed container",
                count = 3,
                lastTimestamp = "2026-01-02T00:00:00Z",
              },
              {
                metadata = {},
                type = "Normal",
                reason = "Scheduled",
                message = "Assigned",
                lastTimestamp = json.null,
                eventTime = "2026-01-01T00:00:00.500000Z",
                count = json.null,
                series = json.null,
              },
              {
                metadata = {},
                type = "Normal",
                reason = "Pulled",
                message = "Image pulled",
                lastTimestamp = "2026-01-01T00:00:01Z",
              },
            },
          }
        end
        return ok {
          metadata = {},
          items = {
            pod("d-1", 1, {
              status = {
                phase = "Running",
                containerStatuses = {
                  {
                    restartCount = 3,
                    state = { waiting = { reason = "CrashLoopBackOff", message = "back-off 40s" } },
                  },
                },
              },
            }),
          },
        }
      end)
      local e = raised(ready.wait, client, "Deployment", "d", { seconds = 0.3 })
      assert.equal("failed", e.kind)
      assert.equal("Deployment d is not ready after 0 s: 0 of 2 pods ready", e.message)
      assert.same({
        "  pod    d-1: CrashLoopBackOff (3 restarts): back-off 40s",
        "  event  Scheduled pod/d-1: Assigned",
        "  event  Pulled pod/d-1: Image pulled",
        "  event  BackOff pod/d-1: Back-off restarting failed container (3 times)",
        "  log    Caused by: no database",
      }, e.details)
    end)

    it("does not wait for pods that are stuck", function()
      answer(function(req)
        if req.path:find("deployments") then return ok(deployment(0)) end
        return ok {
          metadata = {},
          items = req.path:find("pods")
              and {
                pod("d-1", 1, {
                  status = {
                    phase = "Pending",
                    containerStatuses = {
                      {
                        restartCount = 0,
                        state = { waiting = { reason = "ImagePullBackOff", message = 'Back-off pulling image "x"' } },
                      },
                    },
                  },
                }),
              }
            or {},
        }
      end)
      local start, said = task.now(), {}
      local e = raised(
        ready.wait,
        client,
        "Deployment",
        "d",
        { seconds = 100, patience = 0, progress = function(text) said[#said + 1] = text end }
      )
      assert.is_true(task.now() - start < 60)
      assert.equal(
        'Deployment d fails to become ready: 0 of 2 pods ready; ImagePullBackOff: Back-off pulling image "x"',
        e.message
      )
      assert.equal("Deployment d: 0 of 2 pods ready", said[1])
    end)

    it("says that it does not exist", function()
      answer(function() return status(404, "NotFound", "no") end)
      local e = raised(ready.wait, client, "Deployment", "d", { seconds = 0.4 })
      assert.equal("Deployment d is not ready after 0 s: it does not exist", e.message)
    end)
  end)
end)

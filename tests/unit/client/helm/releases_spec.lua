-- Records as helm writes them are in tests/reference/releases_spec.lua; here is what else a cluster may answer.
local crypto = require "o2x.base.crypto"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local releases = require "o2x.client.helm.releases"

local function record(name, revision, status, more)
  local one = {
    name = name,
    version = revision,
    info = { status = status, last_deployed = "2026-02-10T12:00:00Z", description = "Upgrade complete" },
    chart = { metadata = { name = "sso", version = "1.2.0", appVersion = "v1" } },
    config = { level = "INFO" },
    manifest = "kind: A\n",
  }
  for key, value in pairs(more or {}) do
    one[key] = value
  end
  return one
end

local function gzipped(text) return proc.run({ argv = { "gzip", "-c" }, stdin = text }).stdout end

local function secret(name, revision, status, text)
  return {
    metadata = {
      name = ("sh.helm.release.v1.%s.v%d"):format(name, revision),
      namespace = "prod",
      labels = { owner = "helm", name = name, version = tostring(revision), status = status },
    },
    data = { release = crypto.base64(crypto.base64(text)) },
  }
end

local function good(name, revision, status, more)
  return secret(name, revision, status, gzipped(json.encode(record(name, revision, status, more))))
end

-- The few selectors that are asked with.
local function matches(object, selector)
  local labels = object.metadata.labels
  for status in selector:gmatch "status=(%w+)" do
    if labels.status ~= status then return false end
  end
  local other = selector:match "status!=(%w+)"
  if other and labels.status == other then return false end
  local name, names = selector:match ",name=([%w-]+)", selector:match "name in %(([^)]*)%)"
  if name and name ~= labels.name then return false end
  return not names or ("," .. names .. ","):find("," .. labels.name .. ",", 1, true) ~= nil
end

-- A cluster with these Secrets; `asked` has the requests.
local function cluster(objects)
  local k8s = { asked = {} }
  function k8s:collection(resource, namespace) return ("/%s/%s"):format(namespace, resource.plural) end
  function k8s:pages(_, _, o, fn)
    self.asked[#self.asked + 1] = o
    local items = {}
    for _, object in ipairs(objects) do
      if matches(object, o.selector) then
        items[#items + 1] = { metadata = object.metadata, data = not o.accept and object.data or nil }
      end
    end
    fn { items = items }
    return true
  end
  function k8s:send(_, path)
    self.asked[#self.asked + 1] = path
    for _, object in ipairs(objects) do
      if path == "/prod/secrets/" .. object.metadata.name then
        return { status = 200, headers = {}, body = json.encode(object) }
      end
    end
    return { status = 404, headers = {}, body = "{}" }
  end
  return k8s
end

local function of(objects, names) return releases.new(cluster(objects), names) end

-- As in a plan, where one look serves all readers.
local function shared(objects)
  local k8s = cluster(objects)
  k8s.shares = true
  return releases.new(k8s), k8s
end

local function shown(list)
  for i, one in ipairs(list) do
    list[i] = ("%s %d %s"):format(one.name, one.revision, one.status)
  end
  return list
end

describe("a record", function()
  it("is read, packed or not", function()
    local text = json.encode(record("sso", 3, "deployed"))
    for _, bytes in ipairs { text, gzipped(text) } do
      local found = releases.decode(secret("sso", 3, "deployed", bytes))
      assert.same({
        name = "sso",
        revision = 3,
        status = "deployed",
        chart = "sso-1.2.0",
        app_version = "v1",
        updated = "2026-02-10T12:00:00Z",
        description = "Upgrade complete",
        config = { level = "INFO" },
        manifest = "kind: A\n",
        hooks = {},
        labels = { owner = "helm", name = "sso", version = "3", status = "deployed" },
      }, found)
    end
  end)

  it("may lack what helm leaves out", function()
    local bare = json.encode { name = "sso", version = 1, info = { status = "failed" }, config = json.null }
    local found = releases.decode(secret("sso", 1, "failed", bare))
    assert.same({ {}, "", {}, "MISSING-MISSING" }, { found.config, found.manifest, found.hooks, found.chart })
  end)

  it("may have numbers that only a float can hold", function()
    local text = json.encode(record("sso", 1, "deployed")):gsub('"level":"INFO"', '"a":18446744073709551616,"b":1e20')
    local config = releases.decode(secret("sso", 1, "deployed", text)).config
    assert.same({ a = 2.0 ^ 64, b = 1e20 }, config)
  end)
end)

describe("the releases of a namespace", function()
  local SOME = {
    good("sso", 1, "superseded"),
    good("sso", 2, "deployed"),
    good("bill", 1, "deployed"),
    good("bill", 2, "failed"),
    good("old", 3, "uninstalled"),
  }

  it("are the newest revisions, in two requests", function()
    local k8s = cluster(SOME)
    local list = releases.new(k8s):list "prod"
    assert.same({ "bill 2 failed", "old 3 uninstalled", "sso 2 deployed" }, shown(list))
    assert.equal(2, #k8s.asked)
    assert.is_nil(k8s.asked[1].accept)
    assert.matches("PartialObjectMetadataList", k8s.asked[2].accept)
  end)

  it("are asked for by their names where not all are granted", function()
    local k8s = cluster(SOME)
    assert.same({ "sso 2 deployed" }, shown(releases.new(k8s, { "sso", "crm" }):list "prod"))
    for _, asked in ipairs(k8s.asked) do
      assert.matches("^owner=helm,name in %(sso,crm%),", asked.selector)
    end
    assert.same({}, releases.new(k8s, {}):list "prod")
    assert.equal(2, #k8s.asked)
  end)

  it("do not hold one whose record says another name than its label", function()
    local stray = good("sso", 9, "deployed", { name = "other" })
    assert.same({}, of({ stray }, { "sso" }):list "prod")
  end)

  it("hold one whose newest revision is superseded", function()
    local found = of { good("sso", 1, "deployed"), good("sso", 2, "superseded") }
    assert.same({ "sso 2 superseded" }, shown(found:list "prod"))
    assert.equal(2, found:newest("sso", "prod").revision)
  end)

  it("are looked at once in a plan", function()
    local found, k8s = shared(SOME)
    found:list "prod"
    assert.equal(2, found:newest("sso", "prod").revision)
    assert.equal(2, found:newest("bill", "prod").revision)
    assert.equal(2, #k8s.asked)
  end)
end)

describe("one release", function()
  it("is looked at each time in a run, and no other one is read", function()
    local objects = { good("sso", 1, "deployed"), good("bill", 1, "deployed") }
    local k8s = cluster(objects)
    local found = releases.new(k8s)
    assert.equal(1, found:newest("sso", "prod").revision)
    objects[1].metadata.labels.status = "superseded"
    table.insert(objects, good("sso", 2, "deployed")) -- by somebody else
    assert.equal(2, found:newest("sso", "prod").revision)
    assert.same({ "/prod/secrets/sh.helm.release.v1.sso.v1", "/prod/secrets/sh.helm.release.v1.sso.v2" }, {
      k8s.asked[2],
      k8s.asked[4],
    })
    assert.is_nil(found:newest("none", "prod"))
    assert.equal(5, #k8s.asked)
  end)

  it("is found though the label of its revision is lost", function()
    local objects = { good("sso", 9, "superseded"), good("sso", 10, "deployed") }
    objects[2].metadata.labels.version = nil
    assert.equal(10, of(objects):newest("sso", "prod").revision)
    assert.equal(10, (shared(objects)):newest("sso", "prod").revision)
  end)

  it("is read again when its newest record was pruned meanwhile", function()
    local objects = { good("sso", 1, "deployed") }
    local k8s = cluster(objects)
    local send = k8s.send
    function k8s:send(method, path)
      if #self.asked == 1 then objects[1] = good("sso", 2, "deployed") end
      return send(self, method, path)
    end
    assert.equal(2, releases.new(k8s):newest("sso", "prod").revision)
  end)

  it("has its revisions in their order", function()
    local found = of { good("sso", 10, "deployed"), good("sso", 9, "superseded"), good("bill", 1, "deployed") }
    assert.same({ "sso 9 superseded", "sso 10 deployed" }, shown(found:history("sso", "prod")))
    assert.equal(9, found:get("sso", "prod", 9).revision)
    assert.is_nil(found:get("sso", "prod", 8))
    assert.is_nil(found:newest("none", "prod"))
    assert.same({}, found:history("none", "prod"))
  end)
end)

describe("a record that was read", function()
  it("is not taken apart again until its Secret has changed", function()
    local object = good("a-app", 1, "deployed")
    object.metadata.uid, object.metadata.resourceVersion = "u1", "7"
    local client = releases.new(cluster { object })
    local first = client:newest("a-app", "prod")
    assert.equal(first, client:newest("a-app", "prod"))
    assert.equal(first, client:get("a-app", "prod", 1))
    assert.equal(first, client:history("a-app", "prod")[1])
    object.data, object.metadata.resourceVersion = good("a-app", 1, "failed").data, "8"
    assert.equal("failed", client:newest("a-app", "prod").status)
    object.data, object.metadata.uid = good("a-app", 1, "deployed").data, "u2"
    assert.equal("deployed", client:newest("a-app", "prod").status)
  end)
end)

describe("a damaged record", function()
  local text = json.encode(record("sso", 2, "deployed"))
  local CASES <const> = {
    ["no base64"] = { metadata = secret("sso", 2, "deployed", "").metadata, data = { release = "%%" } },
    ["no data"] = { metadata = secret("sso", 2, "deployed", "").metadata },
    ["cut gzip"] = secret("sso", 2, "deployed", gzipped(text):sub(1, -20)),
    ["no JSON"] = secret("sso", 2, "deployed", "<html>"),
    ["cut JSON"] = secret("sso", 2, "deployed", text:sub(1, -3)),
    ["a list"] = secret("sso", 2, "deployed", "[1]"),
    ["no name"] = secret("sso", 2, "deployed", '{"version":2,"info":{"status":"deployed"}}'),
    ["a text as version"] = secret("sso", 2, "deployed", '{"name":"sso","version":"2","info":{"status":"s"}}'),
    ["no status"] = secret("sso", 2, "deployed", '{"name":"sso","version":2,"info":{}}'),
    ["info a list"] = secret("sso", 2, "deployed", '{"name":"sso","version":2,"info":[1]}'),
    ["config a text"] = good("sso", 2, "deployed", { config = "x" }),
    ["manifest a map"] = good("sso", 2, "deployed", { manifest = { a = 1 } }),
    ["hooks a text"] = good("sso", 2, "deployed", { hooks = "x" }),
  }
  for what, object in pairs(CASES) do
    it("is skipped in lists, and an error where it counts: " .. what, function()
      local found = of { good("sso", 1, "deployed"), object }
      assert.same({ "sso 1 deployed" }, shown(found:list "prod"))
      assert.same({ "sso 1 deployed" }, shown(found:history("sso", "prod")))
      local plan = shared { good("sso", 1, "deployed"), object }
      for _, e in ipairs {
        raised(found.newest, found, "sso", "prod"),
        raised(plan.newest, plan, "sso", "prod"),
        raised(found.get, found, "sso", "prod", 2),
      } do
        assert.equal("failed", e.kind)
        assert.matches("release sso: its record sh.helm.release.v1.sso.v2 is damaged: ", e.message)
        assert.matches("^kubectl delete secret sh.helm.release.v1.sso.v2 %-n prod", e.hint)
      end
    end)
  end

  it("is not what helm can read, and o2x cannot: nobody is told to remove it", function()
    local deep = record("sso", 2, "deployed")
    deep.config = json.decode(('{"a":'):rep(200) .. "1" .. ("}"):rep(200))
    local deeper = json.encode(deep):gsub('"a":1', '"a":' .. ('{"a":'):rep(100) .. "1" .. ("}"):rep(100))
    local found = of { good("sso", 1, "deployed"), secret("sso", 2, "deployed", deeper) }
    local e = raised(found.newest, found, "sso", "prod")
    assert.equal(
      "release sso: its record sh.helm.release.v1.sso.v2 cannot be read: nested deeper than 256 levels",
      e.message
    )
    assert.matches("^helm get values sso %-n prod shows what it has", e.hint)
  end)

  it("that is superseded is skipped for the newest that can be read, by all that share one look", function()
    local objects = {
      good("sso", 1, "superseded"),
      secret("sso", 2, "superseded", "null"),
      secret("sso", 10, "superseded", "null"),
      good("bill", 1, "deployed"),
    }
    assert.same({ "bill 1 deployed", "sso 1 superseded" }, shown(of(objects):list "prod"))
    local plan = shared(objects)
    assert.equal(1, plan:newest("bill", "prod").revision)
    assert.matches("v10 is damaged", raised(plan.newest, plan, "sso", "prod").message)
  end)

  it("that is not the newest does no harm", function()
    local found = of { CASES["cut gzip"], good("sso", 3, "deployed") }
    assert.equal(3, found:newest("sso", "prod").revision)
  end)
end)

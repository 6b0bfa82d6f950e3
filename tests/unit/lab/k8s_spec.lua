-- The pure parts of the lab's Kubernetes: quantities, selectors, patches, managed fields, protobuf, canonical form.
local crypto = require "o2x.base.crypto"
local columns = require "lab.k8s.columns"
local fieldset = require "lab.k8s.fieldset"
local json = require "o2x.base.json"
local kinds = require "lab.k8s.kinds"
local managed = require "lab.k8s.managed_fields"
local normalise = require "lab.k8s.normalise"
local patch = require "lab.k8s.patch"
local protobuf = require "lab.k8s.protobuf"
local quantity = require "lab.k8s.quantity"
local selector = require "lab.k8s.selector"
local types = require "lab.k8s.types"
local value = require "lab.k8s.value"

local DEPLOYMENT, CLAIM = kinds.at("apps/v1", "deployments"), kinds.at("v1", "persistentvolumeclaims")

describe("a quantity", function()
  it("is written as the API server writes it", function()
    for given, wanted in pairs {
      ["1000m"] = "1",
      ["0.5"] = "500m",
      ["1.5Gi"] = "1536Mi",
      ["1024Mi"] = "1Gi",
      ["1000"] = "1k",
      ["0"] = "0",
      ["1e3"] = "1e3",
      ["0.1Gi"] = "107374182400m",
      ["100Gi"] = "100Gi",
      ["1.50"] = "1500m",
      ["-1"] = "-1",
    } do
      assert.equal(wanted, quantity.canonical(given))
    end
    assert.equal("2", quantity.canonical(2))
  end)

  it("is refused when it is none", function()
    for _, text in ipairs { "", "abc", "1 Gi", "1Gb", "--1", "1.2.3" } do
      assert.is_nil(quantity.canonical(text))
    end
  end)

  it("has a value", function() end)
end)

describe("a label selector", function()
  local function selects(text, labels) return selector.matches(assert(selector.parse(text)), labels) end

  it("knows every operator", function()
    local labels = { app = "sso", tier = "core" }
    assert.is_true(selects("app=sso,tier==core", labels))
    assert.is_true(selects("app in (billing, sso),tier notin (edge)", labels))
    assert.is_true(selects("app,!canary,app!=billing,other!=x", labels))
    assert.is_false(selects("app in (billing)", labels))
    assert.is_false(selects("canary", labels))
    assert.is_true(selects("", nil))
  end)

  it(
    "never takes a name for the beginning of another",
    function() assert.is_false(selects("tenant=newclient", { tenant = "newclient-sbx" })) end
  )

  it("says what it does not understand", function()
    local _, message = selector.parse("a in b")
    assert.matches("unable to parse requirement", message)
  end)
end)

describe("a patch", function()
  local pod = {
    metadata = { labels = { a = "1", b = "2" }, finalizers = value.array { "x", "y" } },
    spec = {
      containers = value.array {
        { name = "app", image = "i:1", env = value.array { { name = "A", value = "1" } } },
        { name = "side", image = "s:1" },
      },
    },
  }
  local function strategic(p) return patch.strategic("Pod", pod, p) end
  local function names(list)
    local t = {}
    for i, item in ipairs(list) do
      t[i] = item.name
    end
    return table.concat(t, " ")
  end

  it("merges, and null removes", function()
    local result =
      patch.merge(pod, { metadata = { labels = { a = json.null, c = "3" } }, spec = { containers = value.array {} } })
    assert.same({ b = "2", c = "3" }, result.metadata.labels)
    assert.equal(0, #result.spec.containers)
    assert.equal("1", pod.metadata.labels.a)
  end)

  it("merges lists by their keys when it is strategic", function()
    local result = strategic {
      spec = {
        containers = {
          { name = "app", image = "i:2", env = { { name = "B", value = "2" } } },
          { name = "new", image = "n:1" },
        },
      },
    }
    assert.equal("app new side", names(result.spec.containers))
    assert.equal("i:2", result.spec.containers[1].image)
    assert.equal("B A", names(result.spec.containers[1].env))
  end)

  it("follows $setElementOrder, $patch and $deleteFromPrimitiveList", function()
    local result = strategic {
      metadata = { ["$deleteFromPrimitiveList/finalizers"] = { "x" } },
      spec = {
        ["$setElementOrder/containers"] = { { name = "new" }, { name = "app" } },
        containers = { { name = "new", image = "n:1" }, { ["$patch"] = "delete", name = "side" } },
      },
    }
    assert.equal("new app", names(result.spec.containers))
    assert.same({ "y" }, { table.unpack(result.metadata.finalizers) })
    result = strategic { spec = { containers = { { ["$patch"] = "replace" }, { name = "only" } } } }
    assert.equal("only", names(result.spec.containers))
    result = strategic { metadata = { labels = { ["$patch"] = "replace", z = "26" } } }
    assert.same({ z = "26" }, result.metadata.labels)
  end)

  it("replaces lists that have no merge key", function()
    local result = strategic { spec = { tolerations = { { key = "a" } } } }
    assert.same({ { key = "a" } }, { table.unpack(result.spec.tolerations) })
  end)

  it("does what RFC 6902 says", function()
    local result = patch.json(pod, {
      { op = "test", path = "/metadata/labels/a", value = "1" },
      { op = "add", path = "/metadata/labels/x~1y", value = "z" },
      { op = "remove", path = "/metadata/labels/b" },
      { op = "add", path = "/spec/containers/0", value = { name = "first" } },
      { op = "replace", path = "/spec/containers/1/image", value = "i:3" },
      { op = "add", path = "/spec/containers/-", value = { name = "last" } },
    })
    assert.same({ a = "1", ["x/y"] = "z" }, result.metadata.labels)
    assert.equal("first app side last", names(result.spec.containers))
    assert.equal("i:3", result.spec.containers[2].image)
    local _, message = patch.json(pod, { { op = "test", path = "/metadata/labels/a", value = "2" } })
    assert.matches("test failed", message)
    _, message = patch.json(pod, { { op = "remove", path = "/metadata/nosuch" } })
    assert.matches("missing path", message)
  end)
end)

describe("managed fields", function()
  local function writer(manager, operation)
    return { manager = manager, operation = operation or "Update", api_version = "v1", time = "t" }
  end
  local function claim(labels, storage)
    return {
      apiVersion = "v1",
      kind = "PersistentVolumeClaim",
      metadata = { name = "c", namespace = "n", labels = labels },
      spec = { accessModes = value.array { "ReadWriteMany" }, resources = { requests = { storage = storage } } },
    }
  end
  local function entry(object, manager)
    for _, e in ipairs(object.metadata.managedFields or {}) do
      if e.manager == manager then return e end
    end
  end
  local function same(object) return object end

  it("are those of the recorded server after a creation", function()
    local object = claim({ tenant = "a" }, "100Gi")
    managed.update(CLAIM, nil, object, writer "kubectl")
    assert.same({
      ["f:metadata"] = { ["f:labels"] = { ["."] = {}, ["f:tenant"] = {} } },
      ["f:spec"] = {
        ["f:accessModes"] = {},
        ["f:resources"] = { ["f:requests"] = { ["."] = {}, ["f:storage"] = {} } },
      },
    }, entry(object, "kubectl").fieldsV1)
  end)

  it("go to whoever changes a field, and nobody keeps what is gone", function()
    local live = claim({ tenant = "a", old = "x" }, "100Gi")
    managed.update(CLAIM, nil, live, writer "first")
    local object = value.copy(live)
    object.metadata.labels = { tenant = "b" }
    managed.update(CLAIM, live, object, writer "second")
    assert.same({ ["f:metadata"] = { ["f:labels"] = { ["f:tenant"] = {} } } }, entry(object, "second").fieldsV1)
    assert.same({ ["f:labels"] = {} }, entry(object, "first").fieldsV1["f:metadata"])
  end)

  it("stop an apply that would take another's field, unless it is forced", function()
    local live = claim({ tenant = "a" }, "100Gi")
    managed.update(CLAIM, nil, live, writer "kubectl")
    local config =
      { apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = { name = "c", labels = { tenant = "b" } } }
    local result, conflicts = managed.apply(CLAIM, live, config, writer("o2x", "Apply"), false, same)
    assert.is_nil(result)
    assert.same({ { message = 'conflict with "kubectl" using v1', field = ".metadata.labels.tenant" } }, conflicts)
    result = managed.apply(CLAIM, live, config, writer("o2x", "Apply"), true, same)
    assert.equal("b", result.metadata.labels.tenant)
    assert.equal("100Gi", result.spec.resources.requests.storage)
  end)

  it("let an apply take back what it no longer says", function()
    local config = claim({ tenant = "a", extra = "x" }, "100Gi")
    local live = managed.apply(CLAIM, nil, config, writer("o2x", "Apply"), false, same)
    live = managed.apply(CLAIM, live, claim({ tenant = "a" }, "100Gi"), writer("o2x", "Apply"), false, same)
    assert.same({ tenant = "a" }, live.metadata.labels)
  end)

  it("merge keyed lists element by element under an apply", function()
    local function deployment(container)
      return {
        apiVersion = "apps/v1",
        kind = "Deployment",
        metadata = { name = "d", namespace = "n" },
        spec = { template = { spec = { containers = value.array { container } } } },
      }
    end
    local live =
      managed.apply(DEPLOYMENT, nil, deployment { name = "app", image = "i:1" }, writer("a", "Apply"), false, same)
    live =
      managed.apply(DEPLOYMENT, live, deployment { name = "side", image = "s:1" }, writer("b", "Apply"), false, same)
    assert.equal(2, #live.spec.template.spec.containers)
    live = managed.apply(
      DEPLOYMENT,
      live,
      { apiVersion = "apps/v1", kind = "Deployment", metadata = { name = "d" } },
      writer("b", "Apply"),
      false,
      same
    )
    assert.equal("app", live.spec.template.spec.containers[1].name)
    assert.equal(1, #live.spec.template.spec.containers)
  end)

  it("are a set with union, difference and paths", function()
    local a = fieldset.from_fields { ["f:x"] = {}, ["f:y"] = { ["."] = {}, ["f:z"] = {} } }
    local b = fieldset.from_fields { ["f:y"] = { ["f:z"] = {} } }
    assert.same({ ["f:x"] = {}, ["f:y"] = {} }, fieldset.to_fields(fieldset.difference(a, b)))
    assert.same({ ".x", ".y", ".y.z" }, fieldset.paths(fieldset.union(a, b)))
    assert.same({ ".y.z" }, fieldset.paths(fieldset.intersection(a, b)))
  end)
end)

-- what kubectl 1.32 sends
local SECRET = "azhzAAoMCgJ2MRIGU2VjcmV0EkEKGQoJcGctc2VjcmV0EgAaACIAKgAyADgAQgASDQoIcGFzc3dvcmQSAXgSEwoIdXNlcm5hbWUS"
  .. "B2FwcHVzZXIaABoAIgA="
local CRONJOB = "azhzAAoTCghiYXRjaC92MRIHQ3JvbkpvYhLQAQohChFuZXdjbGllbnQtYmlsbGluZxIAGgAiACoAMgA4AEIAEqgBCgkwIDIgKiAq"
  .. "ICoaACqYAQohChFuZXdjbGllbnQtYmlsbGluZxIAGgAiACoAMgA4AEIAEnMycQoQCgASABoAIgAqADIAOABCABJdEjYKEW5ld2Ns"
  .. "aWVudC1iaWxsaW5nEgdidXN5Ym94GgR0cnVlKgBCAGoAcgCAAQCIAQCQAQCiAQAaCU9uRmFpbHVyZTIAQgBKAFIAWABgAGgAggEA"
  .. "igEAmgEAwgEAGgAaACIA"
local HPA = "azhzAAopCg5hdXRvc2NhbGluZy92MRIXSG9yaXpvbnRhbFBvZEF1dG9zY2FsZXISYwolChVuZXdjbGllbnQtc2VydmljZS1zc28S"
  .. "ABoAIgAqADIAOABCABI0CiwKCkRlcGxveW1lbnQSFW5ld2NsaWVudC1zZXJ2aWNlLXNzbxoHYXBwcy92MRACGAQgUBoEGAAgABoA"
  .. "IgA="

describe("a protobuf body", function()
  local function decode(text) return protobuf.decode(crypto.unbase64(text)) end

  it(
    "of kubectl create secret",
    function()
      assert.same({
        apiVersion = "v1",
        kind = "Secret",
        metadata = { name = "pg-secret" },
        data = { password = "eA==", username = "YXBwdXNlcg==" },
      }, decode(SECRET))
    end
  )

  it("of kubectl create cronjob", function()
    local job = decode(CRONJOB)
    assert.equal("0 2 * * *", job.spec.schedule)
    assert.same(
      { name = "newclient-billing", image = "busybox", command = { "true" } },
      json.decode(json.encode(job.spec.jobTemplate.spec.template.spec.containers[1]))
    )
  end)

  it(
    "of kubectl autoscale, in the old version",
    function()
      assert.same({
        minReplicas = 2,
        maxReplicas = 4,
        targetCPUUtilizationPercentage = 80,
        scaleTargetRef = {
          apiVersion = "apps/v1",
          kind = "Deployment",
          name = "newclient-service-sso",
        },
      }, decode(HPA).spec)
    end
  )

  it("of something else is refused", function()
    assert.is_nil((protobuf.decode "k8s"))
    assert.is_nil((protobuf.decode "k8s\0\255\255\255"))
    assert.is_nil((protobuf.decode "k8s\0\10\14\10\2v1\18\8NoSuchIt\18\0"))
  end)
end)

describe("the canonical form", function()
  local function of(spec)
    return normalise.object(
      DEPLOYMENT,
      { apiVersion = "apps/v1", kind = "Deployment", metadata = { name = "d" }, spec = spec }
    )
  end

  it("drops nulls and empty values and rewrites quantities", function()
    local object = of {
      replicas = 0,
      paused = false,
      template = {
        metadata = { labels = {}, annotations = json.null },
        spec = {
          containers = {
            { name = "a", image = "i", args = value.array {}, resources = { limits = { cpu = "1000m" } } },
          },
        },
      },
    }
    assert.equal(0, object.spec.replicas)
    assert.is_nil(object.spec.paused)
    assert.same({}, object.spec.template.metadata)
    assert.same(
      { name = "a", image = "i", resources = { limits = { cpu = "1" } } },
      object.spec.template.spec.containers[1]
    )
  end)

  it("finds unknown fields and wrong types", function()
    local _, unknown = of { replicaz = 1, template = { spec = { containers = { { nam = "x" } } } } }
    assert.same({ "spec.replicaz", "spec.template.spec.containers[0].nam" }, unknown)
    local _, message = of { replicas = "2" }
    assert.equal(
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
      message
    )
    _, message = of { template = { spec = { containers = { { resources = { limits = { cpu = "many" } } } } } } }
    assert.matches("quantities must match", message)
  end)
end)

describe("the tables", function()
  it("show ages as kubectl does", function()
    for seconds, text in pairs {
      [0] = "0s",
      [119] = "119s",
      [120] = "2m",
      [150] = "2m30s",
      [600] = "10m",
      [10800] = "3h",
      [12600] = "3h30m",
      [100000] = "27h",
      [200000] = "2d7h",
      [864000] = "10d",
    } do
      assert.equal(text, columns.span(seconds))
    end
  end)

  it("know the types of every kind", function()
    for _, kind in ipairs(kinds.list) do
      assert.is_not_nil(types.get(kind.type), kind.kind)
    end
  end)

  it("read and write times", function()
    assert.equal(1795412226, value.seconds(value.time(1795412226)))
    assert.equal("2026-11-23T05:37:06Z", value.time(1795412226))
  end)
end)

local compare = require "o2x.client.k8s.compare"
local json = require "o2x.base.json"
local quantity = require "o2x.client.k8s.quantity"
local secret = require "o2x.base.secret"

describe("quantities", function()
  local function same(a, b) assert.is_true(quantity.equal(a, b), ("%s should equal %s"):format(a, b)) end
  local function differ(a, b) assert.is_false(quantity.equal(a, b), ("%s should not equal %s"):format(a, b)) end

  it("are equal however they are written", function()
    same("1000m", "1")
    same("1000m", 1)
    same("0.5", "500m")
    same("1Gi", "1024Mi")
    same("1e3", "1k")
    same("1E3", "1000")
    same("100Gi", 107374182400)
    same("2", "2.0")
  end)

  it("differ when the amounts do", function()
    differ("1G", "1Gi")
    differ("1", "2")
    differ("1m", "1M")
  end)

  it("are not any text", function()
    differ("abc", "abc")
    differ("1.2.3", "1.2.3")
    differ("", "")
    differ("1 Gi", "1Gi")
  end)
end)

local function deployment(container, more)
  local d = {
    apiVersion = "apps/v1",
    kind = "Deployment",
    metadata = { name = "x", labels = { app = "x" } },
    spec = { replicas = 2, template = { spec = { containers = { container } } } },
  }
  for key, value in pairs(more or {}) do
    d.metadata[key] = value
  end
  return d
end

local function container(more)
  local c = { name = "app", image = "i:1" }
  for key, value in pairs(more or {}) do
    c[key] = value
  end
  return c
end

describe("an object of the server", function()
  local function equal(current, desired) return compare.equal(current, desired) end

  it("is equal with the server's defaults in it", function()
    local current =
      deployment(container { imagePullPolicy = "Always", terminationMessagePath = "/dev/termination-log" })
    current.spec.progressDeadlineSeconds = 600
    current.status = { replicas = 2 }
    current.metadata.uid = "1"
    assert.is_true(equal(current, deployment(container())))
  end)

  it("is equal with quantities in canonical form, and only there", function()
    local current = container { resources = { limits = { cpu = "1" } }, env = { { name = "A", value = "1" } } }
    assert.is_true(equal(deployment(current), deployment(container { resources = { limits = { cpu = "1000m" } } })))
    assert.is_false(equal(deployment(current), deployment(container { resources = { limits = { cpu = "900m" } } })))
    assert.is_false(equal(deployment(current), deployment(container { env = { { name = "A", value = "1000m" } } })))
  end)

  it("is equal with things that others put into merged lists, in any order", function()
    local env = { { name = "SIDECAR", value = "1" }, { name = "A", value = "a" } }
    local current = deployment(container { env = env })
    table.insert(current.spec.template.spec.containers, 1, { name = "sidecar", image = "s" })
    assert.is_true(equal(current, deployment(container { env = { { name = "A", value = "a" } } })))
    assert.is_false(equal(current, deployment(container { env = { { name = "A", value = "b" } } })))
    assert.is_false(equal(current, deployment(container { env = { { name = "B", value = "a" } } })))
  end)

  it("finds ports by number, with the protocol that the server adds", function()
    local current = deployment(container {
      ports = {
        { containerPort = 8080, protocol = "TCP", name = "http" },
        { containerPort = 8081, protocol = "TCP" },
      },
    })
    assert.is_true(equal(current, deployment(container { ports = { { containerPort = 8081 } } })))
    assert.is_false(equal(current, deployment(container { ports = { { containerPort = 8081, protocol = "UDP" } } })))
  end)

  it("differs when a list that is one value differs", function()
    local current = deployment(container { command = { "a", "b" } })
    assert.is_true(equal(current, deployment(container { command = { "a", "b" } })))
    assert.is_false(equal(current, deployment(container { command = { "a" } })))
    assert.is_false(equal(current, deployment(container { command = { "b", "a" } })))
  end)

  it("takes lists of foreign kinds as one value", function()
    local function rule(env)
      return { apiVersion = "example.com/v1", kind = "Thing", metadata = { name = "x" }, spec = { env = env } }
    end
    assert.is_false(equal(rule { { name = "a" }, { name = "b" } }, rule { { name = "b" } }))
  end)

  it("differs while it has a field that we applied and no longer want", function()
    local current = deployment(container { env = { { name = "A", value = "a" }, { name = "OLD", value = "o" } } })
    current.metadata.labels.old = "yes"
    local function managed(fields)
      current.metadata.managedFields = { { manager = "o2x", operation = "Apply", fieldsV1 = fields } }
    end
    local desired = deployment(container { env = { { name = "A", value = "a" } } })
    local containers =
      { ['k:{"name":"app"}'] = { ["."] = {}, ["f:env"] = { ['k:{"name":"A"}'] = { ["f:value"] = {} } } } }
    local template = { ["f:template"] = { ["f:spec"] = { ["f:containers"] = containers } } }
    managed { ["f:spec"] = template, ["f:metadata"] = { ["f:labels"] = { ["f:app"] = {} } } }
    assert.is_true(equal(current, desired))
    managed { ["f:metadata"] = { ["f:labels"] = { ["f:app"] = {}, ["f:old"] = {} } } }
    assert.is_false(equal(current, desired))
    containers['k:{"name":"app"}']["f:env"]['k:{"name":"OLD"}'] = { ["f:value"] = {} }
    managed { ["f:spec"] = template }
    assert.is_false(equal(current, desired))
    current.metadata.managedFields[1].manager = "helm"
    assert.is_true(equal(current, desired))
  end)

  it("has no field that is desired to be null", function()
    local desired = deployment(container())
    desired.spec.paused = json.null
    assert.is_true(equal(deployment(container()), desired))
    local current = deployment(container())
    current.spec.paused = true
    assert.is_false(equal(current, desired))
  end)

  it("may have dropped an empty table", function()
    local desired = deployment(container { resources = {} })
    assert.is_true(equal(deployment(container()), desired))
  end)

  it("has secrets compared by content", function()
    local a, b = secret.new("x", "a"), secret.new("y", "b")
    assert.is_true(compare.covers({ k = a, other = b }, { k = secret.new("x", "c") }))
    assert.is_false(compare.covers({ k = a }, { k = b }))
    assert.is_false(compare.covers({ k = "x" }, { k = a }))
    assert.is_false(compare.covers({}, { k = a }))
  end)

  it("is shown as far as the desired object speaks of it", function()
    local current = deployment(container { imagePullPolicy = "Always", resources = { limits = { cpu = "1" } } })
    current.status = {}
    local desired = deployment(container { image = "i:2", resources = { limits = { cpu = "1000m" } } })
    local shown = compare.project(current, desired)
    assert.is_nil(shown.status)
    local c = shown.spec.template.spec.containers[1]
    assert.same({ name = "app", image = "i:1", resources = { limits = { cpu = "1000m" } } }, c)
  end)

  it("can be applied again without what the server wrote", function()
    local current = deployment(
      container(),
      { uid = "u", resourceVersion = "1", generation = 2, creationTimestamp = "t", managedFields = {} }
    )
    current.status = {}
    local clean = compare.clean(current)
    assert.same({ name = "x", labels = { app = "x" } }, clean.metadata)
    assert.is_nil(clean.status)
    assert.equal("u", current.metadata.uid)
  end)

  local function claim(size)
    return { kind = "PersistentVolumeClaim", spec = { resources = { requests = { storage = size } }, a = 1 } }
  end

  for _, row in ipairs {
    { "larger", claim "500Gi", claim "100Gi", "500Gi" },
    { "larger, written otherwise", claim "1Ti", claim "100G", "1Ti" },
    { "smaller", claim "50Gi", claim "100Gi", "100Gi" },
    { "no amount", claim "x", claim "100Gi", "100Gi" },
    { "nothing", { kind = "PersistentVolumeClaim" }, claim "100Gi", "100Gi" },
  } do
    it("of a volume claim keeps its size: " .. row[1], function()
      local grown = compare.as_grown(row[2], row[3])
      assert.same(claim(row[4]), grown)
      assert.not_equal(row[2], grown)
    end)
  end

  it("of another kind, or none, is as it was desired", function()
    local desired = { kind = "X", spec = { resources = { requests = { storage = "1Gi" } } } }
    assert.equal(desired, compare.as_grown({ kind = "X", spec = claim("2Gi").spec }, desired))
    assert.equal(desired, compare.as_grown(nil, desired))
    assert.is_nil(compare.as_grown(desired, nil))
  end)
end)

local content = require "o2x.effects.helm.content"

local MANIFEST <const> = [[
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: sso
spec:
  template:
    spec:
      containers:
      - name: app
        image: registry/sso:v1
]]

describe("the content of a revision", function()
  it("is known by hashes, behind which the texts stand", function()
    local hash = content.hash_manifest(MANIFEST)
    assert.is_nil(hash:find("sso", 1, true))
    assert.equal("Deployment", content.objects(hash)[1].kind)
    assert.is_nil(content.objects "nosuch")
    assert.is_nil(content.objects(nil))
  end)

  it("that cannot be read has a hash, and no objects", function()
    local broken = "a: 1\n b: 2\n"
    local hash = content.hash_manifest(broken)
    assert.equal(hash, content.hash_manifest(broken))
    assert.is_nil(content.objects(hash))
    assert.is_nil(content.all { manifest = hash })
  end)

  -- A record as the client reads it.
  local function of(more)
    local record = { revision = 1, status = "deployed", config = {}, manifest = MANIFEST, hooks = {} }
    for name, value in pairs(more) do
      record[name] = value
    end
    return content.of(record)
  end

  it("counts hooks, but no tests", function()
    local function hook(name, event)
      return { events = { event }, manifest = "kind: Job\nmetadata: {name: " .. name .. "}\n" }
    end
    local plain, hooked = of {}, of { hooks = { hook("a", "pre-upgrade"), hook("t", "test") } }
    assert.is_nil(plain.hooks)
    assert.is_nil(of({ hooks = { hook("t", "test") } }).hooks)
    assert.equal(2, #content.all(hooked))
    assert.equal("a", content.objects(hooked.hooks)[1].metadata.name)
    assert.not_equal(hooked.hooks, of({ hooks = { hook("b", "pre-upgrade") } }).hooks)
  end)

  it("has the same hash for the same values, however numbers and keys came", function()
    local a = content.hash_values { replicas = 2, app = { port = 80 } }
    assert.equal(a, content.hash_values { app = { port = 80.0 }, replicas = 2.0 })
    assert.not_equal(a, content.hash_values { app = { port = 81 }, replicas = 2 })
    assert.same({ replicas = 2, app = { port = 80 } }, content.values(a))
  end)

  it("has no objects where the chart rendered nothing", function()
    local found = of { manifest = "" }
    assert.same({}, content.objects(found.manifest))
    assert.equal(content.hash_objects {}, found.manifest)
  end)

  it("is made of helm's record", function()
    local found = of { revision = 3, chart = "sso-1.2.0", app_version = "v1" }
    assert.same({ 3, "deployed", "sso-1.2.0", "v1" }, { found.revision, found.status, found.chart, found.app_version })
    assert.equal(content.hash_values {}, found.values)
    assert.equal("registry/sso:v1", content.image(found.manifest))
  end)

  it(
    "has no image where nothing runs",
    function()
      assert.is_nil(content.image(content.hash_manifest "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"))
    end
  )
end)

describe("the difference of values", function()
  it("is line by line", function()
    local before, after = content.hash_values { app = { port = 80 } }, content.hash_values { app = { port = 8080 } }
    assert.same({ "~ app.port: 80 → 8080" }, content.values_diff(before, after))
  end)

  it(
    "is empty where one was never seen",
    function() assert.same({}, content.values_diff("nosuch", content.hash_values { a = 1 })) end
  )

  it("shows nothing that looks like a secret", function()
    local before, after =
      content.hash_values { password = "hunter2-old" }, content.hash_values { password = "hunter2-new" }
    assert.is_nil(table.concat(content.values_diff(before, after)):find("hunter2", 1, true))
  end)
end)

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local stdlib = require "tests.support.stdlib"

local KEY, BACKEND = "o2x.io/maintenance", "nginx.ingress.kubernetes.io/default-backend"

describe("stdlib.maintenance.page", function()
  local tenant = stdlib.tenant "urbanos"

  -- A cluster whose ingress has these annotations; false: no ingress.
  local function new(annotations, not_ready)
    return stdlib.new {
      k8s = {
        get = function() return annotations and { metadata = { annotations = annotations } } or nil end,
        wait_ready = function()
          if not_ready then errors.raise { kind = "timeout", message = "no pods" } end
        end,
      },
    }
  end

  local function show(...)
    local std = new(...)
    std.require("maintenance.page").show(tenant, json.encode)
    return std
  end

  -- The annotations that the ingress gets.
  local function annotated(std)
    local kind, name, annotations = table.unpack(std.called("k8s.annotate")[1])
    assert.same({ "Ingress", "urbanos-ingress" }, { kind, name })
    return annotations
  end

  it("writes the record into the tenant's ConfigMap", function()
    local std = new {}
    std.require("maintenance.page").write_record(tenant, "RECORD")
    local map = std.called("k8s.ensure")[1][1]
    assert.same({ "v1", "ConfigMap" }, { map.apiVersion, map.kind })
    assert.equal("urbanos-maintenance", map.metadata.name)
    assert.equal("RECORD", map.metadata.annotations[KEY])
  end)

  it("shows the company on the page, without markup", function()
    local std = new {}
    local company = stdlib.tenant("urbanos", { company = "Urban <b>& Co" })
    std.require("maintenance.page").write_record(company, "RECORD")
    local data = std.called("k8s.ensure")[1][1].data
    assert.matches("Urban b Co is undergoing maintenance", data["maintenance.html"])
  end)

  it("is not one of the tenant's services", function()
    for _, call in ipairs(show({}).called "k8s.ensure") do
      assert.is_nil(call[1].metadata.labels.tenant)
    end
  end)

  it(
    "becomes the ingress's default backend",
    function() assert.equal("urbanos-maintenance", annotated(show {})[BACKEND]) end
  )

  it("saves the earlier default backend", function()
    local annotations = annotated(show { [BACKEND] = "urbanos-service-proxy" })
    assert.same({ default_backend = "urbanos-service-proxy" }, json.decode(annotations[KEY]))
  end)

  it("leaves a default backend alone that it could not restore", function()
    local std = show { [BACKEND] = "fallback" }
    assert.matches("urbanos%-ingress has a default backend of its own, fallback", std.logs[1])
    assert.same({}, std.called "k8s.annotate")
  end)

  it("keeps a state that is saved already", function()
    local annotations = annotated(show { [BACKEND] = "urbanos-maintenance", [KEY] = "SAVED" })
    assert.equal("SAVED", annotations[KEY])
  end)

  it("is shown even if its pod is not ready", function()
    local std = show({}, true)
    assert.matches("the maintenance page is not ready", std.logs[1])
    assert.equal("urbanos-maintenance", annotated(std)[BACKEND])
  end)

  it("is logged as missing without an ingress", function()
    local std = show(false)
    assert.matches("urbanos has no ingress", std.logs[1])
    assert.same({}, std.called "k8s.annotate")
  end)

  local function hide(annotations)
    local std = new(annotations)
    std.require("maintenance.page").hide(tenant)
    return std
  end

  it("restores the default backend", function()
    local annotations = annotated(hide { [KEY] = json.encode { default_backend = "urbanos-service-proxy" } })
    assert.equal("urbanos-service-proxy", annotations[BACKEND])
    assert.equal(json.null, annotations[KEY])
  end)

  it(
    "removes the default backend if there was none",
    function() assert.equal(json.null, annotated(hide { [KEY] = "{}" })[BACKEND]) end
  )

  it(
    "leaves an ingress without a saved state alone",
    function() assert.same({}, hide({ [BACKEND] = "fallback" }).called "k8s.annotate") end
  )

  it("removes the record last", function()
    local std = new {}
    std.require("maintenance.page").remove(tenant)
    local kinds = {}
    for i, call in ipairs(std.called "k8s.remove") do
      kinds[i] = call[1]
    end
    assert.same({ "Service", "Deployment", "ConfigMap" }, kinds)
  end)
end)

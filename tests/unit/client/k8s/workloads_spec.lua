local json = require "o2x.base.json"
local workloads = require "o2x.client.k8s.workloads"

-- A client that notes its patches and requests.
local function client(response)
  local this = setmetatable({ patches = {}, sent = {}, listed = 0, namespace = "prod" }, { __index = workloads })
  this.grants = { allows = function() return this.listed > 0 end }
  function this.resource(_, kind) return { kind = kind } end
  function this.list() this.listed = this.listed + 1 end
  function this.patch(_, ...) table.insert(this.patches, { ... }) end
  function this.place(_, kind, name) return { kind = kind }, "/pods/" .. name, kind .. " " .. name end
  function this.send(_, method, path, o)
    table.insert(this.sent, { method = method, path = path, query = o.query, last = o.last })
    return response
  end
  function this.pages(_, _, _, asked, see)
    this.asked = asked
    see(response)
  end
  return this
end

describe("workloads", function()
  it("are scaled by the subresource for it", function()
    local this = client()
    this:scale("Deployment", "x", 3)
    local kind, name, patch, o = table.unpack(this.patches[1])
    assert.same({ "Deployment", "x", 3, "scale" }, { kind, name, patch.spec.replicas, o.subresource })
  end)

  it("are restarted as kubectl does it", function()
    local this = client()
    this:restart("Deployment", "x", "2026-02-10T12:00:00Z")
    local annotations = this.patches[1][3].spec.template.metadata.annotations
    assert.same({ ["kubectl.kubernetes.io/restartedAt"] = "2026-02-10T12:00:00Z" }, annotations)
  end)
end)

describe("the log of a pod", function()
  it("is asked for with its last lines", function()
    local this = client { status = 200, headers = {}, body = "hello" }
    assert.equal("hello", this:logs("x-1", { tail = 10, previous = true }))
    assert.equal("/pods/x-1/log", this.sent[1].path)
    assert.same({ tailLines = 10, previous = "true" }, this.sent[1].query)
    assert.equal(4 << 20, this.sent[1].last)
  end)

  it("begins with a whole line where it was cut", function()
    local line = ("x"):rep(1023) .. "\n"
    local this = client { status = 200, headers = {}, body = "cut\n" .. line:rep(4095) .. ("y"):rep(1019) .. "\n" }
    local text = this:logs "x-1"
    assert.same({ "x", (4 << 20) - 4 }, { text:sub(1, 1), #text })
    local one = client { status = 200, headers = {}, body = ("z"):rep(4 << 20) }
    assert.equal(4 << 20, #one:logs "x-1") -- a line without an end is not thrown away
  end)

  it("needs a pod that was listed among the tenant's", function()
    local this = client { status = 200, headers = {}, body = "" }
    this:logs "x-1"
    this:logs "x-1"
    assert.equal(1, this.listed)
  end)
end)

describe("the events of an object", function()
  local function event(fields, version)
    fields.metadata = { creationTimestamp = "2026-02-10T09:00:00Z", resourceVersion = version }
    return fields
  end

  it("come oldest first, whoever reported them and how", function()
    local this = client {
      items = {
        event({ reason = "c", lastTimestamp = "2026-02-10T12:00:00Z", count = 3 }, "9"),
        event(
          { reason = "b", lastTimestamp = json.null, eventTime = "2026-02-10T11:00:00.5Z", series = { count = 2 } },
          "8"
        ),
        event({ reason = "a" }, "7"),
        event({ reason = "d", lastTimestamp = "2026-02-10T12:00:00Z" }, "10"),
      },
    }
    local shown = {}
    for i, found in ipairs(this:events("Deployment", "x")) do
      shown[i] = found.reason .. found.count
    end
    assert.same({ "a1", "b2", "c3", "d1" }, shown)
    assert.equal("involvedObject.name=x,involvedObject.kind=Deployment", this.asked.fields)
  end)
end)

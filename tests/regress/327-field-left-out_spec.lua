-- An apply removes what o2x applied before and no longer wants. The before-image had only the fields that the run
-- wanted, so what it removed could not be brought back.

local compare = require "o2x.client.k8s.compare"
local json = require "o2x.base.json"

local function object(data, fields, more)
  local made = {
    apiVersion = "v1",
    kind = "ConfigMap",
    metadata = {
      name = "x",
      managedFields = { { manager = "o2x", operation = "Apply", fieldsV1 = { ["f:data"] = fields } } },
    },
    data = data,
  }
  for name, item in pairs(more or {}) do
    made[name] = item
  end
  return made
end

local WANTED <const> = { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "x" }, data = { a = "1" } }

describe("the before-image of an object", function()
  it("has what o2x applied before, and not what others did", function()
    local image =
      compare.concerned(object({ a = "0", b = "ours", c = "theirs" }, { ["f:a"] = {}, ["f:b"] = {} }), WANTED)
    assert.same({ a = "0", b = "ours" }, image.data)
  end)

  it("has a list that o2x applied, with the items that are its own", function()
    local fields = { ["."] = {}, ["f:list"] = { ['k:{"name":"b"}'] = { ["."] = {}, ["f:name"] = {}, ["f:v"] = {} } } }
    local data = { list = json.array { { name = "a", v = 1 }, { name = "b", v = 2, w = 3 } } }
    local image = compare.concerned(object(data, fields), WANTED)
    assert.same({ { name = "b", v = 2 } }, image.data.list)
  end)

  it("of a removed object says what of it was o2x's own: nothing that the server or a controller wrote", function()
    local whole = object({ a = "0" }, { ["f:a"] = {} }, { spec = { volumeName = "pv-1" } })
    whole.metadata.annotations = { ["pv.kubernetes.io/bind-completed"] = "yes" }
    local part = compare.applied(whole)
    assert.same({ apiVersion = "v1", kind = "ConfigMap", metadata = { name = "x" }, data = { a = "0" } }, part)
    whole.metadata.managedFields = nil
    assert.is_nil(compare.applied(whole))
  end)

  it("is the fields that are wanted where o2x has applied nothing", function()
    local one = object({ a = "0", b = "theirs" }, {})
    one.metadata.managedFields = nil
    assert.same({ a = "0" }, compare.concerned(one, WANTED).data)
  end)
end)

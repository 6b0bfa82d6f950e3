-- Objects by their labels.

local selector = require "lab.k8s.selector"
local store = require "lab.k8s.store"

local PODS <const> = "/pods"

local function pod(name, labels) return { metadata = { namespace = "default", name = name, labels = labels } } end

describe("a list by labels", function()
  local pods

  before_each(function()
    pods = store.new { state = {}, save = function() end, clock = os.time }
    pods:put(PODS, pod("b", { tenant = "one", tier = "core" }))
    pods:put(PODS, pod("a", { tenant = "one" }))
    pods:put(PODS, pod("c", { tenant = "two", tier = "core" }))
    pods:put(PODS, pod("d"))
  end)

  local function names(text, namespace)
    local requirements, list = assert(selector.parse(text)), {}
    for _, object in ipairs(pods:list(PODS, namespace, requirements)) do
      if selector.matches(requirements, object.metadata.labels) then list[#list + 1] = object.metadata.name end
    end
    return table.concat(list, " ")
  end

  it("is in the order of names, and follows each change", function()
    assert.equal("a b", names "tenant=one")
    assert.equal("b", names "tenant=one,tier=core")
    assert.equal("a b c", names "tenant in (one,two,three)")
    assert.equal("", names "tenant=three")
    assert.equal("", names("tenant=one", "other"))
    pods:put(PODS, pod("a", { tenant = "two" }))
    pods:remove(PODS, pods:get(PODS, "default", "b"))
    pods:put(PODS, pod("e", { tenant = "one" }))
    pods:load { { store = PODS, object = pod("f", { tenant = "one" }) } }
    assert.equal("e f", names "tenant=one")
    assert.equal("a c", names "tenant=two")
    assert.equal("c", names "tenant=two,tier=core")
  end)

  it("has those that no label names, too", function()
    assert.equal("a b", names "tenant!=two,tenant")
    assert.equal("d", names "!tenant")
    assert.equal("a b c d", names "")
    pods:remove(PODS, pods:get(PODS, "default", "c"))
    assert.equal("a b d", names "")
  end)

  it("looks at no object that another value has", function()
    assert.equal(2, #pods:list(PODS, nil, assert(selector.parse "tier=core,tenant notin (x)")))
    assert.equal(1, #pods:list(PODS, nil, assert(selector.parse "tier=core,tenant=two,tenant in (one,two)")))
  end)

  it("is right after the state was put back", function()
    local back, kept = pods:keep(), {}
    for key, object in pairs(pods.state.objects[PODS]) do
      kept[key] = object
    end
    assert.equal("a b", names "tenant=one")
    pods:remove(PODS, pods:get(PODS, "default", "a"))
    pods.state.objects[PODS] = kept
    back()
    assert.equal("a b", names "tenant=one")
    assert.equal("a b c d", names "")
  end)

  it("ends watches of before a load", function()
    local rv = pods:version()
    assert.is_number(pods:since(rv))
    pods:load { { store = PODS, object = pod("f") } }
    assert.is_nil(pods:since(rv))
    assert.equal(pods.last + 1, pods:since(pods:version()))
  end)
end)

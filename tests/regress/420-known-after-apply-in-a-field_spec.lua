-- A field whose value is known only after apply could not be planned: what looks at a patch tried to walk through it.

local compare = require "o2x.client.k8s.compare"
local contents = require "o2x.client.k8s.contents"
local shape = require "o2x.base.shape"
local value = require "o2x.base.value"

describe("a value that is known after apply", function()
  it("is one value of a patch", function()
    local patch = { spec = { template = { metadata = { annotations = { ["a.b/at"] = value.unknown } } } } }
    local merged = contents.merge({ spec = { template = { metadata = { annotations = { c = "d" } } } } }, patch)
    local annotations = merged.spec.template.metadata.annotations
    assert.equal("d", annotations.c)
    assert.is_true(value.is_unknown(annotations["a.b/at"]))
  end)

  it("is compared with what is there", function()
    local current = { metadata = { annotations = { a = "1", b = "2" } } }
    local desired = { metadata = { annotations = { a = value.unknown } } }
    assert.same({ metadata = { annotations = { a = "1" } } }, compare.project(current, desired))
  end)

  it("has every form", function() assert.is_nil(shape.problem({ since = value.unknown }, { since = "string" })) end)
end)

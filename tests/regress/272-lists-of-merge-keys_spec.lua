-- A path through what a merge key brings replaced all of it: setting merged.hosts[0] made a list of one item there.

local helm_values = require "o2x.client.helm.values"
local raised = require "tests.support.raised"

local TEXT <const> = "base: &b\n  hosts: [a, b]\n  limits: {cpu: 1, memory: 2}\nmerged:\n  <<: *b\n  c: 3\n"

describe("a path through what a merge key brings", function()
  for path, value in pairs { ["merged.hosts[0]"] = "x", ["merged.hosts[1]"] = "x", ["merged.limits.cpu"] = 9 } do
    it("is refused, and nothing changes: " .. path, function()
      local doc = helm_values.parse(TEXT, "v.yaml")
      local e = raised(doc.set, doc, path, value)
      assert.same({ "input", "v.yaml:5" }, { e.kind, e.where })
      assert.matches("the path goes through what a merge key brings", e.message)
      assert.equal(TEXT, doc:text())
    end)
  end

  it("may end there: the mapping has a key of its own then", function()
    local doc = helm_values.parse(TEXT, "v.yaml")
    doc:set("merged.hosts", { "x" })
    assert.same({ "x" }, { table.unpack(doc:get "merged.hosts") })
    assert.same({ "a", "b" }, { table.unpack(doc:get "base.hosts") })
  end)
end)

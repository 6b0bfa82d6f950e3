local overlay = require "o2x.engine.overlay"

describe("an overlay", function()
  local this
  before_each(function() this = overlay.new() end)

  it("knows only what the plan has written", function()
    assert.is_false((this:get("pg.row", "a")))
    this:set("pg.row", "a", 1, true)
    assert.same({ true, 1 }, { this:get("pg.row", "a") })
    assert.is_false((this:get("pg.row", "b")))
    assert.is_false((this:get("vault.secret", "a")))
  end)

  it("knows a deletion from what it never saw", function()
    this:set("pg.row", "a", nil, false)
    assert.same({ true, nil }, { this:get("pg.row", "a") })
  end)

  it("keeps whether a target was new, however often it is written", function()
    this:set("pg.row", "a", 1, true)
    this:set("pg.row", "a", 2, false)
    assert.is_true(this:is_new("pg.row", "a"))
    this:set("pg.row", "b", 1, false)
    this:set("pg.row", "b", 2, true)
    assert.is_false(this:is_new("pg.row", "b"))
  end)

  it("does not call new what was taken away again", function()
    this:set("pg.row", "a", 1, true)
    this:set("pg.row", "a", nil, false)
    assert.is_false(this:is_new("pg.row", "a"))
  end)

  it("gives what was written of some kinds, in order", function()
    this:set("k8s.fields", "b", 1, false, "of b")
    this:set("pg.row", "a", 1, true, "of a")
    this:set("k8s.replicas", "a", 2, false, "of a")
    this:set("k8s.fields", "b", 3, false, "of b")
    local found = {}
    for i, one in ipairs(this:written { "k8s.fields", "k8s.replicas" }) do
      found[i] = ("%s %s %d %s"):format(one.kind, one.key, one.value, one.target)
    end
    assert.same({ "k8s.replicas a 2 of a", "k8s.fields b 3 of b" }, found)
  end)
end)

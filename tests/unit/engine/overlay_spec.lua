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
end)

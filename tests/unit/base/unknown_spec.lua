-- o2x.base.unknown: tests/unit/base/value_spec.lua has what values do with it.

local frozen = require "o2x.base.frozen"
local unknown = require "o2x.base.unknown"

describe("what is known after apply", function()
  it("is only itself", function()
    assert.is_true(unknown.is(unknown.value))
    for _, other in ipairs { "(known after apply)", {}, false } do
      assert.is_false(unknown.is(other))
    end
    assert.is_false(unknown.is(nil))
    assert.is_true(frozen.is_handle(unknown.value))
  end)

  it("does not say what is in it", function()
    for _, ask in ipairs {
      function() return #unknown.value end,
      function() return pairs(unknown.value) end,
      function() return unknown.refuse_walk(unknown.value) end,
    } do
      local ok, err = pcall(ask)
      assert.is_false(ok)
      assert.equal(unknown.CODE, err.code)
    end
    assert.is_nil(unknown.refuse_walk {})
    assert.is_nil(unknown.refuse_walk(nil))
  end)
end)

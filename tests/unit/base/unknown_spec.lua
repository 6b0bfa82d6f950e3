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
end)

local lazy = require "o2x.base.lazy"

describe("a lazy module", function()
  local loads

  before_each(function()
    loads = 0
    package.preload["tests.lazy_probe"] = function()
      loads = loads + 1
      return { answer = 42 }
    end
  end)
  after_each(function()
    package.preload["tests.lazy_probe"], package.loaded["tests.lazy_probe"] = nil, nil
  end)

  it("is not loaded before it is used", function()
    lazy "tests.lazy_probe"
    assert.equal(0, loads)
  end)

  it("is loaded once, at its first use", function()
    local module = lazy "tests.lazy_probe"
    assert.equal(42, module.answer)
    assert.equal(42, module.answer)
    assert.equal(1, loads)
  end)

  it("raises at its first use if it is not there", function()
    local module = lazy "tests.nosuch"
    assert.error_matches(function() return module.x end, "module 'tests.nosuch' not found")
  end)
end)

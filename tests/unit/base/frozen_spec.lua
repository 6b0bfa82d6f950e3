local frozen = require "o2x.base.frozen"

describe("a frozen table", function()
  it("shows its contents and their length", function()
    local view = frozen.new { "a", "b", name = "x" }
    assert.equal("a", view[1])
    assert.equal("x", view.name)
    assert.equal(2, #view)
  end)

  it("cannot be written, neither old names nor new ones", function()
    local view = frozen.new { name = "x" }
    assert.error_matches(function() view.name = "y" end, "name is read%-only")
    assert.error_matches(function() view.other = "y" end, "other is read%-only")
    assert.equal("x", view.name)
  end)

  it("words its refusal as it was told", function()
    local view = frozen.new({}, nil, "global %s: say local")
    assert.error_matches(function() view.x = 1 end, "global x: say local")
  end)

  it("hands an assignment to its handler", function()
    local seen
    local view = frozen.new({}, nil, function(name, value) seen = { name, value } end)
    view.id = 7
    assert.same({ "id", 7 }, seen)
    assert.is_nil(view.id)
  end)

  it("asks for missing names only", function()
    local view = frozen.new({ known = 1 }, function(name) return "made " .. name end)
    assert.equal(1, view.known)
    assert.equal("made x", view.x)
  end)

  it("does not show its metatable", function() assert.is_false(getmetatable(frozen.new {})) end)

  it("gives its contents to those who may iterate", function()
    local contents = { a = 1 }
    assert.equal(contents, frozen.contents[frozen.new(contents)])
  end)
end)

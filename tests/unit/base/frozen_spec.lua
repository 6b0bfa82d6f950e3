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

  -- Each way to write, at each depth. `at` gives the table inside the view.
  local DEEP = { list = { { name = "a" }, { name = "b" } }, map = { inner = { deep = 1 } }, text = "x" }
  local PLACES = {
    top = function(view) return view end,
    list = function(view) return view.list end,
    item = function(view) return view.list[1] end,
    ["item of ipairs"] = function(view)
      local iterate, list, first = ipairs(view.list)
      return select(2, iterate(list, first))
    end,
    ["item of pairs"] = function(view)
      local iterate, list, first = pairs(view.list)
      return select(2, iterate(list, first))
    end,
    ["what unpack gives"] = function(view) return (table.unpack(view.list)) end,
    ["map in a map"] = function(view) return view.map.inner end,
  }
  local WRITES = {
    ["an old name"] = function(t) t.name = "other" end,
    ["a new name"] = function(t) t.new = 1 end,
    ["an index"] = function(t) t[1] = 1 end,
    removing = function(t)
      t.text, t.name, t.deep = nil, nil, nil
    end,
    ["table.insert"] = function(t) table.insert(t, 1) end,
    ["table.insert in front"] = function(t) table.insert(t, 1, 1) end,
    ["table.move into it"] = function(t) table.move({ 1, 2 }, 1, 2, 1, t) end,
    ["setmetatable"] = function(t) setmetatable(t, {}) end,
  }
  for place, at in pairs(PLACES) do
    for way, write in pairs(WRITES) do
      it(("refuses %s at: %s"):format(way, place), function()
        assert.has_error(function() write(at(frozen.new(DEEP))) end)
        assert.same({ list = { { name = "a" }, { name = "b" } }, map = { inner = { deep = 1 } }, text = "x" }, DEEP)
      end)
    end
  end

  it("refuses to be sorted or emptied", function()
    assert.has_error(function() table.sort(frozen.new { 2, 1 }) end)
    assert.has_error(function() table.remove(frozen.new { 2, 1 }) end)
  end)

  it("shows the same table as the same view", function()
    local view = frozen.new(DEEP)
    assert.is_true(view.map == view.map)
    assert.is_true(view.list[1] == select(2, next { frozen.view(DEEP).list[1] }))
    assert.is_true(frozen.view(view) == view)
  end)

  it("names the line that assigns, also through a function in C", function()
    for _, write in ipairs { function() frozen.new({}).x = 1 end, function() table.insert(frozen.new {}, 1) end } do
      local _, message = pcall(write)
      assert.matches("^tests/unit/base/frozen_spec.lua:%d+: ", message)
    end
  end)

  it("leaves what guards itself as it is", function()
    local object = frozen.handle(setmetatable({}, { __metatable = false }))
    assert.equal(object, frozen.new({ object = object }).object)
  end)

  it("can be called and shown when its contents can", function()
    local view = frozen.new(setmetatable({}, {
      __call = function(_, x) return x + 1 end,
      __tostring = function() return "me" end,
    }))
    assert.equal(3, view(2))
    assert.equal("me", tostring(view))
  end)

  it("of a table that nobody changes is as read-only, also where it was read before", function()
    for name, view in pairs {
      constant = frozen.constant { text = "x", map = { a = 1 } },
      fixed = frozen.fixed { text = "x", map = { a = 1 } },
    } do
      for _ = 1, 2 do
        assert.equal("x", view.text, name)
        assert.equal(1, view.map.a, name)
        assert.has_error(function() view.text = 2 end)
        assert.has_error(function() view.map.a = 2 end)
        assert.is_true(view.map == view.map, name)
      end
    end
  end)

  it("asks for a name that is missing each time", function()
    local asked = 0
    local view = frozen.fixed({ there = 1 }, function(name)
      asked = asked + 1
      return name
    end)
    assert.same({ 1, "x", "x" }, { view.there, view.x, view.x })
    assert.equal(2, asked)
  end)
end)

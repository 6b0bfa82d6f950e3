local parser = require "o2x.script.check.parser"
local steps = require "o2x.script.check.steps"

-- The lines on which something is wrong with a step or check.
local function lines_of(text)
  local lines = {}
  steps.check { tree = parser.parse(text), problem = function(line) lines[#lines + 1] = line end }
  table.sort(lines)
  return lines
end

describe("a step", function()
  it("needs a name and a function", function()
    assert.same({ 1 }, lines_of "step(function() end)")
    assert.same({ 1 }, lines_of 'step("  ", f)')
    assert.same({ 1 }, lines_of 'step("x")')
    assert.same({ 1 }, lines_of 'step("x", "y")')
    assert.same({}, lines_of 'step("x", f, 1)')
  end)

  it("has no slash and no line end in its name", function()
    assert.same({ 1 }, lines_of 'step("a/b", f)')
    assert.same({ 1 }, lines_of [[step("a\nb", f)]])
  end)

  it("is given its function, not the result of it", function()
    assert.same({ 1 }, lines_of 'step("x", house.build(tenant))')
    assert.same({}, lines_of 'step("x", house.build, tenant)')
  end)

  it("may be put together by table.unpack or vararg", function()
    assert.same({}, lines_of "step(table.unpack(line))")
    assert.same({}, lines_of "local function f(...) step(...) end")
  end)

  it("has a name of its own among those beside it", function()
    assert.same({ 2 }, lines_of 'step("x", f)\nstep("x", f)')
    assert.same({}, lines_of 'step("x", function() step("x", f) end)')
  end)

  it("may share its name with one in another branch", function()
    assert.same({}, lines_of 'if a then step("x", f) else step("x", f) end')
    assert.same({ 2 }, lines_of 'if a then step("x", f) end\nstep("x", f)')
    assert.same({}, lines_of 'if a then step("x", f) return end\nstep("x", f)')
  end)

  it("in a loop has a name that changes", function()
    assert.same({ 1 }, lines_of 'for i = 1, 3 do step("x", f) end')
    assert.same({ 1 }, lines_of 'while a do step("x", f) end')
    assert.same({ 1 }, lines_of 'parallel.each(list, function() step("x", f) end)')
    assert.same({}, lines_of 'for i = 1, 3 do step("x" .. i, f) end')
  end)

  it(
    "is the word of scripts, not a local of that name",
    function() assert.same({}, lines_of "local step = f step()") end
  )
end)

describe("a check", function()
  it("may not write", function()
    local vault = 'local vault = require "o2x.vault"\n'
    assert.same({ 2 }, lines_of(vault .. 'check("x", function() vault.ensure("x", {}) end)'))
    assert.same({}, lines_of(vault .. 'check("x", function() return vault.read("x") end)'))
    assert.same({}, lines_of(vault .. 'step("x", function() vault.ensure("x", {}) end)'))
  end)
end)

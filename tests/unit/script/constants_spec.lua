local constants = require "o2x.script.constants"

local SOURCE <const> = "=module"

local function sealed(text)
  local module = assert(load(text, SOURCE))()
  constants.seal(module, { [SOURCE] = true })
  return module
end

describe("a sealed module", function()
  it("gives tables that it keeps, and they cannot be changed", function()
    local module = sealed [[
      local LIST = { { name = "a" } }
      local M = {}
      function M.all() return LIST end
      function M.wrapped() return { LIST[1] } end
      return M]]
    assert.equal("a", module.all()[1].name)
    for _, write in ipairs {
      function() module.all()[1] = nil end,
      function() module.all()[1].name = "b" end,
      function() module.wrapped()[1].name = "b" end,
      function() table.insert(module.all(), 1) end,
    } do
      assert.has_error(write)
    end
    module.wrapped()[1] = 2
    assert.equal("a", module.all()[1].name)
  end)

  it("keeps no state in a table, also through helpers and other tables", function()
    local module = sealed [[
      local seen, last = {}, { by = {} }
      local function note(x) seen[x] = true end
      local helpers = { note = note, deep = { set = function(x) last.by.x = x end } }
      return { note = note, helper = function(x) helpers.note(x) end, deep = function(x) helpers.deep.set(x) end }]]
    for _, name in ipairs { "note", "helper", "deep" } do
      assert.error_matches(function() module[name] "x" end, "x is read%-only")
    end
  end)

  it("calls itself, and itself again", function()
    local module = sealed [[
      local M = {}
      function M.one() return 1 end
      function M.two() return M.one() + M.one() end
      return M]]
    assert.equal(2, module.two())
  end)

  it("leaves functions of o2x alone", function()
    local kept = {}
    local function ours() return kept end
    constants.seal({ ours = ours }, { [SOURCE] = true })
    ours().x = 1
    assert.equal(1, kept.x)
  end)
end)

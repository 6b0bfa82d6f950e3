-- pairs gave nil instead of false: a feature that a tenant file switches off was dropped without a word.

local toys = require "tests.support.toy"

describe("false in a table", function()
  it("arrives as false: through pairs, views, arguments, steps and the journal", function()
    local toy <close> = toys.new()
    toy:write("stdlib/flags.lua", "return { flags = { beta = false, alpha = true } }")
    toy:runbook(
      "flags",
      [[
      local wanted = {}
      for name, value in pairs(require("stdlib.flags").flags) do wanted[name] = value end
      local kept = step("keep", function() return wanted end)
      toy.ensure("flags", kept)
      for name, value in pairs { off = false } do log(name .. "=" .. tostring(value)) end]]
    )
    local result = toy:o2x { "run", "flags", "alpha" }
    assert.equal(0, result.code, result.stderr)
    assert.same({ flags = { alpha = true, beta = false } }, toy:holds())
    assert.truthy(result.stderr:find("off=false", 1, true))
  end)
end)

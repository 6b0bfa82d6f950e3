-- A run whose folder was removed meanwhile wrote on, said "done", ended with 0 and named a run that was not there. One
-- whose journal was made empty went on writing behind the gap.

local toys = require "tests.support.toy"

describe("a run whose journal goes away", function()
  for what, command in pairs { removed = "rm -r $RUN", emptied = ": > $RUN/journal" } do
    it(("is not done: %s"):format(what), function()
      local toy <close> = toys.new()
      toy:runbook("two", ([[ toy.ensure("one", 1) toy.somebody(%q) toy.ensure("two", 2) ]]):format(command))
      local result = toy:o2x { "run", "two", "alpha" }
      assert.equal(1, result.code)
      assert.matches("next: o2x run two alpha\n$", result.stderr)
      assert.same({ one = 1 }, toy:holds())
    end)
  end
end)

-- In a new project, which has no tenant's file yet, o2x audit --all took each tenant in the systems for one that was
-- left over, with a command for each thing that removes it; and a run for all tenants was done without a word.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("all tenants, of whom none has a file", function()
  for _, words in ipairs {
    { "audit", "--all" },
    { "audit", "--tenants=all" },
    { "plan", "build", "--tenants=all" },
    { "run", "build", "--tenants=all" },
  } do
    it("are bad input: " .. table.concat(words, " "), function()
      local toy <close> = toys.new()
      for _, name in ipairs(fs.list(toy.project .. "/platform/tenants")) do
        fs.remove(toy.project .. "/platform/tenants/" .. name)
      end
      local refused = toy:o2x(words)
      assert.equal(3, refused.code, refused.stderr)
      assert.truthy(refused.stderr:find("/platform/tenants: no tenant has a file\n", 1, true), refused.stderr)
      assert.equal("", refused.stdout)
      assert.same({}, toy:writes())
    end)
  end
end)

-- A placeholder's value was put into the text of a migration as it was, so a script could run any SQL as the owner.

local arguments = require "o2x.effects.pg.arguments"
local raised = require "tests.support.raised"

describe("a placeholder of a migration", function()
  it(
    "cannot end a string or begin a statement",
    function() assert.equal("refused", raised(arguments.placeholders, { x = "'; DROP DATABASE other; --" }).kind) end
  )
end)

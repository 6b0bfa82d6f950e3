local captured = require "tests.support.captured"
local usage = require "o2x.cli.usage"

local COMMAND <const> = {
  name = "paint",
  usage = "paint HOUSE",
  summary = "paint a house",
  help = "In one colour.",
  options = { { "colour", value = "NAME", help = "which" }, { "fast", short = "f", help = "at once" } },
}

describe("the help of a command", function()
  local text = captured(usage.show, COMMAND)

  it(
    "begins with its usage and what it does",
    function() assert.matches("^o2x paint HOUSE\n  paint a house\n\nIn one colour.\n", text) end
  )

  it(
    "lists its options, short words first, values after",
    function() assert.matches("\nOptions\n      %-%-colour=NAME  which\n  %-f, %-%-fast         at once\n", text) end
  )

  it(
    "ends with the options of every command",
    function() assert.matches("\nOptions of every command\n  %-h, %-%-help", text) end
  )

  it("leaves out what a command has not", function()
    text = captured(usage.show, { name = "x", usage = "x", summary = "s" })
    assert.is_nil(text:find("\nOptions\n", 1, true))
  end)
end)

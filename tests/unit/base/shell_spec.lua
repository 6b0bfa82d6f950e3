local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"

local WORDS <const> =
  { "plain", "a=b/c.d", "", "two words", "it's", "'", "$HOME", "`id`", "a\\b", 'say "x"', "~", "#", "*", "a\nb" }

describe("a word in a command", function()
  it("is what the shell takes it for", function()
    local command = shell.command { "printf", "%s\\0", table.unpack(WORDS) }
    local result = proc.run { argv = { "bash", "-c", command } }
    assert.equal(table.concat(WORDS, "\0") .. "\0", result.stdout)
  end)

  it(
    "is not quoted without need",
    function() assert.equal("o2x run a/b.lua x=1", shell.command { "o2x", "run", "a/b.lua", "x=1" }) end
  )
end)

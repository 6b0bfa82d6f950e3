-- A step's result with a secret in it was recorded masked, and the step ran again in silence.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

describe("a step whose result had a secret in its text", function()
  it("runs again when the run is resumed, and says why", function()
    local toy <close> = toys.new()
    toy:runbook(
      "tell",
      [[
    local word = ("open-") .. "sesame"
    local said = step("say", function() toy.tick() return { text = "it is " .. word } end)
    local number = step("count", function() toy.tick() return 12 end)
    step("write", function() toy.ensure("said", #said.text + number) end)
]]
    )
    local path = toy.dir .. "/secrets.yaml"
    fs.write(path, "cave:\n  word: open-sesame\n", { mode = tonumber("600", 8) })
    local killed = toy:o2x({ "run", "tell", "alpha", "--secrets=" .. path }, { O2X_KILL_AT = "1" })
    assert.equal(9, killed.signal, killed.stderr)
    local resumed = toy:o2x { "resume" }
    assert.equal(0, resumed.code, resumed.stderr)
    assert.matches("say: runs again: its result contained a secret", resumed.stderr, 1, true)
    assert.matches("count: already done", resumed.stderr, 1, true)
    assert.equal(29, toy:holds().said)
    assert.equal("3", fs.read(toy.system .. "/.ticks")) -- two of the first attempt, one of the second
  end)
end)

-- The example in the help of o2x prove had a parameter that no runbook knows, --after took neither a runbook's name as
-- a command nor o2x by its path, and what a certificate proposed lacked the quotes, and the commands that came first.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("o2x prove", function()
  for _, before in ipairs { "o2x run build alpha rooms=1", "build/o2x build alpha rooms=1", "build alpha rooms=1" } do
    it("takes what comes first as it is typed: " .. before, function()
      local toy <close> = toys.new()
      local words = { "prove", "build", "alpha", "rooms=2", "--json", "--jobs=1", "--cases=again" }
      words[#words + 1] = "--after=" .. before
      assert.equal(1, json.read(ok(toy:o2x(words)).stdout).cases)
    end)
  end

  it("proposes a whole command when a certificate holds no more", function()
    local toy <close> = toys.new()
    local file = toy.dir .. "/a certificate.json"
    local words = { "prove", "build", "alpha", "--jobs=1", "--cases=again", "--after=build alpha rooms=1" }
    words[#words + 1] = "--certificate=" .. file
    ok(toy:o2x(words))
    fs.append(toy.project .. "/stdlib/house.lua", "\n-- edited\n")
    local check = toy:o2x { "prove", "--check=" .. file }
    assert.equal(2, check.code, check.stderr)
    assert.equal(
      ("prove build alpha '--after=build alpha rooms=1' '--certificate=%s'"):format(file),
      check.stderr:match "to prove it again: o2x ([^\n]+)"
    )
  end)
end)

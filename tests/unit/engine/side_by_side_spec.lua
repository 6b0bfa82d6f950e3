-- Three values beside each other: only what differs, no secret, no endless text.

local secret = require "o2x.base.secret"
local side_by_side = require "o2x.engine.side_by_side"
local value = require "o2x.base.value"

local CASES <const> = {
  { "a", "b", "c", { "a", "b", "c" } },
  { nil, "b", nil, { "nothing", "b", "nothing" } },
  { { n = 1, same = 0 }, { n = 2, same = 0 }, { n = 3, same = 0 }, { "{n:1}", "{n:2}", "{n:3}" } },
  { "x\ny\n", "x\nz\n", "x\nw\n", { "… y\n", "… z\n", "… w\n" } },
}

describe("three values beside each other", function()
  for i, case in ipairs(CASES) do
    it("shows where they differ: " .. i, function()
      local three = side_by_side.of(case[1], case[2], case[3])
      local texts = { three.before, three.ours, three.now }
      for n, text in ipairs(texts) do
        texts[n] = text:gsub('"', "")
      end
      assert.same(case[4], texts)
    end)
  end

  it("shows no secret, and cuts what is long", function()
    local hidden = value.plain({ password = secret.new("very-secret-value", "password") }, "t")
    local three = side_by_side.of(nil, hidden, { password = ("x"):rep(1000) })
    local text = table.concat(side_by_side.lines(three), "\n")
    assert.is_nil(text:find("very-secret", 1, true))
    assert.is_true(#three.now < 400)
  end)

  it(
    "says by words what the value itself does not show",
    function() assert.equal("edited", side_by_side.of("a", "b", "b", "edited").now) end
  )
end)

-- What was typed in another order was answered with "unknown command '--json'", or with what a tenant's name may look
-- like. What is answered now is the same words in order, and they work when pasted.

local ok = require "tests.support.ok"
local toys = require "tests.support.toy"

describe("words in another order", function()
  local toy
  before_each(function() toy = toys.new() end)
  after_each(function() toy:__close() end)

  local function words_of(text)
    local words = {}
    for word in text:gmatch "%S+" do
      words[#words + 1] = word
    end
    return words
  end

  for typed, meant in pairs {
    ["--json runs"] = "runs --json",
    ["-q list"] = "list -q",
    ["--set retry.seconds=3 build alpha rooms=1"] = "build alpha rooms=1 --set retry.seconds=3",
    ["--set=retry.seconds=3 -v plan build alpha"] = "plan build alpha --set=retry.seconds=3 -v",
  } do
    it("are given back in order: " .. typed, function()
      local refused = toy:o2x(words_of(typed))
      assert.equal(3, refused.code)
      assert.truthy(refused.stderr:find("the command comes first", 1, true), refused.stderr)
      assert.equal(meant, refused.stderr:match "type: o2x ([^\n]+)")
      ok(toy:o2x(words_of(meant)))
    end)
  end

  it("without a command are no proposal", function()
    local refused = toy:o2x { "-V" }
    assert.equal(3, refused.code)
    assert.truthy(refused.stderr:find("o2x help lists the commands", 1, true), refused.stderr)
  end)

  -- Each: what is typed, what is to be typed instead, with a tenant for TENANT.
  for typed, meant in pairs {
    ["build rooms=1"] = "run build TENANT rooms=1",
    ["plan build rooms=1"] = "plan build TENANT rooms=1",
    ["guide build rooms=1"] = "guide build TENANT rooms=1",
  } do
    it("lack a tenant: " .. typed, function()
      local refused = toy:o2x(words_of(typed))
      assert.equal(3, refused.code)
      assert.equal(meant, refused.stderr:match "\n *o2x ([^;\n]+); o2x list %-%-tenants lists the tenants")
      ok(toy:o2x(words_of((meant:gsub("TENANT", "alpha")))))
      ok(toy:o2x { "list", "--tenants" })
    end)
  end

  it("may end with the runbook", function()
    local refused = toy:o2x { "build" }
    assert.equal(3, refused.code)
    assert.truthy(refused.stderr:find("which tenant?", 1, true), refused.stderr)
    assert.truthy(refused.stderr:find("; o2x list --tenants lists the tenants", 1, true), refused.stderr)
  end)
end)

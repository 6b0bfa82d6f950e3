local ahead = require "o2x.client.helm.ahead"

-- Waiting helms without a helm: what was started, and which have ended.
local function fleet()
  local fake = { started = {}, credentials = 1, answer = "question" }
  fake.helms = ahead.new {
    question = function(name) return fake.answer .. " " .. name end,
    credentials = function() return fake.credentials end,
    start = function(_, name)
      fake.started[#fake.started + 1] = name
      if fake.broken then return nil end
      local waiting = { ended = false }
      function waiting.rendering() return "rendering of " .. name end
      waiting.close = function() waiting.ended = true end
      return waiting
    end,
  }
  return fake
end

local function release(revision) return { revision = revision } end

describe("helms that wait", function()
  local f
  before_each(function() f = fleet() end)

  it("render in their turn, four at a time", function()
    for i = 1, 4 do
      assert.equal("rendering of r" .. i, (f.helms:hold("r" .. i, release(1))))
    end
    assert.is_nil((f.helms:hold("r5", release(1))))
    assert.equal(4, #f.started)
  end)

  it("render ahead, and are taken when their turn comes", function()
    f.helms:hold_early("a", release(1))
    f.helms:hold_early("a", release(1))
    assert.same({ "rendering of a", true }, { f.helms:hold("a", release(1)) })
    assert.same({ "a" }, f.started)
  end)

  for what, change in pairs {
    ["the release has another revision"] = function() return release(2) end,
    ["something else that it depends on changed"] = function()
      f.answer = "another"
      return release(1)
    end,
  } do
    it("render again when " .. what, function()
      f.helms:hold_early("a", release(1))
      assert.same({ "rendering of a" }, { f.helms:hold("a", change()) })
      assert.same({ "a", "a" }, f.started)
    end)
  end

  it("are asked no more once one could not", function()
    f.broken = true
    assert.is_nil((f.helms:hold("a", release(1))))
    assert.is_nil((f.helms:hold("b", release(1))))
    assert.same({ "a" }, f.started)
  end)

  it("may write if they live and their credentials are those of now", function()
    local one, two = release(1), release(1)
    f.helms:hold("a", one)
    f.helms:hold("b", two)
    assert.is_truthy(f.helms:able_to_write(one))
    f.helms.waiting[one].ended = true
    assert.is_nil(f.helms:able_to_write(one))
    f.credentials = 2
    assert.is_nil(f.helms:able_to_write(two))
    assert.is_nil(f.helms:able_to_write(release(1)))
  end)

  it("end with their client", function()
    local one = release(1)
    f.helms:hold("a", one)
    f.helms:hold_early("b", release(1))
    local waiting = f.helms.waiting[one]
    f.helms:close()
    assert.is_true(waiting.ended)
    assert.is_nil(next(f.helms.waiting))
    assert.is_nil(next(f.helms.early))
  end)
end)

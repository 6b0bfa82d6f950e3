local captured = require "tests.support.captured"
local live = require "o2x.report.live"
local out = require "o2x.report.out"
local task = require "o2x.base.task"

local function view(leaves)
  out.colour = false
  local style = out.style(2)
  out.colour = nil
  return live.new({ leaves = function() return leaves end }, style)
end

local function entry(path, waiting) return { path = path, start = task.now(), waiting = waiting } end

describe("a live view", function()
  it("has a line for each running branch", function()
    local _, text = captured(function() view({ entry "Build/roof", entry("Furnish", "chairs") }):draw() end)
    assert.matches("Build › roof  0.0 s\n", text)
    assert.matches("Furnish  0.0 s  chairs\n", text)
  end)

  it("takes back as many lines as it drew", function()
    local this = view { entry "a", entry "b" }
    captured(function() this:draw() end)
    local _, text = captured(function() this:clear() end)
    assert.equal("\27[2A\27[J", text)
    _, text = captured(function() this:clear() end)
    assert.equal("", text)
  end)

  it("puts final lines above itself", function()
    local this = view { entry "a" }
    captured(function() this:draw() end)
    local _, text = captured(function() this:print "done" end)
    assert.matches("^\27%[1A\27%[Jdone\n.* a  ", text)
  end)

  it("stays small: what is too much is counted", function()
    local leaves = {}
    for i = 1, 40 do
      leaves[i] = entry("step " .. i)
    end
    local _, text = captured(function() view(leaves):draw() end)
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines <= 13)
    assert.matches("… and %d+ more\n$", text)
  end)

  it("never breaks a line", function()
    local _, text = captured(function() view({ entry(("ä"):rep(1000)) }):draw() end)
    local _, lines = text:gsub("\n", "")
    assert.equal(1, lines)
    assert.matches("…\n$", text)
  end)
end)

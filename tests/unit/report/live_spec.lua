local captured = require "tests.support.captured"
local live = require "o2x.report.live"
local out = require "o2x.report.out"
local task = require "o2x.base.task"
local tty = require "o2x.core.tty"

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

  describe("on a terminal that changes", function()
    local size <const> = tty.size
    after_each(function() tty.size = size end)
    local function terminal(columns, rows)
      tty.size = function() return columns, rows end
    end

    it("takes back the rows that its lines take by now", function()
      local this = view { entry(("x"):rep(70)), entry "short" }
      terminal(100, 24)
      captured(function() this:draw() end)
      terminal(30, 24)
      local _, text = captured(function() this:clear() end)
      assert.equal("\27[4A\27[J", text) -- 79 characters in three rows, and one
    end)

    it("is not drawn where there is no room for it", function()
      for _, small in ipairs { { 1, 1 }, { 19, 24 }, { 80, 3 }, { 80, 1 } } do
        terminal(small[1], small[2])
        local this = view { entry "a", entry "b" }
        local _, text = captured(function()
          this:redraw()
          this:print "done"
        end)
        assert.equal("done\n", text)
      end
    end)

    it("fits the smallest that has room", function()
      terminal(20, 4)
      local _, text = captured(function() view({ entry(("x"):rep(70)), entry "b", entry "c" }):draw() end)
      for line in text:gmatch "[^\n]+" do
        assert.is_true(utf8.len(line) <= 20, line)
      end
      assert.equal(3, select(2, text:gsub("\n", "")))
    end)
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

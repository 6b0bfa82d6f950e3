--- The live view on a terminal: one line per running branch, below the final lines.

local sink = require "o2x.base.sink"
local task = require "o2x.base.task"
local tty = require "o2x.core.tty"
local units = require "o2x.base.units"

local M = { INTERVAL = 0.1 }

local FRAMES = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }
local MAX_LINES = 12 -- of the view

local Live = {}
Live.__index = Live

--- A live view.
---@param report table whose leaves() are shown
---@param style table
---@return table live
function M.new(report, style) return setmetatable({ report = report, style = style, shown = 0, frame = 1 }, Live) end

--- Erases the view.
function Live:clear()
  if self.shown > 0 then sink.erase("stderr", self.shown) end
  self.shown = 0
end

--- Prints a final line above the view.
---@param text string
function Live:print(text)
  self:clear()
  sink.line("stderr", text)
  self:draw()
end

-- Cuts a text to a number of characters.
local function fit(text, width)
  if (utf8.len(text) or #text) <= width then return text end
  local cut = utf8.offset(text, math.max(width, 1))
  return cut and text:sub(1, cut - 1) .. "…" or text
end

local function describe(entry)
  local text = ("%s  %s"):format(entry.path:gsub("/", " › "), units.duration(task.now() - entry.start))
  if entry.waiting then text = text .. "  " .. entry.waiting end
  return sink.line_of(text) -- before it is cut
end

--- Draws the view below the cursor: one line per innermost step.
function Live:draw()
  local columns, rows = tty.size(2)
  local leaves = self.report:leaves()
  local limit = math.min(MAX_LINES, rows - 2)
  for i, entry in ipairs(leaves) do
    if i > limit then
      sink.line("stderr", self.style.dim(("  … and %d more"):format(#leaves - limit)))
      self.shown = self.shown + 1
      break
    end
    sink.line("stderr", self.style.cyan(FRAMES[self.frame]) .. " " .. fit(describe(entry), columns - 3))
    self.shown = self.shown + 1
  end
end

--- Draws the view again.
function Live:redraw()
  self.frame = self.frame % #FRAMES + 1
  self:clear()
  self:draw()
end

return M

--- The live view on a terminal: one line per running branch, below the final lines.

local sink = require "o2x.base.sink"
local task = require "o2x.base.task"
local tty = require "o2x.core.tty"
local units = require "o2x.base.units"

local M = { INTERVAL = 0.1 }

local FRAMES = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }
local MAX_LINES = 12 -- of the view
local NARROWEST <const>, LOWEST <const> = 20, 4 -- columns and rows of a terminal that has room for the view

local Live = {}
Live.__index = Live

--- A live view.
---@param report table whose leaves() are shown
---@param style table
---@return table live
function M.new(report, style) return setmetatable({ report = report, style = style, shown = {}, frame = 1 }, Live) end

-- The rows that lines take: a terminal that was made narrower since has wrapped them.
local function rows_of(widths)
  local columns, rows = tty.size(2), 0
  for _, width in ipairs(widths) do
    rows = rows + math.max((width + columns - 1) // columns, 1)
  end
  return rows
end

--- Erases the view.
function Live:clear()
  if #self.shown > 0 then sink.erase("stderr", rows_of(self.shown)) end
  self.shown = {}
end

--- Adds a line to the view.
---@param text string
---@param width integer the columns that it takes
function Live:add(text, width)
  sink.line("stderr", text)
  table.insert(self.shown, width)
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
  local text = units.duration(task.now() - entry.start)
  if entry.path ~= "" then text = ("%s  %s"):format(entry.path:gsub("/", " › "), text) end
  if entry.waiting then text = text .. "  " .. entry.waiting end
  return sink.line_of(text) -- before it is cut
end

--- Draws the view below the cursor: one line per innermost step.
function Live:draw()
  local columns, rows = tty.size(2)
  if columns < NARROWEST or rows < LOWEST then return end
  local leaves = self.report:leaves()
  local limit = math.min(MAX_LINES, rows - 2)
  for i, entry in ipairs(leaves) do
    if i > limit then
      local text = ("  … and %d more"):format(#leaves - limit)
      self:add(self.style.dim(text), utf8.len(text))
      break
    end
    local text = fit(describe(entry), columns - 3)
    self:add(self.style.cyan(FRAMES[self.frame]) .. " " .. text, 2 + (utf8.len(text) or #text))
  end
end

--- Draws the view again.
function Live:redraw()
  self.frame = self.frame % #FRAMES + 1
  self:clear()
  self:draw()
end

return M

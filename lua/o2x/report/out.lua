--- Output: results to stdout, messages to stderr, colour only on a terminal that supports it.

local mask = require "o2x.base.mask"
local printable = require "o2x.base.printable"
local proposed = require "o2x.report.proposed"
local sink = require "o2x.base.sink"
local tty = require "o2x.core.tty"

-- Verbosity and colour. They belong to the process and not to a run, because all runs of a process share its
-- terminal, and messages before and after a run follow the same options. cli/entry.lua sets them once.
local M = { quiet = false, verbose = false, colour = nil }

--- A text as one line that a terminal shows and does not obey; see base/printable.lua.
M.printable = printable.line

local CODES = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", cyan = "36" }
local SIGN_COLOURS = { ["+"] = "green", ["-"] = "red", ["~"] = "yellow" }

local PLAIN <const> = { [""] = true, dumb = true, unknown = true }

--- Is a stream a terminal that moves its cursor and shows colours?
---@param fd integer 1 or 2
---@return boolean
function M.is_terminal(fd) return tty.is(fd) and not PLAIN[os.getenv "TERM" or ""] end

-- As no-color.org and bixense.com/clicolors say.
local function wants_colour(fd)
  if M.colour ~= nil then return M.colour end
  if (os.getenv "NO_COLOR" or "") ~= "" then return false end
  if (os.getenv "CLICOLOR_FORCE" or "0") ~= "0" then return true end
  return M.is_terminal(fd) and os.getenv "CLICOLOR" ~= "0"
end

--- Colours for one stream, or none.
---@param fd integer 1 or 2
---@return table style bold, dim, red … (text), sign(sign, text)
function M.style(fd)
  local on = wants_colour(fd)
  local style = { on = on }
  for name, code in pairs(CODES) do
    style[name] = function(text) return on and printable.colour(code, text) or text end
  end
  style.sign = function(sign, text)
    local colour = SIGN_COLOURS[sign]
    return colour and style[colour](text) or text
  end
  return style
end

--- Prints one line of results.
---@param text string?
function M.data(text) sink.line("stdout", text and proposed.text(text) or "") end

--- Prints results whose line breaks are their own: help, a report that a script wrote.
---@param text string
function M.text(text) sink.lines("stdout", text) end

--- Prints a value as JSON, for --json. The commands in it are as they work here.
---@param value any
function M.json(value) sink.json("stdout", proposed.data(value)) end

--- Prints a message of one line, unless --quiet.
---@param text string
function M.say(text)
  if not M.quiet then sink.line("stderr", proposed.text(text)) end
end

--- What to type next after an error, as it works here.
---@param err table
---@return string? hint
function M.hint(err)
  if err.meant then return "type: " .. proposed.command(err.meant) end
  if err.lacks then
    local words = type(err.lacks) == "table" and err.lacks or { err.lacks }
    return "to do it: " .. proposed.again(table.unpack(words))
  end
  return err.hint and proposed.text(tostring(err.hint))
end

--- Prints an error and its hint.
---@param err table
---@param step string? the step that failed
function M.problem(err, step)
  local style = M.style(2)
  local text = (step and step .. ": " or "") .. tostring(err)
  sink.line("stderr", style.red("o2x: ") .. proposed.text(text))
  for _, detail in ipairs(err.details or {}) do
    sink.line("stderr", "     " .. proposed.text(tostring(detail)))
  end
  local hint = M.hint(err)
  if hint then sink.line("stderr", "     " .. hint) end
  if err.traceback and M.verbose then sink.lines("stderr", err.traceback) end
end

local function width(cell)
  local plain = printable.plain(cell)
  return utf8.len(plain) or #plain
end

-- Splits a text into lines of at most `limit` characters, at spaces.
local function wrap(text, limit)
  local lines = { "" }
  for word in text:gmatch("%S+") do
    local line = lines[#lines] == "" and word or lines[#lines] .. " " .. word
    if width(line) > limit and lines[#lines] ~= "" then
      lines[#lines + 1] = word
    else
      lines[#lines] = line
    end
  end
  return lines
end

local SPACE <const> = (" "):byte()
local NARROWEST <const> = 20 -- characters; a narrower last column is not wrapped

--- The columns of the terminal that stdout is; nil if it is not a terminal.
---@return integer?
function M.width() return tty.is(1) and tty.size(1) or nil end

-- Each cell as it is shown, and the width of that. Many cells of a long list are the same.
local function shown_cells(rows)
  local shown, wide = {}, {}
  for _, row in ipairs(rows) do
    for _, cell in ipairs(row) do
      if not shown[cell] then
        local text = printable.marked(mask.text(cell))
        shown[cell], wide[text] = text, width(text)
      end
    end
  end
  return shown, wide
end

local function widths_of(rows, shown, wide)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      local needed = wide[shown[cell]]
      if needed > (widths[i] or -1) then widths[i] = needed end
    end
  end
  return widths
end

local function trimmed(line) return line:byte(-1) == SPACE and line:match "^(.-)%s*$" or line end

--- Prints rows in aligned columns. A cell is one line: what it has of secrets and control characters is replaced
--- first, because a cell may be broken into lines.
---@param rows string[][]
---@param write fun(line: string)
---@param limit integer? of a line: longer texts in the last column continue below; no limit if absent
---@param brief boolean? they end with … instead
function M.columns(rows, write, limit, brief)
  local shown, wide = shown_cells(rows)
  local widths = widths_of(rows, shown, wide)
  local cells = {} -- of one line; the same table for all, because there may be very many
  for _, row in ipairs(rows) do
    local count, indent = #row, 0
    for i = 1, count - 1 do
      local text = shown[row[i]]
      local missing = widths[i] - wide[text]
      cells[i] = missing == 0 and text or text .. (" "):rep(missing)
      indent = indent + widths[i] + 2
    end
    local last = shown[row[count]]
    local room = count > 1 and limit and limit - indent
    local parts = room and room >= NARROWEST and wide[last] > room and wrap(last, brief and room - 1 or room)
    if parts and brief then parts = { parts[1]:gsub("[,:;.]$", "") .. "…" } end
    cells[count] = parts and parts[1] or last
    write(trimmed(table.concat(cells, "  ", 1, count)))
    for i = 2, parts and #parts or 0 do
      write(trimmed((" "):rep(indent) .. parts[i]))
    end
  end
end

--- Formats a count: "1,000,000".
---@param count integer
---@return string
function M.count(count)
  local text = ("%d"):format(count)
  return (text:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

return M

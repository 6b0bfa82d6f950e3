--- The only way out of the program to people: standard output, standard error and the log of a run. What goes through
--- here has no live secret in it and nothing that a terminal would obey.

local lazy = require "o2x.base.lazy"
local json = lazy "o2x.base.json"
local mask = require "o2x.base.mask"
local output = require "o2x.core.output"
local printable = require "o2x.base.printable"
local secret = require "o2x.base.secret"

local M = {}

---@alias o2x.stream "stdout"|"stderr"
local FD <const> = { stdout = 1, stderr = 2 }

local NAME <const> = { stdout = "standard output", stderr = "standard error" }

-- Name of what could not be written → why. It belongs to the process, as its streams do.
local lost = {}

--- Notes that something could not be written; the program says so at its end (cli/entry.lua).
---@param what string "the log of the run"
---@param why string
function M.lose(what, why) lost[what] = lost[what] or why end

--- What could not be written.
---@return table<string, string> lost name → why
function M.lost() return lost end

local written = 0

--- How often something was written to people.
---@return integer
function M.written() return written end

-- After a write that failed, nothing more is written to a stream: what follows would stand beside a gap.
local function write(stream, text)
  written = written + 1
  if lost[NAME[stream]] then return end
  local ok, message, code = output.write(FD[stream], text)
  if ok then return end
  M.lose(NAME[stream], code == "EBADF" and "it is closed" or message:sub(#NAME[stream] + 3))
end

--- A text as it may be shown, on one line. Its marks of colour become colours.
---@param text any
---@return string
function M.line_of(text) return printable.line(mask.text(text)) end

--- Writes one line, whatever is in the text.
---@param stream o2x.stream
---@param text any
function M.line(stream, text) write(stream, M.line_of(text) .. "\n") end

--- Writes a text whose line breaks are its own: help, a report, a traceback.
---@param stream o2x.stream
---@param text any
function M.lines(stream, text) write(stream, printable.lines(mask.text(text)) .. "\n") end

--- Writes a value as indented JSON. Its values are masked one by one, so that the result is JSON whatever the secrets
--- are.
---@param stream o2x.stream
---@param value any plain data
function M.json(stream, value) write(stream, printable.json(json.pretty(mask.value(value))) .. "\n") end

-- A value as JSON on one line. Its values are masked one by one, if there is anything to mask.
local function masked_json(value)
  local text = json.encode(value)
  return secret.found(text) and json.encode(mask.value(value)) or text
end

--- Adds a value as one line of JSON to the log of a run.
---@param file file*
---@param value any plain data
function M.log(file, value)
  local ok, why = file:write(printable.json(masked_json(value)), "\n")
  if ok then
    ok, why = file:flush()
  end
  if not ok then M.lose("the log of the run", why) end
end

--- Writes a text as it is, with the secrets in it. Only the lab may do that: its passwords are made for a shell.
---@param stream o2x.stream
---@param text string
function M.bare(stream, text) write(stream, text) end

--- Erases the lines above the cursor.
---@param stream o2x.stream
---@param count integer
function M.erase(stream, count) write(stream, ("\27[%dA\27[J"):format(count)) end

return M

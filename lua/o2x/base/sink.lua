--- The only way out of the program to people: standard output, standard error and the log of a run. What goes through
--- here has no live secret in it and nothing that a terminal would obey.

local json = require "o2x.base.json"
local mask = require "o2x.base.mask"
local printable = require "o2x.base.printable"

local M = {}

---@alias o2x.stream "stdout"|"stderr"

--- A text as it may be shown, on one line. Its marks of colour become colours.
---@param text any
---@return string
function M.line_of(text) return printable.line(mask.text(text)) end

--- Writes one line, whatever is in the text.
---@param stream o2x.stream
---@param text any
function M.line(stream, text) io[stream]:write(M.line_of(text), "\n") end

--- Writes a text whose line breaks are its own: help, a report, a traceback.
---@param stream o2x.stream
---@param text any
function M.lines(stream, text) io[stream]:write(printable.lines(mask.text(text)), "\n") end

--- Writes a value as indented JSON. Its values are masked one by one, so that the result is JSON whatever the secrets
--- are.
---@param stream o2x.stream
---@param value any plain data
function M.json(stream, value) io[stream]:write(printable.json(json.pretty(mask.value(value))), "\n") end

--- Adds a value as one line of JSON to an open file.
---@param file file*
---@param value any plain data
function M.log(file, value)
  file:write(printable.json(json.encode(mask.value(value))), "\n")
  file:flush()
end

--- Erases the lines above the cursor.
---@param stream o2x.stream
---@param count integer
function M.erase(stream, count) io[stream]:write(("\27[%dA\27[J"):format(count)) end

return M

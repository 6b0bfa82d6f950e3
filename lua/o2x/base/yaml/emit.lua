---Writes values as YAML: block style, two spaces per level, lists not indented below their key, quotes only where
---needed. The work is done by host/yaml_emit.c and host/yaml_quote.c.

local core = require "o2x.core.yaml"
local errors = require "o2x.base.error"
local ordered = require "o2x.base.ordered"
local scalar = require "o2x.base.yaml.scalar"

local M = {}

local WORDS <const>, ORDERS <const> = scalar.WORDS, ordered.all

-- What core made, or an error.
local function checked(text, what, code, path)
  if text then return text end
  errors.raise {
    kind = code == "secret" and "refused" or "input",
    module = "yaml",
    op = "encode",
    message = ("cannot write a %s as YAML%s%s"):format(what, path ~= "" and ", at " or "", path),
  }
end

--- A string in double quotes, with escapes.
---@param text string
---@return string
function M.double_quoted(text) return core.quote(text, "double") end

--- A string in single quotes.
---@param text string without line breaks or unprintable characters
---@return string
function M.single_quoted(text) return core.quote(text, "single") end

---Can a string be written without quotes, in block style or in flow style?
---@param text string
---@param flow boolean?
---@return boolean
function M.plain(text, flow) return core.plain(text, flow, WORDS) end

---A string on one line: plain, or quoted if necessary.
---@param text string
---@param flow boolean?
---@return string
function M.string(text, flow) return core.string(text, flow, WORDS) end

---A scalar on one line, or on several for a text with several lines.
---@param v any
---@param indent string? indentation of each further line; nil: one line only
---@return string
function M.scalar(v, indent) return checked(core.scalar(v, WORDS, ORDERS, indent)) end

---The shape of a table: "list", "record", or nil if it is neither.
---@param t table
---@return string?
function M.shape(t) return core.shape(t) end

---The lines of a value at a given indentation, without the newline at the end.
---@param v any
---@param indent string
---@return string
function M.block(v, indent) return checked(core.block(v, WORDS, ORDERS, indent)) end

---A value in flow style, on one line: `{ a: 1, b: [x] }`.
---@param v any
---@return string
function M.flow(v) return checked(core.flow(v, WORDS, ORDERS)) end

--- Writes a value as a YAML document.
---@param v any
---@return string text that ends with a newline
function M.encode(v) return checked(core.block(v, WORDS, ORDERS, "", "\n")) end

return M

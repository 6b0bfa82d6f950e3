---Writes values as YAML: block style, two spaces per level, lists not indented below their key, quotes only where
---needed.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"
local scalar = require "o2x.base.yaml.scalar"
local secret = require "o2x.base.secret"

local M = {}

local MAX_DEPTH = 64

local function fail(path, what, kind)
  errors.raise {
    kind = kind or "input",
    module = "yaml",
    op = "encode",
    message = "cannot write " .. what .. " as YAML" .. (path ~= "" and ", at " .. path or ""),
  }
end

local escapes = {
  ["\0"] = "\\0",
  ["\a"] = "\\a",
  ["\b"] = "\\b",
  ["\t"] = "\\t",
  ["\n"] = "\\n",
  ["\v"] = "\\v",
  ["\f"] = "\\f",
  ["\r"] = "\\r",
  ["\27"] = "\\e",
  ['"'] = '\\"',
  ["\\"] = "\\\\",
}

-- Characters that YAML requires to be escaped: C0, DEL, C1, the line separators, the byte order mark.
local function unprintable(text)
  return text:find "[\0-\8\11\12\14-\31\127]"
    or text:find "\xc2[\x80-\x9f]"
    or text:find "\xe2\x80[\xa8\xa9]"
    or text:find "\xef\xbb\xbf"
    or text:find "\xef\xbf[\xbe\xbf]"
end

--- A string in double quotes, with escapes.
---@param text string
---@return string
function M.double_quoted(text)
  local out = text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\x%02x"):format(c:byte()) end)
  out = out:gsub("\xc2([\x80-\x9f])", function(c) return ("\\x%02x"):format(c:byte()) end)
  out = out:gsub("\xe2\x80([\xa8\xa9])", function(c) return c == "\xa8" and "\\L" or "\\P" end)
  out = out:gsub("\xef\xbb\xbf", "\\ufeff")
  out = out:gsub("\xef\xbf([\xbe\xbf])", function(c) return c == "\xbe" and "\\ufffe" or "\\uffff" end)
  return '"' .. out .. '"'
end

--- A string in single quotes.
---@param text string without line breaks or unprintable characters
---@return string
function M.single_quoted(text) return "'" .. text:gsub("'", "''") .. "'" end

---Can a string be written without quotes, in block style or in flow style?
---@param text string
---@param flow boolean?
---@return boolean
function M.plain(text, flow)
  if scalar.ambiguous(text) or unprintable(text) or text:find "[\t\r\n]" then return false end
  if text:find "^[%s,%[%]{}#&*!|>'\"%%@`]" or text:find "%s$" or text:find ": " or text:find " #" or text:find ":$" then
    return false
  end
  if text:find "^[-?:]" and not text:find "^[-?:][^%s,%[%]{}]" then return false end
  if text:find "^%-%-%-" or text:find "^%.%.%." then return false end
  return not (flow and text:find "[,%[%]{}:?]")
end

---A string on one line: plain, or quoted if necessary.
---@param text string
---@param flow boolean?
---@return string
function M.string(text, flow)
  if M.plain(text, flow) then return text end
  if text:find '["\\]' and not text:find "[\t\r\n]" and not unprintable(text) then return M.single_quoted(text) end
  return M.double_quoted(text)
end

-- Several lines, as a `|` block, if it can represent the text exactly (no trailing spaces, first line not indented).
local function literal(text, indent)
  if not text:find "[^\n]\n." or unprintable(text) or text:find "[\r\t]" then return nil end
  if text:find " \n" or text:find "^[%s]" or text:find " $" then return nil end
  local header = text:find "\n\n$" and "|+" or text:find "\n$" and "|" or "|-"
  local body = text:gsub("\n$", "")
  local lines = {}
  for line in (body .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = line == "" and "" or indent .. line
  end
  return header .. "\n" .. table.concat(lines, "\n")
end

local function number(n, path)
  if math.type(n) == "integer" then return tostring(n) end
  if n - n ~= 0 then fail(path, "a number that is not finite") end
  return json.encode(n)
end

---A scalar on one line, or on several for a text with several lines.
---@param v any
---@param indent string? indentation of each further line; nil: one line only
---@param path string?
---@return string
function M.scalar(v, indent, path)
  path = path or ""
  local kind = type(v)
  if kind == "string" then
    if not utf8.len(v) then fail(path, "a string that is not UTF-8") end
    return indent and literal(v, indent) or M.string(v)
  end
  if kind == "boolean" then return tostring(v) end
  if kind == "number" then return number(v, path) end
  if v == json.null then return "null" end
  if secret.is(v) then fail(path, "a secret", "refused") end
  fail(path, "a " .. kind)
end

---The shape of a table: "list", "record", or nil if it is neither.
---@param t table
---@return string?
function M.shape(t)
  local count, strings = 0, true
  for key in next, t do
    count = count + 1
    strings = strings and type(key) == "string"
  end
  if json.is_array(t) or (count > 0 and not strings) then
    for i = 1, count do
      if t[i] == nil then return nil end
    end
    return "list"
  end
  return "record"
end

local write

local function write_list(out, list, indent, path, depth)
  for i, item in ipairs(list) do
    -- The first line of an item follows its dash.
    local at = #out + 1
    write(out, item, indent .. "  ", path .. "[" .. i .. "]", depth)
    out[at] = indent .. "- " .. out[at]:sub(#indent + 3)
  end
end

local function write_entry(out, key, v, indent, path, depth)
  local name = indent .. M.string(key) .. ":"
  if type(v) == "table" and next(v) ~= nil then
    out[#out + 1] = name
    write(out, v, M.shape(v) == "list" and indent or indent .. "  ", path, depth)
  elseif type(v) == "table" then
    out[#out + 1] = name .. (M.shape(v) == "list" and " []" or " {}")
  else
    out[#out + 1] = name .. " " .. M.scalar(v, indent .. "  ", path)
  end
end

-- Appends the lines of `v`.
function write(out, v, indent, path, depth)
  if type(v) ~= "table" then
    out[#out + 1] = indent .. M.scalar(v, depth == 0 and indent .. "  " or indent, path)
    return
  end
  if depth >= MAX_DEPTH then fail(path, "a table nested deeper than 64 levels (or in itself)") end
  local shape = M.shape(v)
  if not shape then fail(path, "a table that is neither a list nor a record") end
  if next(v) == nil then
    out[#out + 1] = indent .. (shape == "list" and "[]" or "{}")
  elseif shape == "list" then
    write_list(out, v, indent, path, depth + 1)
  else
    for _, key in ipairs(ordered.keys(v)) do
      if not utf8.len(key) then fail(path, "a key that is not UTF-8") end
      write_entry(out, key, v[key], indent, (path == "" and "" or path .. ".") .. key, depth + 1)
    end
  end
end

---The lines of a value at a given indentation, without the newline at the end.
---@param v any
---@param indent string
---@return string
function M.block(v, indent)
  local out = {}
  write(out, v, indent, "", 0)
  return table.concat(out, "\n")
end

---A value in flow style, on one line: `{ a: 1, b: [x] }`.
---@param v any
---@return string
function M.flow(v)
  if type(v) == "string" then return M.string(v, true) end
  if type(v) ~= "table" then return M.scalar(v) end
  local parts = {}
  if M.shape(v) == "list" then
    for i, item in ipairs(v) do
      parts[i] = M.flow(item)
    end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for _, key in ipairs(ordered.keys(v)) do
    parts[#parts + 1] = M.string(key, true) .. ": " .. M.flow(v[key])
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- Writes a value as a YAML document.
---@param v any
---@return string text that ends with a newline
function M.encode(v) return M.block(v, "") .. "\n" end

return M

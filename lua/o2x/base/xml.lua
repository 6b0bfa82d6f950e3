--- The subset of XML that AWS uses: elements that contain either text or elements.

local core = require "o2x.core.xml"
local errors = require "o2x.base.error"

local M = {}

---@class xml.element
---@field name string
---@field text string             its own text, white space included
---@field [integer] xml.element   its children
local Element = {}
Element.__index = Element

local function adopt(element)
  for _, child in ipairs(element) do
    adopt(child)
  end
  return setmetatable(element, Element)
end

--- The first child of that name, its first child of the next name, and so on; nil if one is missing.
---@param ... string names
---@param name string?
---@return xml.element|nil
function Element:find(name, ...)
  if not name then return self end
  for _, child in ipairs(self) do
    if child.name == name then return child:find(...) end
  end
end

--- The children of that name.
---@param name string
---@return xml.element[]
function Element:all(name)
  local found = {}
  for _, child in ipairs(self) do
    if child.name == name then found[#found + 1] = child end
  end
  return found
end

--- The trimmed text of the element found by these names; nil if it is missing.
---@param ... string names
---@return string|nil
function Element:value(...)
  local element = self:find(...)
  return element and element.text:match("^%s*(.-)%s*$")
end

--- Parses a document.
---@param text string
---@param source string? where the text is from, for the error's message
---@return xml.element root
function M.parse(text, source)
  local root =
    errors.check({ kind = "failed", module = "xml", op = "parse", message = source or "XML" }, core.parse(text))
  return adopt(root)
end

local ESCAPES <const> =
  { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;", ["\r"] = "&#13;" }

--- Escapes text for an element. A character that XML does not allow is an error.
---@param text any
---@return string
function M.escape(text)
  text = tostring(text)
  if text:find("[%z\1-\8\11\12\14-\31]") then errors.input("XML does not allow control characters") end
  return (text:gsub("[&<>\"'\r]", ESCAPES))
end

local function write(parts, node)
  local tag, first = node[1], node[2]
  if first == nil then
    parts[#parts + 1] = ("<%s/>"):format(tag)
    return
  end
  parts[#parts + 1] = ("<%s>"):format(tag)
  if type(first) == "table" then
    for i = 2, #node do
      write(parts, node[i])
    end
  else
    parts[#parts + 1] = M.escape(first)
  end
  parts[#parts + 1] = ("</%s>"):format(tag:match("^%S+"))
end

--- Writes an element: `{ "Name", "text" }`, `{ "Name", { "Child", … }, … }` or `{ "Name" }`. `xmlns` is the root's.
---@param node table
---@param xmlns string?
---@return string
function M.write(node, xmlns)
  local parts = { '<?xml version="1.0" encoding="UTF-8"?>\n' }
  local root = { table.unpack(node) }
  if xmlns then root[1] = ('%s xmlns="%s"'):format(node[1], M.escape(xmlns)) end
  write(parts, root)
  return table.concat(parts)
end

return M

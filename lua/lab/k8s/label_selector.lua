--- The API server's parser of label selectors, with its messages: `a=b,c!=d,e in (x,y),f notin (x),g,!h`.
local names = require "lab.k8s.names"

local M = {}

local SYMBOLS <const> = { ["="] = true, ["=="] = true, ["!="] = true, ["!"] = true, ["("] = true, [")"] = true }
SYMBOLS[","], SYMBOLS[">"], SYMBOLS["<"] = true, true, true

local OPERATORS <const> = { ["="] = "in", ["=="] = "in", ["!="] = "notin", ["in"] = "in", ["notin"] = "notin" }
local BINARY <const> = "in, notin, =, ==, !=, gt, lt"

local function fail(...) error({ message = string.format(...) }, 0) end

-- The longest symbol at a place of the text.
local function symbol_at(text, at)
  local two = text:sub(at, at + 1)
  return #two == 2 and SYMBOLS[two] and two or text:sub(at, at)
end

-- The tokens of a text, and "" as the last one.
local function tokens(text)
  local list, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then break end
    local word = text:match("^[^%s=!(),<>]+", at) or symbol_at(text, at)
    list[#list + 1] = word
    at = at + #word
  end
  list[#list + 1] = ""
  return list
end

local Parser = {}
Parser.__index = Parser

--- The next token, without a step.
---@return string
function Parser:look() return self.list[self.at] end

--- The next token; a step.
---@return string
function Parser:take()
  local token = self.list[self.at]
  self.at = math.min(self.at + 1, #self.list)
  return token
end

local function is_word(token) return token ~= "" and not SYMBOLS[token] end

--- The key of a requirement, and whether it must be absent.
---@return string key
---@return boolean absent
function Parser:key()
  local token, absent = self:take(), false
  if token == "!" then
    token, absent = self:take(), true
  end
  if not is_word(token) then fail("found '%s', expected: identifier", token) end
  if not names.is_label_key(token) then fail("<nil>: Invalid value: %q: %s", token, names.LABEL_KEY) end
  return token, absent
end

--- The values in parentheses.
---@return table<string, boolean>
function Parser:values()
  local token, set = self:take(), {}
  if token ~= "(" then fail("found '%s' expected: '('", token) end
  while self:look() ~= ")" do
    token = self:take()
    if is_word(token) then
      set[token] = true
    elseif token ~= "," then
      fail("found '%s', expected: ',', or ')'", token)
    elseif not is_word(self:look()) then
      set[""] = true
    end
  end
  self:take()
  if not next(set) then set[""] = true end
  return set
end

--- The value after `=`: none is the empty one.
---@return table<string, boolean>
function Parser:value()
  local token = self:look()
  if token == "" or token == "," then return { [""] = true } end
  if not is_word(token) then fail("found '%s', expected: identifier", token) end
  return { [self:take()] = true }
end

--- One requirement.
---@return table
function Parser:requirement()
  local key, absent = self:key()
  local token = self:look()
  if absent then return { key = key, op = "absent" } end
  if token == "" or token == "," then return { key = key, op = "exists" } end
  self:take()
  local op = OPERATORS[token]
  if not op then fail("found '%s', expected: %s", token, BINARY) end
  return { key = key, op = op, values = is_word(token) and self:values() or self:value() }
end

local function parse(text)
  local parser, list = setmetatable({ list = tokens(text), at = 1 }, Parser), {}
  while parser:look() ~= "" do
    local token = parser:look()
    if not is_word(token) and token ~= "!" then
      fail("found '%s', expected: !, identifier, or 'end of string'", token)
    end
    local ok, requirement = pcall(parser.requirement, parser)
    if not ok then fail("unable to parse requirement: %s", requirement.message or tostring(requirement)) end
    list[#list + 1] = requirement
    token = parser:take()
    if token == "," then
      token = parser:look()
      if not is_word(token) and token ~= "!" then fail("found '%s', expected: identifier after ','", token) end
    elseif token ~= "" then
      fail("found '%s', expected: ',' or 'end of string'", token)
    end
  end
  return list
end

--- Parses a label selector.
---@param text string
---@return table[]? requirements { key, op = "in"|"notin"|"exists"|"absent", values }
---@return string? message
function M.parse(text)
  local ok, result = pcall(parse, text)
  if ok then return result end
  return nil, type(result) == "table" and result.message or tostring(result)
end

return M

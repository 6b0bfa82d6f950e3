--- Parses a GraphQL document (specification of October 2021): operations, selections, arguments, variables, aliases,
--- fragments and directives. Type system definitions are not part of a request and are refused.

local M = {}

local MAX_BYTES = 256 * 1024
local MAX_DEPTH = 64

local PUNCTUATION = "[!%$&%(%):=@%[%]{|}]"
local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local Parser = {}
Parser.__index = Parser

local function position(text, offset)
  local line, start = 1, 1
  for newline in text:sub(1, offset - 1):gmatch("()\n") do
    line, start = line + 1, newline + 1
  end
  return { line = line, column = offset - start + 1 }
end

--- Raises the error of a request that is invalid GraphQL or does not fit the schema.
---@param message string
---@param location table|nil {line=, column=}
function M.fail(message, location)
  error({ graphql = true, message = message, locations = location and { location } or nil }, 0)
end

--- Raises a syntax error at the current token.
---@param message string
function Parser:fail(message) M.fail("Syntax Error: " .. message .. ".", position(self.text, self.start)) end

--- The position after white space, commas and comments.
---@return integer
function Parser:skip()
  local at = self.next
  while true do
    local after = self.text:match("^[%s,\239\187\191]+()", at) or self.text:match("^#[^\n]*()", at)
    if not after then return at end
    at = after
  end
end

--- Reads a string, in quotes or in triple quotes.
---@param at integer position of the opening quote
function Parser:string_token(at)
  if self.text:sub(at, at + 2) == '"""' then
    local close = self.text:find('"""', at + 3, true)
    if not close then self:fail("Unterminated string") end
    self.kind, self.value, self.next = "string", self.text:sub(at + 3, close - 1), close + 3
    return
  end
  local parts, from = {}, at + 1
  while true do
    local plain, stop, after = self.text:match('^([^"\\\n]*)(["\\\n]?)()', from)
    parts[#parts + 1] = plain
    if stop == '"' then
      self.kind, self.value, self.next = "string", table.concat(parts), after
      return
    elseif stop ~= "\\" then
      self:fail("Unterminated string")
    end
    local hex = self.text:match("^u(%x%x%x%x)", after)
    local plainly = ESCAPES[self.text:sub(after, after)]
    if not hex and not plainly then self:fail("Invalid character escape sequence") end
    parts[#parts + 1] = hex and utf8.char(tonumber(hex, 16)) or plainly
    from = after + (hex and 5 or 1)
  end
end

--- Reads the next token into kind and value.
function Parser:advance()
  local at = self:skip()
  self.start = at
  local text = self.text
  if at > #text then
    self.kind, self.value = "end", "<EOF>"
    return
  end
  local name = text:match("^[_%a][_%w]*", at)
  local number = not name
    and (
      text:match("^-?%d+%.%d+[eE][+-]?%d+", at)
      or text:match("^-?%d+[eE][+-]?%d+", at)
      or text:match("^-?%d+%.%d+", at)
      or text:match("^-?%d+", at)
    )
  if name then
    self.kind, self.value, self.next = "name", name, at + #name
  elseif number then
    self.kind, self.value, self.next = "number", math.tointeger(tonumber(number)) or tonumber(number), at + #number
  elseif text:find('^"', at) then
    self:string_token(at)
  elseif text:find("^%.%.%.", at) then
    self.kind, self.value, self.next = "...", "...", at + 3
  elseif text:find("^" .. PUNCTUATION, at) then
    self.kind, self.value, self.next = text:sub(at, at), text:sub(at, at), at + 1
  else
    self:fail(("Cannot parse the unexpected character %q"):format(text:sub(at, at)))
  end
end

--- Takes the token if it is of a kind.
---@param kind string
---@return any? value
function Parser:accept(kind)
  if self.kind ~= kind then return nil end
  local value = self.value
  self:advance()
  return value
end

--- Takes the token, which must be of a kind.
---@param kind string
---@return any value
function Parser:expect(kind)
  if self.kind ~= kind then self:fail(("Expected %s, found %q"):format(kind, tostring(self.value))) end
  return self:accept(kind)
end

--- Calls a method one level deeper; refuses a document that is nested too deeply.
---@param fn fun(parser: table, ...): any
---@param ... any more arguments of fn
---@return any result
function Parser:nested(fn, ...)
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then self:fail("Document is nested too deeply") end
  local result = fn(self, ...)
  self.depth = self.depth - 1
  return result
end

local LITERALS = {
  ["true"] = { kind = "literal", value = true },
  ["false"] = { kind = "literal", value = false },
  null = { kind = "null" },
}

--- Parses a value: a variable, a list, an object or a literal.
---@return table node
function Parser:value_node()
  if self:accept("$") then return { kind = "variable", name = self:expect("name") } end
  if self:accept("[") then
    local node = { kind = "list" }
    while not self:accept("]") do
      node[#node + 1] = self:nested(self.value_node)
    end
    return node
  end
  if self:accept("{") then
    local node = { kind = "object", fields = {} }
    while not self:accept("}") do
      local name = self:expect("name")
      self:expect(":")
      if node.fields[name] then self:fail(("There can be only one input field named %q"):format(name)) end
      node.fields[name] = self:nested(self.value_node)
    end
    return node
  end
  if self.kind == "number" or self.kind == "string" then
    local value = self.value
    self:advance()
    return { kind = "literal", value = value }
  end
  local word = self:expect("name")
  return LITERALS[word] or { kind = "literal", value = word } -- an enumeration value is represented by its name
end

--- Parses the arguments of a field or directive.
---@return table<string, table> nodes by name
function Parser:arguments()
  local arguments = {}
  if not self:accept("(") then return arguments end
  repeat
    local name = self:expect("name")
    self:expect(":")
    if arguments[name] then self:fail(("There can be only one argument named %q"):format(name)) end
    arguments[name] = self:value_node()
  until self:accept(")")
  return arguments
end

--- Parses directives.
---@return { name: string, arguments: table }[]
function Parser:directives()
  local list = {}
  while self:accept("@") do
    list[#list + 1] = { name = self:expect("name"), arguments = self:arguments() }
  end
  return list
end

--- Parses a field, a fragment spread or an inline fragment.
---@return table node
function Parser:selection()
  local location = position(self.text, self.start)
  if self:accept("...") then
    if self.kind == "name" and self.value ~= "on" then
      return { kind = "spread", name = self:expect("name"), directives = self:directives(), location = location }
    end
    local on = self:accept("name") and self:expect("name") or nil
    return {
      kind = "inline",
      on = on,
      directives = self:directives(),
      selections = self:selections(),
      location = location,
    }
  end
  local name, alias = self:expect("name"), nil
  if self:accept(":") then
    name, alias = self:expect("name"), name
  end
  return {
    kind = "field",
    name = name,
    key = alias or name,
    arguments = self:arguments(),
    directives = self:directives(),
    selections = self.kind == "{" and self:selections() or nil,
    location = location,
  }
end

--- Parses a selection set.
---@return table[] nodes
function Parser:selections()
  self:expect("{")
  local list = {}
  repeat
    list[#list + 1] = self:nested(self.selection)
  until self:accept("}")
  return list
end

--- Parses a type.
---@return string text "[Line]!"
function Parser:type_text()
  local text
  if self:accept("[") then
    text = "[" .. self:nested(self.type_text) .. self:expect("]")
  else
    text = self:expect("name")
  end
  return self:accept("!") and text .. "!" or text
end

--- Parses the variables of an operation.
---@return { name: string, type: string, default: table? }[]
function Parser:variables()
  local list = {}
  if not self:accept("(") then return list end
  repeat
    self:expect("$")
    local variable = { name = self:expect("name") }
    self:expect(":")
    variable.type = self:type_text()
    if self:accept("=") then variable.default = self:value_node() end
    self:directives()
    list[#list + 1] = variable
  until self:accept(")")
  return list
end

--- Parses an operation or a fragment and adds it.
---@param document table operations, fragments
function Parser:definition(document)
  if self.kind == "{" then
    table.insert(document.operations, { kind = "query", variables = {}, selections = self:selections() })
    return
  end
  local word = self:expect("name")
  if word == "query" or word == "mutation" then
    table.insert(document.operations, {
      kind = word,
      name = self:accept("name"),
      variables = self:variables(),
      directives = self:directives(),
      selections = self:selections(),
    })
  elseif word == "fragment" then
    local name = self:expect("name")
    if self:expect("name") ~= "on" then self:fail('Expected "on"') end
    document.fragments[name] =
      { on = self:expect("name"), directives = self:directives(), selections = self:selections() }
  else
    self:fail(("Unexpected Name %q"):format(word))
  end
end

--- Parses a request document. Raises `{graphql=true, message=, locations=}` if it is invalid.
---@param text string
---@return table document { operations = {…}, fragments = {name → fragment} }
function M.parse(text)
  local parser = setmetatable({ text = text, next = 1, start = 1, depth = 0 }, Parser)
  if #text > MAX_BYTES then parser:fail("Document is too long") end
  local document = { operations = {}, fragments = {} }
  parser:advance()
  if parser.kind == "end" then parser:fail("Unexpected <EOF>") end
  while parser.kind ~= "end" do
    parser:definition(document)
  end
  return document
end

return M

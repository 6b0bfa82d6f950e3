--- Parses Lua into a tree with resolved names, for o2x check. Expressions are { k =, line = } with k one of name,
--- index, call, method, func, table, string, number, literal, binary, unary; a name has var unless it is global.

local lexer = require "o2x.script.check.lexer"

local M = {}

local Parser = {}
Parser.__index = Parser

local LEFT = {
  ["or"] = 1,
  ["and"] = 2,
  ["<"] = 3,
  [">"] = 3,
  ["<="] = 3,
  [">="] = 3,
  ["~="] = 3,
  ["=="] = 3,
  ["|"] = 4,
  ["~"] = 5,
  ["&"] = 6,
  ["<<"] = 7,
  [">>"] = 7,
  [".."] = 9,
  ["+"] = 10,
  ["-"] = 10,
  ["*"] = 11,
  ["/"] = 11,
  ["//"] = 11,
  ["%"] = 11,
  ["^"] = 14,
}
local RIGHT = { [".."] = 8, ["^"] = 13 }
local UNARY, UNARY_PRIORITY = { ["not"] = true, ["#"] = true, ["-"] = true, ["~"] = true }, 12

--- The kind of the next token.
---@return string kind
function Parser:peek() return self.tokens[self.at].kind end
--- The line of the next token.
---@return integer line
function Parser:line() return self.tokens[self.at].line end

--- Takes the next token.
---@return table token kind, value, line
function Parser:next()
  local token = self.tokens[self.at]
  self.at = self.at + 1
  return token
end

--- Takes the next token if it is of a kind.
---@param kind string
---@return table? token
function Parser:accept(kind)
  if self:peek() == kind then return self:next() end
end

--- Takes the next token, which must be of a kind; raises a text.
---@param kind string
---@return table token
function Parser:expect(kind)
  return self:accept(kind) or error(("line %d: %s expected, got %s"):format(self:line(), kind, self:peek()), 0)
end

-- ---- scopes ----

--- Declares a local name in the innermost scope.
---@param name string
---@param line integer
---@param value table? node of its first value
---@return table var name, line, value, func
function Parser:declare(name, line, value)
  local var = { name = name, line = line, value = value, func = self.func }
  self.scope.vars[name] = var
  return var
end

--- The variable that a name stands for.
---@param name string
---@return table? var nil: a global
function Parser:resolve(name)
  local scope = self.scope
  while scope do
    if scope.vars[name] then return scope.vars[name] end
    scope = scope.outer
  end
end

--- Calls fn in a scope of its own.
---@param fn fun(): any
---@return any result
function Parser:scoped(fn)
  self.scope = { vars = {}, outer = self.scope }
  local result = fn()
  self.scope = self.scope.outer
  return result
end

-- ---- expressions ----

--- Parses a name.
---@return table node
function Parser:name()
  local token = self:expect("name")
  return { k = "name", name = token.value, line = token.line, var = self:resolve(token.value) }
end

--- Parses a function from its parameters to its end.
---@param line integer
---@param with_self boolean? a method: its first parameter is self
---@return table node
function Parser:func_body(line, with_self)
  local outer = self.func
  local node = { k = "func", line = line, params = {}, outer = outer }
  self.func = node
  self:scoped(function()
    if with_self then table.insert(node.params, self:declare("self", line)) end
    self:expect("(")
    while self:peek() ~= ")" do
      if self:accept("...") then
        node.vararg = true
      else
        local token = self:expect("name")
        table.insert(node.params, self:declare(token.value, token.line))
      end
      if not self:accept(",") then break end
    end
    self:expect(")")
    node.body = self:block()
    self:expect("end")
  end)
  self.func = outer
  return node
end

--- Parses a table constructor.
---@return table node items: { name, key, value, line }
function Parser:constructor()
  local node = { k = "table", line = self:expect("{").line, items = {} }
  while self:peek() ~= "}" do
    local item = { line = self:line() }
    if self:accept("[") then
      item.key = self:expression()
      item.name = item.key.k == "string" and item.key.value or nil
      self:expect("]")
      self:expect("=")
    elseif self:peek() == "name" and self.tokens[self.at + 1].kind == "=" then
      item.name = self:next().value
      self:next()
    end
    item.value = self:expression()
    table.insert(node.items, item)
    if not (self:accept(",") or self:accept(";")) then break end
  end
  self:expect("}")
  return node
end

--- Parses the arguments of a call.
---@return table[] nodes
function Parser:arguments()
  if self:peek() == "string" then
    local token = self:next()
    return { { k = "string", value = token.value, line = token.line } }
  elseif self:peek() == "{" then
    return { self:constructor() }
  end
  self:expect("(")
  local list = self:peek() == ")" and {} or self:expressions()
  self:expect(")")
  return list
end

--- Parses a name or an expression in parentheses.
---@return table node
function Parser:primary()
  if self:accept("(") then
    local inner = self:expression()
    self:expect(")")
    return inner
  end
  return self:name()
end

--- Parses a primary expression with its indexes, methods and calls.
---@return table node
function Parser:suffixed()
  local node = self:primary()
  while true do
    local kind, line = self:peek(), self:line()
    if kind == "." then
      self:next()
      local key = self:expect("name")
      node = { k = "index", object = node, line = key.line, key = { k = "string", value = key.value, line = key.line } }
    elseif kind == "[" then
      self:next()
      node = { k = "index", object = node, key = self:expression(), line = line }
      self:expect("]")
    elseif kind == ":" then
      self:next()
      local name = self:expect("name")
      node = { k = "method", object = node, name = name.value, line = name.line, args = self:arguments() }
    elseif kind == "(" or kind == "string" or kind == "{" then
      node = { k = "call", fn = node, line = line, args = self:arguments() }
    else
      return node
    end
  end
end

local LITERAL = { ["nil"] = true, ["true"] = true, ["false"] = true, ["..."] = true }

--- Parses an operand.
---@return table node
function Parser:simple()
  local kind, line = self:peek(), self:line()
  if kind == "string" or kind == "number" then return { k = kind, value = self:next().value, line = line } end
  if LITERAL[kind] then return { k = "literal", value = self:next().kind, line = line } end
  if kind == "{" then return self:constructor() end
  if kind == "function" then
    self:next()
    return self:func_body(line)
  end
  return self:suffixed()
end

--- Parses an expression.
---@param limit integer? operators that bind no closer than this end it
---@return table node
function Parser:expression(limit)
  limit = limit or 0
  local node
  if UNARY[self:peek()] then
    local operator = self:next()
    node = { k = "unary", op = operator.kind, line = operator.line, a = self:expression(UNARY_PRIORITY) }
  else
    node = self:simple()
  end
  while LEFT[self:peek()] and LEFT[self:peek()] > limit do
    local operator = self:next()
    node = {
      k = "binary",
      op = operator.kind,
      line = operator.line,
      a = node,
      b = self:expression(RIGHT[operator.kind] or LEFT[operator.kind]),
    }
  end
  return node
end

--- Parses a list of expressions.
---@return table[] nodes
function Parser:expressions()
  local list = { self:expression() }
  while self:accept(",") do
    list[#list + 1] = self:expression()
  end
  return list
end

-- ---- statements ----

--- By first word; each parses what follows it.
---@type table<string, fun(parser: table, line: integer): table>
local statements = {}

function statements:local_(line)
  if self:accept("function") then
    local token = self:expect("name")
    local var = self:declare(token.value, token.line)
    var.value = self:func_body(line)
    return { k = "local", vars = { var }, values = { var.value }, line = line }
  end
  local names = {}
  repeat
    names[#names + 1] = self:expect("name")
    if self:accept("<") then
      self:expect("name")
      self:expect(">")
    end
  until not self:accept(",")
  local values = self:accept("=") and self:expressions() or {}
  local vars = {}
  for i, token in ipairs(names) do
    vars[i] = self:declare(token.value, token.line, values[i])
  end
  return { k = "local", vars = vars, values = values, line = line }
end

statements["function"] = function(self, line)
  local target = self:name()
  local with_self = false
  while self:peek() == "." or self:peek() == ":" do
    with_self = self:next().kind == ":"
    local key = self:expect("name")
    target =
      { k = "index", object = target, line = key.line, key = { k = "string", value = key.value, line = key.line } }
  end
  return { k = "assign", targets = { target }, values = { self:func_body(line, with_self) }, line = line }
end

statements["if"] = function(self, line)
  local node = { k = "if", clauses = {}, line = line }
  repeat
    local clause = { condition = self:expression() }
    self:expect("then")
    self:scoped(function() clause.body = self:block() end)
    table.insert(node.clauses, clause)
  until not self:accept("elseif")
  if self:accept("else") then self:scoped(function() table.insert(node.clauses, { body = self:block() }) end) end
  self:expect("end")
  return node
end

statements["while"] = function(self, line)
  local node = { k = "loop", exprs = { self:expression() }, line = line }
  self:expect("do")
  self:scoped(function() node.body = self:block() end)
  self:expect("end")
  return node
end

statements["repeat"] = function(self, line)
  local node = { k = "loop", line = line }
  self:scoped(function()
    node.body = self:block()
    self:expect("until")
    node.exprs = { self:expression() }
  end)
  return node
end

statements["for"] = function(self, line)
  local names = {}
  repeat
    names[#names + 1] = self:expect("name")
  until not self:accept(",")
  if not self:accept("=") then self:expect("in") end
  local node = { k = "loop", exprs = self:expressions(), line = line }
  self:expect("do")
  self:scoped(function()
    for _, token in ipairs(names) do
      self:declare(token.value, token.line)
    end
    node.body = self:block()
  end)
  self:expect("end")
  return node
end

statements["do"] = function(self, line)
  local node = { k = "do", line = line }
  self:scoped(function() node.body = self:block() end)
  self:expect("end")
  return node
end

statements["return"] = function(self, line)
  local last = self:peek()
  local ends = last == "end"
    or last == "end of file"
    or last == "else"
    or last == "elseif"
    or last == "until"
    or last == ";"
  local node = { k = "return", values = ends and {} or self:expressions(), line = line }
  self:accept(";")
  return node
end

statements["break"] = function(_, line) return { k = "break", line = line } end

statements["goto"] = function(self, line)
  self:expect("name")
  return { k = "break", line = line }
end

statements["::"] = function(self, line)
  self:expect("name")
  self:expect("::")
  return { k = "break", line = line }
end

--- Parses a statement.
---@return table node
function Parser:statement()
  local line, kind = self:line(), self:peek()
  local statement = kind == "local" and statements.local_ or statements[kind]
  if statement then
    self:next()
    return statement(self, line)
  end
  local first = self:suffixed()
  if self:peek() ~= "=" and self:peek() ~= "," then return { k = "expression", value = first, line = line } end
  local targets = { first }
  while self:accept(",") do
    targets[#targets + 1] = self:suffixed()
  end
  self:expect("=")
  return { k = "assign", targets = targets, values = self:expressions(), line = line }
end

local BLOCK_END = { ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true, ["end of file"] = true }

--- Parses statements until the word that ends their block.
---@return table[] nodes
function Parser:block()
  local list = {}
  while not BLOCK_END[self:peek()] do
    if not self:accept(";") then list[#list + 1] = self:statement() end
  end
  return list
end

--- The tree of a source text that compiles.
---@param text string
---@return table main a func node without parameters
function M.parse(text)
  local main = { k = "func", line = 1, params = {} }
  local parser = setmetatable({ tokens = lexer.tokens(text), at = 1, scope = { vars = {} }, func = main }, Parser)
  main.body = parser:block()
  parser:expect("end of file")
  return main
end

-- ---- walking ----

local FIELDS = { "object", "key", "fn", "a", "b", "value", "condition" }
local LISTS = { "args", "items", "values", "targets", "clauses", "exprs", "body" }

--- Calls enter for each node of a tree, parents first; if it returns false, the node's children are skipped.
---@param node table
---@param enter fun(node: table): boolean?
function M.walk(node, enter)
  if node.k and enter(node) == false then return end
  for _, field in ipairs(FIELDS) do
    if type(node[field]) == "table" then M.walk(node[field], enter) end
  end
  for _, field in ipairs(LISTS) do
    for _, child in ipairs(node[field] or {}) do
      M.walk(child, enter)
    end
  end
end

return M

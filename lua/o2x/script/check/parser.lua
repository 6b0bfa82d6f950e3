--- Parses Lua into a tree with resolved names, for o2x check. Expressions are { k =, line = } with k one of name,
--- index, call, method, func, table, string, number, literal, binary, unary; a name has var unless it is global.

local lexer = require "o2x.core.lex"
local walk = require "o2x.script.check.walk"

local M = { walk = walk.walk, each = walk.each }

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

-- The text that is parsed: its tokens, the next one, the innermost scope and function. They are local variables,
-- because a parser looks at them all the time; a text is parsed without a wait.
local kinds, values, lines, at, scope, func

-- Takes the next token if it is of a kind.
local function accept(kind)
  if kinds[at] ~= kind then return false end
  at = at + 1
  return true
end

-- Takes the next token, which must be of a kind; raises a text. → its value and line
local function expect(kind)
  local here = at
  if kinds[here] ~= kind then error(("line %d: %s expected, got %s"):format(lines[here], kind, kinds[here]), 0) end
  at = here + 1
  return values[here], lines[here]
end

-- ---- scopes ----

-- Declares a local name in the innermost scope; value: the node of its first value.
local function declare(name, line, value)
  local var = { name = name, line = line, value = value, func = func }
  scope.vars[name] = var
  return var
end

-- The variable that a name stands for; nil: a global.
local function resolve(name)
  local where = scope
  while where do
    local var = where.vars[name]
    if var then return var end
    where = where.outer
  end
end

local function open() scope = { vars = {}, outer = scope } end
local function close() scope = scope.outer end

-- ---- expressions ----

local expression, block

local function name_node()
  local name, line = expect "name"
  return { k = "name", name = name, line = line, var = resolve(name) }
end

local function expressions()
  local list, count = { (expression(0)) }, 1
  while accept "," do
    count = count + 1
    list[count] = expression(0)
  end
  return list
end

-- A function from its parameters to its end; a method has the parameter self.
local function func_body(line, with_self)
  local outer = func
  local node = { k = "func", line = line, params = {}, outer = outer }
  func = node
  open()
  local params = node.params
  if with_self then params[1] = declare("self", line) end
  expect "("
  while kinds[at] ~= ")" do
    if accept "..." then
      node.vararg = true
    else
      params[#params + 1] = declare(expect "name")
    end
    if not accept "," then break end
  end
  expect ")"
  node.body = block()
  expect "end"
  close()
  func = outer
  return node
end

-- A table constructor; items: { name, key, value, line }.
local function constructor()
  local items, count = {}, 0
  local node = { k = "table", line = lines[at], items = items }
  expect "{"
  while kinds[at] ~= "}" do
    local item = { line = lines[at] }
    if accept "[" then
      item.key = expression(0)
      item.name = item.key.k == "string" and item.key.value or nil
      expect "]"
      expect "="
    elseif kinds[at] == "name" and kinds[at + 1] == "=" then
      item.name = values[at]
      at = at + 2
    end
    item.value = expression(0)
    count = count + 1
    items[count] = item
    if not (accept "," or accept ";") then break end
  end
  expect "}"
  return node
end

-- The next token as a node; it is a text or a number.
local function constant(kind)
  local node = { k = kind, value = values[at], line = lines[at] }
  at = at + 1
  return node
end

local function arguments()
  local kind = kinds[at]
  if kind == "string" then return { constant(kind) } end
  if kind == "{" then return { constructor() } end
  expect "("
  local list = kinds[at] == ")" and {} or expressions()
  expect ")"
  return list
end

-- An access by name: object.key.
local function field(object)
  local key, line = expect "name"
  return { k = "index", object = object, line = line, key = { k = "string", value = key, line = line } }
end

-- A name or an expression in parentheses, with its indexes, methods and calls.
local function suffixed()
  local node
  if accept "(" then
    node = expression(0)
    expect ")"
  else
    node = name_node()
  end
  while true do
    local kind, line = kinds[at], lines[at]
    if kind == "." then
      at = at + 1
      node = field(node)
    elseif kind == "(" or kind == "string" or kind == "{" then
      node = { k = "call", fn = node, line = line, args = arguments() }
    elseif kind == ":" then
      at = at + 1
      local name, name_line = expect "name"
      node = { k = "method", object = node, name = name, line = name_line, args = arguments() }
    elseif kind == "[" then
      at = at + 1
      node = { k = "index", object = node, key = expression(0), line = line }
      expect "]"
    else
      return node
    end
  end
end

local LITERAL = { ["nil"] = true, ["true"] = true, ["false"] = true, ["..."] = true }

-- An operand.
local function simple()
  local kind, line = kinds[at], lines[at]
  if kind == "name" then return suffixed() end
  if kind == "string" or kind == "number" then return constant(kind) end
  if kind == "{" then return constructor() end
  if kind == "function" then
    at = at + 1
    return func_body(line)
  end
  if not LITERAL[kind] then return suffixed() end
  at = at + 1
  return { k = "literal", value = kind, line = line }
end

-- An expression; operators that bind no closer than limit end it.
expression = function(limit)
  local node
  local operator, line = kinds[at], lines[at]
  if UNARY[operator] then
    at = at + 1
    node = { k = "unary", op = operator, line = line, a = expression(UNARY_PRIORITY) }
  else
    node = simple()
  end
  operator = kinds[at]
  local priority = LEFT[operator]
  while priority and priority > limit do
    line = lines[at]
    at = at + 1
    node = { k = "binary", op = operator, line = line, a = node, b = expression(RIGHT[operator] or priority) }
    operator = kinds[at]
    priority = LEFT[operator]
  end
  return node
end

-- ---- statements ----

-- By first word; each parses what follows it.
local statements = {}

local function local_function(line)
  local var = declare(expect "name")
  var.value = func_body(line)
  return { k = "local", vars = { var }, values = { var.value }, line = line }
end

-- Names with commas between them: { name, line }.
local function names(attributes)
  local list = {}
  repeat
    list[#list + 1] = { expect "name" }
    if attributes and accept "<" then
      expect "name"
      expect ">"
    end
  until not accept ","
  return list
end

local function scoped_block()
  open()
  local body = block()
  close()
  return body
end

statements["local"] = function(line)
  if accept "function" then return local_function(line) end
  local list = names(true)
  local given = accept "=" and expressions() or {}
  local vars = {}
  for i, name in ipairs(list) do
    vars[i] = declare(name[1], name[2], given[i])
  end
  return { k = "local", vars = vars, values = given, line = line }
end

statements["function"] = function(line)
  local target, with_self = name_node(), false
  while kinds[at] == "." or kinds[at] == ":" do
    with_self = kinds[at] == ":"
    at = at + 1
    target = field(target)
  end
  if target.var then target.var.changed = true end
  return { k = "assign", targets = { target }, values = { func_body(line, with_self) }, line = line }
end

statements["if"] = function(line)
  local clauses = {}
  repeat
    local clause = { condition = expression(0) }
    expect "then"
    clause.body = scoped_block()
    clauses[#clauses + 1] = clause
  until not accept "elseif"
  if accept "else" then clauses[#clauses + 1] = { body = scoped_block() } end
  expect "end"
  return { k = "if", clauses = clauses, line = line }
end

statements["while"] = function(line)
  local node = { k = "loop", exprs = { expression(0) }, line = line }
  expect "do"
  node.body = scoped_block()
  expect "end"
  return node
end

statements["repeat"] = function(line)
  local node = { k = "loop", line = line }
  open()
  node.body = block()
  expect "until"
  node.exprs = { expression(0) } -- sees the locals of the body
  close()
  return node
end

statements["for"] = function(line)
  local list = names()
  if not accept "=" then expect "in" end
  local node = { k = "loop", exprs = expressions(), line = line }
  expect "do"
  open()
  for _, name in ipairs(list) do
    declare(name[1], name[2])
  end
  node.body = block()
  close()
  expect "end"
  return node
end

statements["do"] = function(line)
  local node = { k = "do", line = line, body = scoped_block() }
  expect "end"
  return node
end

local BLOCK_END = { ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true, ["end of file"] = true }

statements["return"] = function(line)
  local ends = BLOCK_END[kinds[at]] or kinds[at] == ";"
  local node = { k = "return", values = ends and {} or expressions(), line = line }
  accept ";"
  return node
end

statements["break"] = function(line) return { k = "break", line = line } end

statements["goto"] = function(line)
  expect "name"
  return { k = "break", line = line }
end

statements["::"] = function(line)
  expect "name"
  expect "::"
  return { k = "break", line = line }
end

local function statement()
  local line, known = lines[at], statements[kinds[at]]
  if known then
    at = at + 1
    return known(line)
  end
  local first = suffixed()
  if kinds[at] ~= "=" and kinds[at] ~= "," then return { k = "expression", value = first, line = line } end
  local targets = { first }
  while accept "," do
    targets[#targets + 1] = suffixed()
  end
  expect "="
  for _, target in ipairs(targets) do
    if target.var then target.var.changed = true end -- a local, or a parameter
  end
  return { k = "assign", targets = targets, values = expressions(), line = line }
end

-- Statements until the word that ends their block.
block = function()
  local list, count = {}, 0
  while not BLOCK_END[kinds[at]] do
    if not accept ";" then
      count = count + 1
      list[count] = statement()
    end
  end
  return list
end

--- The tree of a source text that compiles. Locals that are assigned later have `changed`.
---@param text string
---@return table main a func node without parameters
function M.parse(text)
  local main = { k = "func", line = 1, params = {} }
  kinds, values, lines = lexer.tokens(text)
  at, scope, func = 1, { vars = {} }, main
  main.body = block()
  expect "end of file"
  kinds, values, lines, scope, func = nil, nil, nil, nil, nil
  walk.enumerate(main)
  return main
end

return M

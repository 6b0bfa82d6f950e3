--- What scripts can use, parsed from the sources: functions with their parameters and doc comments, whether a call
--- leads to a write, and the tables that runbooks declare. Used by o2x check, o2x defs and docs/scripting.md.

local NAMES = require "o2x.effects.names"
local parser = require "o2x.script.check.parser"
local reach = require "o2x.script.check.reach"

local M = {}

local function sources()
  local ok, found = pcall(require, "o2x.script.effect_sources")
  return ok and found or {}
end

local files = {}

local function load(name)
  local short = name:match("^o2x%.effects%.(.*)$")
  local text = short and sources()[short]
  if not text then return nil end
  files[short] = files[short] or reach.file(text, "o2x." .. short)
  return files[short]
end

-- The blocks of doc comments in a text: { line = the line below the block, doc = its lines }.
local function blocks(text)
  local list, block, number = {}, {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local comment = line:match("^%s*%-%-%-(.*)$")
    if comment then
      block[#block + 1] = comment
    else
      if #block > 0 then list[#list + 1] = { line = number, doc = block } end
      block = {}
    end
  end
  return list
end

-- Line → the lines of the doc comment above it.
local function comments(text)
  local by_line = {}
  for _, block in ipairs(blocks(text)) do
    by_line[block.line] = block.doc
  end
  return by_line
end

local EFFECTS <const> = { effect = true, effects = true }

local function is_effect(node) return node.k == "method" and EFFECTS[node.name] or false end

local function writes(file, node)
  local found = false
  reach.from(file, node, load, is_effect, function() found = true end)
  return found
end

local function names_of(node, with_self)
  local names = {}
  for i, var in ipairs(node.params) do
    if not (with_self and i == 1) then names[#names + 1] = var.name end
  end
  if node.vararg then names[#names + 1] = "..." end
  return names
end

-- An alias of a function elsewhere (decode = yaml.decode) has the parameters that its comment lists.
local function documented(doc)
  local names = {}
  for _, line in ipairs(doc) do
    names[#names + 1] = line:match("^@param ([%w_.]+)")
  end
  return names
end

local function is_method(node) return node.k == "func" and node.params[1] ~= nil and node.params[1].name == "self" end

local function parameters(node, doc)
  if node.k ~= "func" then return documented(doc) end
  local names = names_of(node, is_method(node))
  return names[1] == "..." and documented(doc) or names
end

-- A value that is not a function, such as json.null.
local function is_constant(node, doc)
  for _, line in ipairs(doc) do
    if line:match("^@type ") then return true end
  end
  return node.k == "index" and #doc == 0
end

local function entry(file, name, node, docs, line)
  local doc = docs[line] or docs[node.line] or {}
  return {
    name = name,
    constant = is_constant(node, doc),
    params = parameters(node, doc),
    method = is_method(node),
    doc = doc,
    writes = writes(file, node),
  }
end

-- Collects the functions in the tables that a function returns or fills.
local function of_function(file, func, docs, into)
  local function take_table(node)
    for _, item in ipairs(node.items) do
      if item.name then into[item.name] = entry(file, item.name, item.value, docs, item.line) end
    end
  end
  parser.walk(func, function(node)
    if node.k == "return" and node.values[1] and node.values[1].k == "table" then take_table(node.values[1]) end
    if node.k == "local" and node.values[1] and node.values[1].k == "table" then take_table(node.values[1]) end
    if node.k == "assign" and node.targets[1].k == "index" and node.targets[1].key.k == "string" then
      into[node.targets[1].key.value] = entry(file, node.targets[1].key.value, node.values[1], docs, node.line)
    end
    return node == func or node.k ~= "func"
  end)
end

-- The functions of that name in a file: local function api, function M.api, { api = function … }.
local function functions_named(file, name)
  local found = {}
  local function take(func)
    if func and func.k == "func" then found[#found + 1] = func end
  end
  parser.walk(file.tree, function(node)
    if node.k == "local" and node.vars[1].name == name then
      take(node.values[1])
    elseif node.k == "assign" and node.targets[1].k == "index" and node.targets[1].key.value == name then
      take(node.values[1])
    elseif node.k == "table" then
      for _, item in ipairs(node.items) do
        if item.name == name then take(item.value) end
      end
    end
  end)
  return found
end

local function of_api(file, docs, into)
  for _, func in ipairs(functions_named(file, "api")) do
    of_function(file, func, docs, into)
  end
end

-- Methods of the classes of a file: function Named:rows(…).
local function of_classes(file, docs, into)
  parser.walk(file.tree, function(node)
    local target = node.k == "assign" and node.targets[1]
    if target and target.k == "index" and target.key.k == "string" and is_method(node.values[1]) then
      local method = entry(file, target.key.value, node.values[1], docs, node.line)
      method.class = target.object.k == "name" and target.object.name or nil
      into[method.name] = method
    end
  end)
end

local known, is_api = {}, {}
for _, name in ipairs(NAMES) do
  is_api[name] = true
end

--- The functions of an API, including the methods of its objects (pg.tenant).
---@param name string
---@return table<string, table>? functions name → { name, params, doc, writes, method, class, constant }; nil if unknown
function M.of(name)
  if known[name] then return known[name] end
  if not is_api[name] or not sources()[name] then return nil end
  local functions, seen = {}, {}
  local function take(short)
    local text = sources()[short]
    if seen[short] or not text then return end
    seen[short] = true
    local file, docs = load("o2x.effects." .. short), comments(text)
    of_classes(file, docs, functions)
    of_api(file, docs, functions)
    for required in text:gmatch('require[ (]+"o2x%.effects%.([%w_.]+)"') do
      if required:sub(1, #name + 1) == name .. "." then take(required) end
    end
  end
  take(name)
  known[name] = functions
  return functions
end

--- The word by which a runbook declares that it uses the functions of an API that write.
---@param name string
---@return string? word "vault:write"; nil if there are none
function M.effect(name) return (sources()[name] or ""):match 'declares = "(%l[%w_]*:write)"' end

--- What o2x check must know of an API. It is made with the program: scripts/api_index.lua.
---@param name string
---@return {effect: string|false, functions: table<string, {writes: boolean, method: boolean}>}? brief nil if unknown
function M.brief(name) return require("o2x.script.api_index")[name] end

--- The globals of runbooks: step, check, parallel, parallel.each …
---@return table<string, table> functions name → { name, params, doc }
function M.globals()
  local text = sources().dsl
  if not text then return {} end
  local file, docs, functions = reach.file(text, "dsl"), comments(text), {}
  for _, func in ipairs(functions_named(file, "new")) do
    of_function(file, func, docs, functions)
  end
  -- "parallel.each" is a field of a global: its comment says so by @function.
  for _, block in ipairs(blocks(text)) do
    for i, line in ipairs(block.doc) do
      local name = line:match("^@function ([%w_.]+)$")
      if name then
        table.remove(block.doc, i)
        functions[name] = { name = name, params = documented(block.doc), doc = block.doc }
        break
      end
    end
  end
  return functions
end

--- The tables that runbooks declare or are given: o2x.declaration, o2x.parameter, o2x.override, o2x.hooks …
---@return table<string, string[]> classes name → the lines of its doc comment, as lua-language-server reads them
function M.classes()
  local classes = {}
  for _, text in pairs(sources()) do
    for _, block in ipairs(blocks(text)) do
      local name = block.doc[1]:match("^@class (o2x%.[%l_]+)$") or block.doc[1]:match("^@alias (o2x%.[%l_]+) ")
      if name then classes[name] = block.doc end
    end
  end
  return classes
end

--- The description of an API: the comment at the head of its source.
---@param name string
---@return string[] lines
function M.head(name)
  local first = blocks(sources()[name] or "")[1]
  return first and first.doc or {}
end

--- The names of all documented APIs, sorted.
---@return string[]
function M.names()
  local list = {}
  for _, name in ipairs(NAMES) do
    if sources()[name] then list[#list + 1] = name end
  end
  return list
end

return M

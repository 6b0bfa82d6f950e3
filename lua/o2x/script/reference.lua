--- What scripts can call, from the sources of the modules themselves: names, parameters, doc comments, and whether a
--- call leads to a write. For o2x check and o2x defs.

local effects = require "o2x.effects"
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

-- The comment above each line that has one: line → the lines of the comment.
local function comments(text)
  local by_line, block, number = {}, {}, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local comment = line:match("^%s*%-%-%-(.*)$")
    if comment then
      block[#block + 1] = comment
    else
      if #block > 0 then by_line[number] = block end
      block = {}
    end
  end
  return by_line
end

local function writes(file, node)
  local found = false
  reach.from(file, node, load, function(_, n)
    if n.k == "method" and n.name == "effect" then found = true end
  end)
  return found
end

local function names_of(params, with_self)
  local names = {}
  for i, var in ipairs(params) do
    if not (with_self and i == 1) then names[#names + 1] = var.name end
  end
  return names
end

-- What is no function here (decode = yaml.decode) has the parameters that its comment names.
local function documented(doc)
  local names = {}
  for _, line in ipairs(doc) do
    names[#names + 1] = line:match("^@param ([%w_]+)")
  end
  return names
end

local function entry(file, name, node, docs, line)
  local doc = docs[line] or docs[node.line] or {}
  return {
    name = name,
    constant = node.k == "index" and #doc == 0,
    params = node.k == "func" and names_of(node.params, node.params[1] and node.params[1].name == "self")
      or documented(doc),
    method = node.k == "func" and node.params[1] ~= nil and node.params[1].name == "self",
    doc = doc,
    writes = writes(file, node),
  }
end

-- The tables that the function called api makes, and the tables that are named in it.
local function of_api(file, docs, into)
  local function take_table(node)
    for _, item in ipairs(node.items) do
      if item.name then into[item.name] = entry(file, item.name, item.value, docs, item.line) end
    end
  end
  local function take(func)
    parser.walk(func, function(node)
      if node.k == "return" and node.values[1] and node.values[1].k == "table" then take_table(node.values[1]) end
      if node.k == "local" and node.values[1] and node.values[1].k == "table" then take_table(node.values[1]) end
      if node.k == "assign" and node.targets[1].k == "index" and node.targets[1].key.k == "string" then
        into[node.targets[1].key.value] = entry(file, node.targets[1].key.value, node.values[1], docs, node.line)
      end
      return node == func or node.k ~= "func"
    end)
  end
  parser.walk(file.tree, function(node)
    if node.k == "local" and node.vars[1].name == "api" and node.values[1] and node.values[1].k == "func" then
      take(node.values[1])
    elseif node.k == "assign" and node.targets[1].k == "index" and node.targets[1].key.value == "api" then
      take(node.values[1])
    elseif node.k == "table" then
      for _, item in ipairs(node.items) do
        if item.name == "api" and item.value.k == "func" then take(item.value) end
      end
    end
  end)
end

-- Methods of the classes of a file: function Named:rows(…).
local function of_classes(file, docs, into)
  parser.walk(file.tree, function(node)
    local target = node.k == "assign" and node.targets[1]
    if
      target
      and target.k == "index"
      and target.key.k == "string"
      and node.values[1].k == "func"
      and node.values[1].params[1]
      and node.values[1].params[1].name == "self"
    then
      into[target.key.value] = entry(file, target.key.value, node.values[1], docs, node.line)
    end
  end)
end

local known = {}

--- The functions of an api: name → { name, params, doc, writes, method }. Those of objects in it (pg.tenant) are among them.
---@param name string
---@return table<string, table>? nil if there is nothing to be said of it
function M.of(name)
  if known[name] then return known[name] end
  if not sources()[name] then return nil end
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

--- The names of all apis that are described.
---@return string[]
function M.names()
  local list = {}
  for _, name in ipairs(effects.NAMES) do
    if sources()[name] then list[#list + 1] = name end
  end
  return list
end

return M

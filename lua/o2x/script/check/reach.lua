--- Follows calls from a piece of a script through local functions and through functions of required modules.

local parser = require "o2x.script.check.parser"
local script = require "o2x.script.check.script"

local M = {}

--- Parses a source for `from`.
---@param text string
---@param shown string its path, for people
---@return table file tree, defined (functions by the name of their field), shown
function M.file(text, shown)
  local file = { tree = parser.parse(text), defined = {}, shown = shown }
  parser.each(file.tree, "assign", function(node)
    for i, target in ipairs(node.targets) do
      if target.k == "index" and target.key.k == "string" and target.object.k == "name" then
        file.defined[target.key.value] = node.values[i]
      end
    end
  end)
  return file
end

local function is_function(node) return node ~= nil and (node.k == "func" or node.k == "name") end

-- What a node leads to: a function of a module, or a local one. → its file, the function
local function target_of(file, n, load)
  local object, key = script.member(n)
  if object and object.k == "name" and object.var then
    local module = script.required(object)
    local other = module and load(module) or not module and file
    if other then return other, other.defined[key] end
  elseif n.k == "name" and n.var and n.var.value and n.var.value.k == "func" then
    return file, n.var.value
  end
end

-- The kinds of nodes that name something: a name, an access by name, a call of a function or a method.
local NAMING <const> = { name = true, index = true, method = true, call = true }

-- The nodes below a root that pick wants, and the functions that it leads to; found once.
local function survey(file, root, load, pick)
  root.surveys = root.surveys or {}
  local found = root.surveys[pick]
  if found then return found end
  found = { picked = {}, targets = {} }
  root.surveys[pick] = found
  parser.walk(root, function(n)
    if not NAMING[n.k] then return end
    local value = pick(n)
    if value then found.picked[#found.picked + 1] = { n, value } end
    local at, target = target_of(file, n, load)
    if is_function(target) then found.targets[#found.targets + 1] = { n, at, target } end
  end)
  return found
end

--- Visits what is picked of a node and of everything reachable from it, each once.
---@param file table
---@param node table
---@param load fun(name: string): table? the file of a module
---@param pick fun(node: table): any what to visit of the nodes that name something, and what to know of it; the same
---  for a node each time
---@param visit fun(file: table, node: table, origin: table, picked: any) origin: where in the first file it came from
function M.from(file, node, load, pick, visit)
  local seen, queue = {}, {}
  local function go(at, root, origin)
    local found = survey(at, root, load, pick)
    for _, entry in ipairs(found.picked) do
      visit(at, entry[1], origin or entry[1], entry[2])
    end
    for _, entry in ipairs(found.targets) do
      local target = entry[3]
      if not seen[target] then
        seen[target] = true
        queue[#queue + 1] = { entry[2], target, origin or entry[1] }
      end
    end
  end
  go(file, node, nil)
  local i = 1
  while queue[i] do
    local at, target, origin = table.unpack(queue[i])
    go(at, target.k == "name" and target.var and target.var.value or target, origin)
    i = i + 1
  end
end

return M

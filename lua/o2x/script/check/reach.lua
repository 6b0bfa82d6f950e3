--- Follows calls from a piece of a script through local functions and through functions of required modules.

local parser = require "o2x.script.check.parser"
local script = require "o2x.script.check.script"

local M = {}

--- Parses a source for `from`.
---@param text string
---@param shown string its path, for people
---@return table file tree, defined (functions by the name of their field), shown
function M.file(text, shown)
  local file = { tree = script.tree(text), defined = {}, shown = shown }
  parser.walk(file.tree, function(node)
    if node.k ~= "assign" then return end
    for i, target in ipairs(node.targets) do
      if target.k == "index" and target.key.k == "string" and target.object.k == "name" then
        file.defined[target.key.value] = node.values[i]
      end
    end
  end)
  return file
end

local function is_function(node) return node ~= nil and (node.k == "func" or node.k == "name") end

--- Visits a node and everything reachable from it, each once.
---@param file table
---@param node table
---@param load fun(name: string): table? the file of a module
---@param visit fun(file: table, node: table, origin: table) origin: where in the first file it came from
function M.from(file, node, load, visit)
  local seen, queue = {}, {}
  local function push(at, target, origin)
    if not is_function(target) or seen[target] then return end
    seen[target] = true
    queue[#queue + 1] = { at, target, origin }
  end
  local function follow(at, n, origin)
    local object, key = script.member(n)
    if object and object.k == "name" and object.var then
      local module = script.required(object)
      local other = module and load(module) or not module and at
      if other then push(other, other.defined[key], origin) end
    elseif n.k == "name" and n.var and n.var.value and n.var.value.k == "func" then
      push(at, n.var.value, origin)
    end
  end
  local function visit_tree(at, root, origin)
    parser.walk(root, function(n)
      local from = origin or n
      visit(at, n, from)
      follow(at, n, from)
    end)
  end
  visit_tree(file, node, nil)
  local i = 1
  while queue[i] do
    local entry = queue[i]
    visit_tree(entry[1], entry[2].k == "name" and entry[2].var and entry[2].var.value or entry[2], entry[3])
    i = i + 1
  end
end

return M

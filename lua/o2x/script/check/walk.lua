--- Walks the trees of o2x check's parser. A tree is walked many times, so its nodes are put into one list once.

local M = {}

-- Kind of node → its children, in the order in which they are walked: a node, or a list of nodes.
local CHILDREN = {
  index = { "object", "key" },
  call = { "fn", "args" },
  method = { "object", "args" },
  func = { "body" },
  table = { "items" },
  binary = { "a", "b" },
  unary = { "a" },
  expression = { "value" },
  ["local"] = { "values" },
  assign = { "values", "targets" },
  ["if"] = { "clauses" },
  loop = { "exprs", "body" },
  ["do"] = { "body" },
  ["return"] = { "values" },
}
-- Parts that are no nodes themselves.
local ITEM, CLAUSE = { "key", "value" }, { "condition", "body" }
local PARTS = { items = ITEM, clauses = CLAUSE }

local enumerate

local function enumerate_fields(node, fields, order)
  for i = 1, #fields do
    local child = node[fields[i]]
    if child and child.k then
      enumerate(child, order)
    elseif child then
      local part = PARTS[fields[i]]
      for j = 1, #child do
        if part then
          enumerate_fields(child[j], part, order)
        else
          enumerate(child[j], order)
        end
      end
    end
  end
end

-- Puts a node and all below it into one list, parents first; each knows its place in it and that of its last one. The
-- list has the nodes of each kind, too.
enumerate = function(node, order)
  local at = #order + 1
  order[at] = node
  node.order, node.first = order, at
  local same = order[node.k]
  if same then
    same[#same + 1] = node
  else
    order[node.k] = { node }
  end
  local fields = CHILDREN[node.k]
  if fields then enumerate_fields(node, fields, order) end
  node.last = #order
end

--- Prepares a tree, or a part of one, to be walked.
---@param node table
function M.enumerate(node) enumerate(node, {}) end

--- Calls enter for each node of a tree, parents first; if it returns false, the node's children are skipped.
---@param node table
---@param enter fun(node: table): boolean?
function M.walk(node, enter)
  local order, i, last = node.order, node.first, node.last
  while i <= last do
    local at = order[i]
    i = (enter(at) == false and at.last or i) + 1
  end
end

-- The first place in a list of nodes that is not before a node.
local function place_of(list, node)
  local low, high = 1, #list + 1
  while low < high do
    local middle = (low + high) // 2
    if list[middle].first < node.first then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

--- Calls visit for each node of one kind among a node and all below it, in the order of a walk.
---@param node table
---@param kind string
---@param visit fun(node: table)
function M.each(node, kind, visit)
  local list, last = node.order[kind] or {}, node.last
  local i = place_of(list, node)
  while list[i] and list[i].first <= last do
    visit(list[i])
    i = i + 1
  end
end

return M

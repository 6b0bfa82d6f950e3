--- Walks the trees of o2x check's parser. Each node has `order`, the list of all nodes of its tree, parents first, in
--- which the nodes of each kind are listed by the kind, too; `first`, its own place in it; and `last`, the place of the
--- last node below it.

local M = {}

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
  local list, last = node.order[kind], node.last
  if not list then return end
  for i = place_of(list, node), #list do
    local found = list[i]
    if found.first > last then return end
    visit(found)
  end
end

return M

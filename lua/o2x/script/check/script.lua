--- A script as o2x check sees it: its tree, what its locals stand for, the steps that it names.

local parser = require "o2x.script.check.parser"

local M = {}

--- Is a node a call of a word of scripts, such as step?
---@param node table
---@param word string
---@return boolean
function M.calls(node, word)
  return node.k == "call" and node.fn.k == "name" and not node.fn.var and node.fn.name == word
end

--- What a node takes of what: "ensure" of `vault` in vault.ensure, "rows" of `pg.tenant` in pg.tenant:rows().
---@param node table
---@return table? object nil if the node takes nothing by a name
---@return string? key
function M.member(node)
  if node.k == "index" and node.key.k == "string" then return node.object, node.key.value end
  if node.k == "method" then return node.object, node.name end
end

--- What a node requires: require "NAME" itself, or a local that was set so.
---@param node table?
---@return string? name
function M.required(node)
  if not node then return nil end
  if node.k == "name" and node.var and not node.var.changed then return M.required(node.var.value) end
  if M.calls(node, "require") and node.args[1] and node.args[1].k == "string" then return node.args[1].value end
end

--- The tree of a text. Locals that are assigned later have `changed`.
---@param text string
---@return table main
function M.tree(text)
  local main = parser.parse(text)
  parser.walk(main, function(node)
    if node.k ~= "assign" then return end
    for _, target in ipairs(node.targets) do
      if target.k == "name" and target.var then target.var.changed = true end
    end
  end)
  return main
end

--- The names of the steps that a text calls.
---@param text string
---@return table<string, boolean> names that stand there
---@return string[] beginnings of names that are put together; "" where even that is not known
function M.steps(text)
  local names, beginnings = {}, {}
  parser.walk(M.tree(text), function(node)
    if not M.calls(node, "step") then return end
    local name = node.args[1]
    if name and name.k == "string" then
      names[name.value] = true
    elseif name then
      local left = name
      while left.k == "binary" and left.op == ".." do
        left = left.a
      end
      beginnings[#beginnings + 1] = left.k == "string" and left.value or ""
    end
  end)
  return names, beginnings
end

return M

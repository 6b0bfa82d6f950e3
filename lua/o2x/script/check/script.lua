--- Helpers of o2x check: a script's tree, the modules behind its locals, the names of its steps.

local parser = require "o2x.script.check.parser"

local M = {}

--- Is a node a call of a global function, such as step?
---@param node table
---@param name string
---@return boolean
function M.calls(node, name)
  return node.k == "call" and node.fn.k == "name" and not node.fn.var and node.fn.name == name
end

--- The object and the key of a node: `vault` and "ensure" in vault.ensure, `pg.tenant` and "rows" in pg.tenant:rows().
---@param node table
---@return table? object nil if the node is not an access by name
---@return string? key
function M.member(node)
  if node.k == "index" and node.key.k == "string" then return node.object, node.key.value end
  if node.k == "method" then return node.object, node.name end
end

-- The module that a call of require names.
local function named(node)
  local name = M.calls(node, "require") and node.args[1]
  return name and name.k == "string" and name.value or nil
end

--- The module that a node requires: require "NAME" itself, or a local that holds it.
---@param node table?
---@return string? name
function M.required(node)
  local var = node and node.var
  if not var then return node and named(node) end
  if var.required == nil then var.required = not var.changed and M.required(var.value) or false end
  return var.required or nil
end

local apis = {} -- module → name of its api, or false

--- The api that a node requires.
---@param node table?
---@return string? name "vault" of "o2x.vault"
function M.api(node)
  local module = M.required(node)
  if not module then return nil end
  if apis[module] == nil then apis[module] = module:match "^o2x%.(.*)$" or false end
  return apis[module] or nil
end

--- The names of the steps in a source.
---@param text string
---@return table<string, boolean> names that are literals
---@return string[] beginnings of computed names; "" if the beginning is unknown
function M.steps(text)
  local names, beginnings = {}, {}
  parser.each(parser.parse(text), "call", function(node)
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

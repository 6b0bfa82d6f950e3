--- o2x check: finds effects that a runbook does not declare, also in the stdlib functions that it calls.

local reach = require "o2x.script.check.reach"
local reference = require "o2x.script.reference"
local script = require "o2x.script.check.script"

local M = {}

-- The API and the function that a node refers to: vault.ensure, pg.tenant:ensure_row, or a local that holds one.
local function api_function(node)
  local object, key = script.member(node)
  if not object then return nil end
  while object and object.k == "index" do
    object = object.object
  end
  local value = object and object.k == "name" and object.var and object.var.value
  if value and value.k == "index" then object = value.object end
  return script.api(object), key
end

-- A node that writes: the word to declare, and the name of the function.
local function writing(node)
  local api, key = api_function(node)
  local brief = api and reference.brief(api)
  local found = brief and brief.functions[key]
  return found and found.writes and brief.effect and { effect = brief.effect, name = api .. "." .. key }
end

--- Reports undeclared effects.
---@param context table file, load(module), effects (the declared ones), problem
function M.check(context)
  local declared, reported = {}, {}
  for _, effect in ipairs(context.effects) do
    declared[effect] = true
    declared[(effect:gsub("^([%w_]+)[%w_.]*:", "%1:"))] = true -- of a kind's own word, only a run knows the kind
  end
  reach.from(context.file, context.tree, context.load, writing, function(file, node, origin, write)
    if declared[write.effect] or reported[write.effect] then return end
    reported[write.effect] = true
    local through = file ~= context.file and (", called from here (%s:%d)"):format(file.shown, node.line) or ""
    context.problem(
      origin.line,
      ("undeclared effect: %s writes%s"):format(write.name, through),
      ("add %q to the runbook's effects"):format(write.effect)
    )
  end)
end

return M

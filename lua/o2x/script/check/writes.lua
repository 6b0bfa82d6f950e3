--- o2x check: effects that a runbook has without declaring them, found through the functions of stdlib that it calls.

local effects = require "o2x.effects"
local reach = require "o2x.script.check.reach"
local reference = require "o2x.script.reference"
local script = require "o2x.script.check.script"

local M = {}

-- The api and the function of it that a node names: vault.ensure, pg.tenant:ensure_row, a local that is one of these.
local function api_function(node)
  local object, key = script.member(node)
  while object and object.k == "index" do
    object = object.object
  end
  local value = object and object.k == "name" and object.var and object.var.value
  if value and value.k == "index" then object = value.object end
  local api = object and (script.required(object) or ""):match("^o2x%.(.*)$")
  return api, key
end

--- Looks for undeclared effects.
---@param look table file, load(module), effects (declared words), problem
function M.look(look)
  local declared, told = {}, {}
  for _, word in ipairs(look.effects) do
    declared[word] = true
  end
  reach.from(look.file, look.tree, look.load, function(file, node, origin)
    local api, key = api_function(node)
    local functions = api and reference.of(api)
    local found = functions and functions[key]
    local module = found and found.writes and effects.find(api)
    if not module or not module.declares or declared[module.declares] or told[module.declares] then return end
    told[module.declares] = true
    local through = file ~= look.file and (", called from here (%s:%d)"):format(file.shown, node.line) or ""
    look.problem(
      origin.line,
      ("%s.%s writes%s, and the runbook does not declare it"):format(api, key, through),
      ("add %q to its effects"):format(module.declares)
    )
  end)
end

return M

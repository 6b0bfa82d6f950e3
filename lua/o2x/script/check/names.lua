--- o2x check: finds undefined globals, library functions, API functions, stdlib functions and parameters; and methods
--- called with the wrong operator.

local effects = require "o2x.effects"
local sorted_keys = require "o2x.base.sorted_keys"
local suggest = require "o2x.base.suggest"
local parser = require "o2x.script.check.parser"
local reference = require "o2x.script.reference"
local script = require "o2x.script.check.script"

local M = {}

-- A global of scripts; the environment raises an error for what is none.
local function look_up(context, name) return context.environment[name] end

local function global(context, node, assigned)
  if context.known[node.name] and not assigned then return end
  local ok, value = pcall(look_up, context, node.name)
  context.known[node.name] = ok
  if assigned then
    context.problem(node.line, ("assignment to the global %s"):format(node.name), "declare it: local " .. node.name)
  elseif not ok then
    local message = tostring(value):gsub("^.-:%d+: ", "")
    context.problem(node.line, message .. suggest.did_you_mean(node.name, context.globals))
  end
end

-- A misspelt or forbidden library function, such as string.fromat.
local function library(context, node)
  local name = node.object.name
  local ok, lib = pcall(look_up, context, name)
  if not ok or type(lib) ~= "table" or lib[node.key.value] ~= nil then return end
  context.problem(node.line, ("%s.%s is not available in runbooks"):format(name, node.key.value))
end

-- The API and the path in it that a node refers to: "pg", "tenant" for pg.tenant.
local function api_path(node)
  if script.required(node) then return script.api(node) end
  if node.k == "name" and node.var and not node.var.changed and node.var.value and node.var.value.k == "index" then
    return api_path(node.var.value)
  end
  if node.k == "index" and node.key.k == "string" then
    local api, rest = api_path(node.object)
    if api then return api, (rest and rest .. "." or "") .. node.key.value end
  end
end

local function api_field(context, api, key, line)
  local brief = reference.brief(api)
  local functions = brief and brief.functions
  if not functions or functions[key] then return functions and functions[key] end
  context.problem(line, ("o2x.%s has no %q%s"):format(api, key, suggest.did_you_mean(key, sorted_keys(functions))))
end

local function stdlib_field(context, module, key, line)
  local ok, loaded = pcall(context.sandbox.require, context.sandbox, module)
  if not ok or type(loaded) ~= "table" or loaded[key] ~= nil then return end
  context.problem(line, ("%s has no %q%s"):format(module, key, suggest.did_you_mean(key, sorted_keys(loaded))))
end

-- Methods of an API's objects take a colon (pg.tenant:rows), functions of an API a dot (vault.ensure).
local function form(context, node)
  local api, rest = api_path(node.object)
  if not api then return end
  local key = node.k == "method" and node.name or node.key.value
  local shown = table.concat({ api, rest }, ".")
  local found = api_field(context, api, key, node.line)
  if not found then return end
  if node.k == "method" and not found.method then
    context.problem(
      node.line,
      ("%s:%s is not a method"):format(shown, key),
      ("call it with a dot: %s.%s(…)"):format(shown, key)
    )
  elseif node.called and found.method and rest then
    context.problem(
      node.line,
      ("%s.%s is a method"):format(shown, key),
      ("call it with a colon: %s:%s(…)"):format(shown, key)
    )
  end
end

local function index(context, node)
  if node.key.k ~= "string" then return end
  if node.object.k == "name" and not node.object.var then return library(context, node) end
  local module = script.required(node.object)
  if module and module:match("^stdlib%.") then return stdlib_field(context, module, node.key.value, node.line) end
  form(context, node)
end

local function required(context, node)
  local name = node.args[1] and node.args[1].value
  if type(name) ~= "string" or name == "o2x.runbook" then return end
  local api = name:match("^o2x%.(.*)$")
  if api and not effects.known(api) then
    context.problem(node.line, ("require %q: unknown API%s"):format(name, suggest.did_you_mean(api, effects.NAMES)))
  end
end

-- Does an expression contain external data, such as tenant.name, params.x or row.id?
local function from_outside(expression)
  local found = false
  parser.walk(expression, function(node)
    if node.k == "index" and node.object.k == "name" and node.object.var and not script.required(node.object) then
      found = true
    end
  end)
  return found
end

-- A query built by concatenation is open to SQL injection.
local function query(context, node)
  local sql = node.args[1]
  if not sql or node.name ~= "rows" and node.name ~= "one" then return end
  if api_path(node.object) ~= "pg" then return end
  local built = sql.k == "binary"
      and sql.op == ".."
      and (sql.b.k ~= "string" or sql.a.k ~= "string" and sql.a.k ~= "binary")
    or sql.k == "method" and sql.name == "format"
  if built and from_outside(sql) then
    context.problem(node.line, "SQL built by concatenation", "pass the values as parameters: $1, $2 …")
  end
end

local function params(context, func)
  local tenant, given = func.params[1], func.params[2]
  if not context.declared or not tenant or not given or tenant.name ~= "tenant" or given.name ~= "params" then
    return
  end
  local names = sorted_keys(context.declared)
  parser.each(func, "index", function(node)
    if node.object.k ~= "name" or node.object.var ~= given or node.key.k ~= "string" then return end
    if context.declared[node.key.value] then return end
    context.problem(
      node.line,
      ("params.%s is not declared%s"):format(node.key.value, suggest.did_you_mean(node.key.value, names)),
      "declare it in the runbook's params"
    )
  end)
end

local function assigned(context, target)
  if target.k == "name" and not target.var then return global(context, target, true) end
  local is_tenant = target.k == "index" and target.object.k == "name" and target.object.name == "tenant"
  if is_tenant and target.key.k == "string" and target.key.value ~= "id" and target.object.var then
    context.problem(
      target.line,
      ("tenant.%s is read-only"):format(target.key.value),
      "only tenant.id may be set, once; change the rest in the tenant's file"
    )
  end
end

--- Reports undefined names.
---@param context table tree, environment, globals, sandbox, declared (parameters or nil), problem(line, message, hint)
function M.check(context)
  local tree = context.tree
  context.known = {} -- names of globals
  parser.each(tree, "call", function(node)
    node.fn.called = true
    if script.calls(node, "require") then required(context, node) end
  end)
  parser.each(tree, "assign", function(node)
    for _, target in ipairs(node.targets) do
      if target.k == "name" then target.assigned = true end
      assigned(context, target)
    end
  end)
  parser.each(tree, "name", function(node)
    if not node.var and not node.assigned then global(context, node) end
  end)
  parser.each(tree, "index", function(node) index(context, node) end)
  parser.each(tree, "method", function(node)
    form(context, node)
    query(context, node)
  end)
  parser.each(tree, "func", function(node) params(context, node) end)
end

return M

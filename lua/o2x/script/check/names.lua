--- o2x check: names that are not there. Globals, the Lua library, apis, stdlib, parameters; and calls in the wrong
--- form.

local effects = require "o2x.effects"
local sorted_keys = require "o2x.base.sorted_keys"
local suggest = require "o2x.base.suggest"
local parser = require "o2x.script.check.parser"
local reference = require "o2x.script.reference"
local script = require "o2x.script.check.script"

local M = {}

local function global(look, node, assigned)
  local ok, value = pcall(function() return look.environment[node.name] end)
  if assigned then
    look.problem(node.line, ("assigns the global %s"):format(node.name), "say local " .. node.name)
  elseif not ok then
    local message = tostring(value):gsub("^.-:%d+: ", "")
    look.problem(node.line, message .. suggest.did_you_mean(node.name, look.words))
  end
end

-- string.fromat: the allow-listed library has no such name.
local function library(look, node)
  local name = node.object.name
  local ok, lib = pcall(function() return look.environment[name] end)
  if not ok or type(lib) ~= "table" or lib[node.key.value] ~= nil then return end
  look.problem(node.line, ("%s.%s is not available in runbooks"):format(name, node.key.value))
end

-- "pg.tenant" for the node of it; -> api, rest
local function api_path(node)
  local module = script.required(node)
  if module then return module:match("^o2x%.(.*)$") end
  if node.k == "name" and node.var and not node.var.changed and node.var.value and node.var.value.k == "index" then
    return api_path(node.var.value)
  end
  if node.k == "index" and node.key.k == "string" then
    local api, rest = api_path(node.object)
    if api then return api, (rest and rest .. "." or "") .. node.key.value end
  end
end

local function api_field(look, api, key, line)
  local functions = reference.of(api)
  if not functions or functions[key] then return functions and functions[key] end
  look.problem(line, ("o2x.%s has no %q%s"):format(api, key, suggest.did_you_mean(key, sorted_keys(functions))))
end

local function stdlib_field(look, module, key, line)
  local ok, loaded = pcall(look.sandbox.require, look.sandbox, module)
  if not ok or type(loaded) ~= "table" or loaded[key] ~= nil then return end
  look.problem(line, ("%s has no %q%s"):format(module, key, suggest.did_you_mean(key, sorted_keys(loaded))))
end

-- Objects of an api take a colon (pg.tenant:rows), apis themselves a point (vault.ensure).
local function form(look, node)
  local api, rest = api_path(node.object)
  if not api then return end
  local key = node.k == "method" and node.name or node.key.value
  local shown = table.concat({ api, rest }, ".")
  local found = api_field(look, api, key, node.line)
  if not found then return end
  if node.k == "method" and not found.method then
    look.problem(node.line, ("%s:%s with a colon"):format(shown, key), ("say %s.%s(…)"):format(shown, key))
  elseif node.called and found.method and rest then
    look.problem(node.line, ("%s.%s with a point"):format(shown, key), ("say %s:%s(…)"):format(shown, key))
  end
end

local function index(look, node)
  if node.key.k ~= "string" then return end
  if node.object.k == "name" and not node.object.var then return library(look, node) end
  local module = script.required(node.object)
  if module and module:match("^stdlib%.") then return stdlib_field(look, module, node.key.value, node.line) end
  form(look, node)
end

local function required(look, node)
  local name = node.args[1] and node.args[1].value
  if type(name) ~= "string" or name == "o2x.runbook" then return end
  local api = name:match("^o2x%.(.*)$")
  if api and not effects.known(api) then
    look.problem(
      node.line,
      ("require %q: there is no such api%s"):format(name, suggest.did_you_mean(api, effects.NAMES))
    )
  end
end

-- Does an expression hold what comes from outside of the script: tenant.name, params.x, row.id?
local function from_outside(expression)
  local found = false
  parser.walk(expression, function(node)
    if node.k == "index" and node.object.k == "name" and node.object.var and not script.required(node.object) then
      found = true
    end
  end)
  return found
end

-- A query that is put together from texts is one that somebody else may finish.
local function query(look, node)
  local sql = node.args[1]
  if not sql or node.name ~= "rows" and node.name ~= "one" then return end
  if api_path(node.object) ~= "pg" then return end
  local built = sql.k == "binary"
      and sql.op == ".."
      and (sql.b.k ~= "string" or sql.a.k ~= "string" and sql.a.k ~= "binary")
    or sql.k == "method" and sql.name == "format"
  if built and from_outside(sql) then
    look.problem(node.line, "a query is put together from texts", "give the values as $1, $2 after it")
  end
end

local function params(look, func)
  local tenant, given = func.params[1], func.params[2]
  if not look.declared or not tenant or not given or tenant.name ~= "tenant" or given.name ~= "params" then return end
  local names = sorted_keys(look.declared)
  parser.walk(func, function(node)
    if node.k ~= "index" or node.object.k ~= "name" or node.object.var ~= given or node.key.k ~= "string" then
      return
    end
    if look.declared[node.key.value] then return end
    look.problem(
      node.line,
      ("params.%s is no declared parameter%s"):format(node.key.value, suggest.did_you_mean(node.key.value, names)),
      "the runbook's params declare them"
    )
  end)
end

local function assigned(look, target)
  if target.k == "name" and not target.var then return global(look, target, true) end
  local is_tenant = target.k == "index" and target.object.k == "name" and target.object.name == "tenant"
  if is_tenant and target.key.k == "string" and target.key.value ~= "id" and target.object.var then
    look.problem(
      target.line,
      ("tenant.%s is read-only"):format(target.key.value),
      "a tenant is what its file says; only its id may be set, once"
    )
  end
end

--- Looks for names that are not there.
---@param look table tree, environment, words, sandbox, declared (parameters or nil), problem(line, message, hint)
function M.look(look)
  parser.walk(look.tree, function(node)
    if node.k == "call" then
      node.fn.called = true
      if script.calls(node, "require") then required(look, node) end
    elseif node.k == "assign" then
      for _, target in ipairs(node.targets) do
        if target.k == "name" then target.assigned = true end
        assigned(look, target)
      end
    elseif node.k == "name" and not node.var and not node.assigned then
      global(look, node)
    elseif node.k == "index" then
      index(look, node)
    elseif node.k == "method" then
      form(look, node)
      query(look, node)
    elseif node.k == "func" then
      params(look, node)
    end
  end)
end

return M

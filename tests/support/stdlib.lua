--- Loads modules of stdlib in the real sandbox, with fakes in place of the systems:
--
--   local std = stdlib.new { k8s = { get = function(kind, name) return … end } }
--   std.require("cluster").volume(tenant)
--   std.called "k8s.ensure"    --> the arguments of each call: { { object } }
--
-- A function that a fake lacks is recorded and returns nil; one that the real module lacks is an error. Modules without
-- a system (json, yaml, helm_values …) are the real ones. The clock stands still at M.NOW. `files` without a fake is a
-- tree in memory (std.tree: path → text).

local clock = require "o2x.base.clock"
local effects = require "o2x.effects"
local fs = require "o2x.base.fs"
local reference = require "o2x.script.reference"
local sandbox = require "o2x.script.sandbox"
local yaml = require "o2x.base.yaml"

local M = { NOW = clock.parse "2026-02-11T12:00:00Z" }

local OBJECTS = { pg = { tenant = true, control = true, admin = true } }

-- A report that ignores everything but the names of steps and the results of checks.
local function report(std)
  local functions = {
    step_started = function(_, path) std.steps[#std.steps + 1] = path end,
    check = function(_, _, name, ok) std.checks[#std.checks + 1] = { name = name, ok = ok } end,
  }
  return setmetatable(functions, {
    __index = function()
      return function() end
    end,
  })
end

-- A table whose functions record their calls under prefix .. name.
local function recorder(std, module, prefix, fake, is_object)
  return setmetatable({}, {
    __index = function(_, name)
      if not is_object and OBJECTS[module] and OBJECTS[module][name] then
        return recorder(std, module, ("%s.%s:"):format(module, name), fake[name] or {}, true)
      end
      if not fake[name] and not reference.of(module)[name] then error(("o2x.%s has no %s"):format(module, name), 2) end
      return function(...)
        local arguments = table.pack(select(is_object and 2 or 1, ...))
        table.insert(std.calls, { name = prefix .. name, arguments = arguments })
        if fake[name] then return fake[name](table.unpack(arguments, 1, arguments.n)) end
      end
    end,
  })
end

local function fixed_clock()
  return {
    now = function() return M.NOW end,
    today = function() return clock.today(M.NOW) end,
    iso = function(time) return clock.iso(time or M.NOW) end,
    parse = clock.parse,
    stamp = function(...)
      local texts = {}
      for i, seconds in ipairs { ... } do
        texts[i] = clock.iso(M.NOW + seconds)
      end
      if #texts == 0 then return clock.iso(M.NOW) end
      return table.unpack(texts)
    end,
  }
end

local function tree_in_memory(tree)
  return {
    exists = function(path) return tree[path] ~= nil end,
    read = function(path) return tree[path] or error("no such file: " .. path, 0) end,
    list = function(folder)
      local names = {}
      for path in pairs(tree) do
        names[#names + 1] = path:match("^" .. folder:gsub("%p", "%%%0") .. "/([^/]+)$")
      end
      table.sort(names)
      return names
    end,
    ensure = function(path, text) tree[path] = text end,
  }
end

--- A sandbox over fakes.
---@param fakes table<string, table>? module → its functions; those of pg by connection: pg = { tenant = { one = … } }
---@return table std require(name), called(name), calls, steps, checks, logs, tree, run (its output)
function M.new(fakes)
  fakes = fakes or {}
  local std = { calls = {}, steps = {}, checks = {}, logs = {}, tree = {} }
  local run = { mode = "apply", id = "test", seen_steps = {}, report = report(std), now = function() return "" end }
  run.ctx = {
    log = function(_, _, message) table.insert(std.logs, message) end,
    waiting = function() end,
    look_again = function() end,
    patience = function(_, seconds) return seconds end,
  }
  local box = sandbox.new { root = ".", stdlib = "stdlib", runbooks = "runbooks" }
  box.run, run.sandbox, std.run = run, box, run
  local defaults = { clock = fixed_clock(), files = tree_in_memory(std.tree) }

  function box:require_api(name)
    if effects.is_pure(name) and not fakes[name] then return effects.pure(name) end
    return recorder(std, name, name .. ".", fakes[name] or defaults[name] or {})
  end

  --- A module of stdlib: "cluster", "diagnose.pods".
  function std.require(name) return box:require("stdlib." .. name) end

  --- The arguments of each call of a function: "k8s.ensure", "pg.tenant:ensure_row".
  function std.called(name)
    local found = {}
    for _, call in ipairs(std.calls) do
      if call.name == name then found[#found + 1] = call.arguments end
    end
    for _, arguments in ipairs(found) do
      arguments.n = nil
    end
    return found
  end

  --- The rows that were ensured in a database, "tenant" or "control": the arguments of ensure_row, one row an entry.
  function std.rows(database)
    local found = std.called(("pg.%s:ensure_row"):format(database))
    for _, call in ipairs(std.called(("pg.%s:ensure_rows"):format(database))) do
      for _, row in ipairs(call[1]) do
        found[#found + 1] = { row.table, row.key, row.values }
      end
    end
    return found
  end

  return std
end

local function example(path) return yaml.decode(fs.read("examples/platform/" .. path), path) end

--- A tenant of the example platform, as platform.load makes it.
---@param name string? "newclient" if absent
---@param changes table? fields of the tenant to set
---@return table tenant newclient gets the id TIDLT-100008
function M.tenant(name, changes)
  name = name or "newclient"
  local file = "tenants/" .. name .. ".yaml"
  local tenant = assert(M.new().require("platform").load(name, example "platform.yaml", example(file), file, {}))
  tenant.id = tenant.id or "TIDLT-100008"
  for field, value in pairs(changes or {}) do
    tenant[field] = value
  end
  return tenant
end

return M

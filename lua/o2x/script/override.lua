--- A tenant's own version of a runbook: the standard one with changed parameters, with code around it, or with steps
--- inserted, replaced or left out. It follows later versions of the standard runbook.
--
--   local runbook = require "o2x.runbook"
--   return runbook.override(require "runbooks.onboard", {
--     version = "1.0.0",
--     params  = { timeout = { default = "20m" } },
--     before  = { Deploy = function(tenant, params) … end },
--     without = { "Write the handoff documents" },
--   })

local errors = require "o2x.base.error"
local snapshot = require "o2x.base.snapshot"
local sorted_keys = require "o2x.base.sorted_keys"
local suggest = require "o2x.base.suggest"
local value = require "o2x.base.value"
local task = require "o2x.base.task"

local M = {}

---@class o2x.override
---@field version string the version of the tenant's own runbook
---@field summary string? replaces the standard summary
---@field help string? replaces the standard help
---@field params table<string, o2x.parameter>? new parameters, and fields of standard parameters that differ
---@field effects o2x.effect[]? added to the standard effects
---@field severe boolean? true: makes it severe; a severe standard runbook stays severe
---@field before table<string, fun(tenant: o2x.tenant, params: table)>? step name or path → runs before it
---@field after table<string, fun(tenant: o2x.tenant, params: table)>? step name or path → runs after it
---@field instead table<string, fun(tenant: o2x.tenant, params: table, standard: fun(): any): any>? replaces the step
---@field without string[]? names or paths of steps to leave out
---@field run fun(tenant: o2x.tenant, params: table, standard: function)? replaces the whole; `standard` runs it

-- field → its type
local FIELDS = {
  version = "string",
  summary = "string",
  help = "string",
  params = "table",
  effects = "table",
  severe = "boolean",
  before = "table",
  after = "table",
  instead = "table",
  without = "table",
  run = "function",
}

-- `return runbook.override(…)` is a tail call and its line is lost, so the line is found by searching for the word.
local function misuse(sandbox, word, message, hint)
  local shown, line = sandbox.file or "?", 1
  local text = sandbox.texts[shown] or ""
  local at = word and text:find(tostring(word), 1, true)
  for _ in text:sub(1, at or 1):gmatch("\n") do
    line = line + 1
  end
  errors.input("override: " .. message, hint, at and shown .. ":" .. line or shown)
end

local function check_fields(sandbox, changes)
  local names = sorted_keys(FIELDS)
  for name, item in pairs(changes) do
    if not FIELDS[name] then
      misuse(
        sandbox,
        name,
        ("unknown field %q%s"):format(tostring(name), suggest.did_you_mean(tostring(name), names)),
        "its fields: " .. table.concat(names, ", ")
      )
    elseif type(item) ~= FIELDS[name] then
      misuse(sandbox, name, ("%s: expected a %s, got a %s"):format(name, FIELDS[name], type(item)))
    end
  end
  if not changes.version then misuse(sandbox, nil, 'missing field "version": the version of this file') end
end

-- path of a step → { before =, after =, instead =, without = }
local function edits_of(sandbox, changes)
  local edits = {}
  local function edit(path)
    if type(path) ~= "string" or path == "" then
      misuse(sandbox, nil, "expected the name of a step, got " .. value.text(path))
    end
    edits[path] = edits[path] or { used = false }
    return edits[path]
  end
  for _, where in ipairs { "before", "after", "instead" } do
    for path, fn in pairs(changes[where] or {}) do
      if type(fn) ~= "function" then
        misuse(sandbox, path, ("%s[%q]: expected a function, got a %s"):format(where, value.text(path), type(fn)))
      end
      edit(path)[where] = fn
    end
  end
  for _, path in ipairs(changes.without or {}) do
    edit(path).without = true
  end
  return edits
end

-- A step name that is not in the standard runbook's source is an error, unless the runbook computes step names.
local function check_steps(sandbox, standard, edits)
  local names, beginnings = require("o2x.script.check.script").steps(sandbox.texts[standard.path])
  local function computed(name)
    for _, beginning in ipairs(beginnings) do
      if name:sub(1, #beginning) == beginning then return true end
    end
    return false
  end
  for path in pairs(edits) do
    local first = path:match("^[^/]*")
    if not names[first] and not computed(first) then
      local existing = sorted_keys(names)
      misuse(
        sandbox,
        first,
        ("%s has no step %q%s"):format(standard.path, first, suggest.did_you_mean(first, existing))
      )
    end
  end
end

local function merged_params(standard, changed)
  local params = {}
  for name, spec in pairs(standard) do
    params[name] = spec
  end
  for name, spec in pairs(changed or {}) do
    local merged = {}
    for field, item in pairs(params[name] or {}) do
      merged[field] = item
    end
    if type(spec) == "table" then
      for field, item in pairs(spec) do
        merged[field] = item
      end
    end
    params[name] = type(spec) == "table" and merged or spec
  end
  return params
end

local function union(a, b)
  local list, seen = {}, {}
  for _, items in ipairs { a or {}, b or {} } do
    for _, item in ipairs(items) do
      if not seen[item] then list[#list + 1] = item end
      seen[item] = true
    end
  end
  return list
end

-- ---- at run time ----

-- The edits apply only to the standard runbook's steps, not to steps of the override itself.
local function own(fn, ...) return task.within("override_own", true, fn, ...) end

local function standards(fn, ...) return task.within("override_own", false, fn, ...) end

local function runner(standard, changes)
  local function call(tenant, params) return standards(standard.run, tenant, params) end
  if not changes.run then return call end
  return function(tenant, params) return own(changes.run, tenant, params, call) end
end

--- Runs a step with the override's edits around it.
---@param run table
---@param path string
---@param perform fun(fn: (fun(original: function): any)?): any runs the step, or fn in its place
---@return any the step's result
function M.step(run, path, perform)
  local edit = run.runbook and run.runbook.edits and run.runbook.edits[path]
  if not edit or task.context().override_own then return perform() end
  edit.used = true
  if edit.before then own(edit.before, run.tenant, run.params) end
  local result
  if edit.instead then
    result = perform(function(original)
      return own(edit.instead, run.tenant, run.params, function() return standards(original) end)
    end)
  elseif edit.without then
    run.report:message("", "info", ("skipped by %s: %s"):format(run.runbook.path, path))
  else
    result = perform()
  end
  if edit.after then own(edit.after, run.tenant, run.params) end
  return result
end

--- The edits of a finished run that no step matched.
---@param run table
---@return string[] paths
function M.unused(run)
  local list = {}
  for path, edit in pairs(run.runbook.edits or {}) do
    if not edit.used then list[#list + 1] = path end
  end
  table.sort(list)
  return list
end

--- Builds a runbook from a standard one and a table of changes.
---@param sandbox table
---@param standard table what require "runbooks.NAME" gave
---@param changes table
---@return table declaration
function M.make(sandbox, standard, changes)
  local function where() return sandbox:where() end
  if type(standard) == "table" then standard = snapshot.take(standard, "the standard runbook", where) end
  if type(standard) ~= "table" or type(standard.run) ~= "function" or not sandbox.texts[standard.path] then
    misuse(
      sandbox,
      nil,
      "the first argument must be the standard runbook",
      'runbook.override(require "runbooks.NAME", { version = "1.0.0", … })'
    )
  end
  if type(changes) ~= "table" then misuse(sandbox, nil, "the second argument must be a table of changes") end
  changes = snapshot.take(changes, "the changes", where)
  check_fields(sandbox, changes)
  local edits = edits_of(sandbox, changes)
  check_steps(sandbox, standard, edits)
  local declaration = {
    name = standard.name,
    version = changes.version,
    api = standard.api,
    summary = changes.summary or standard.summary,
    help = changes.help or standard.help,
    params = merged_params(standard.params, changes.params),
    effects = union(standard.effects, changes.effects),
    severe = standard.severe or changes.severe or false,
    run = runner(standard, changes),
  }
  sandbox.overrides[declaration] = {
    edits = edits,
    name = standard.name,
    version = standard.version,
    path = standard.path,
  }
  return declaration
end

return M

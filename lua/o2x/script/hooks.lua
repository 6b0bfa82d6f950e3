--- Loads and runs the hooks of runbooks/hooks.lua, which run before and after every run (to send a message, open a
--- ticket). Their effects go through the same gate.
--
--   return {
--     effects = { "webhook:write" },
--     before  = function(tenant, run) … end,     -- an error prevents the run
--     after   = function(tenant, run) … end,     -- run.status is "done" or "failed", run.error the error
--   }

local defer = require "o2x.base.defer"
local frozen = require "o2x.base.frozen"
local errors = require "o2x.base.error"
local runbook_files = require "o2x.project.runbook_files"
local identity = require "o2x.base.identity"
local effects = require "o2x.effects"
local fs = require "o2x.base.fs"
local snapshot = require "o2x.base.snapshot"
local suggest = require "o2x.base.suggest"
local value = require "o2x.base.value"
local step = require "o2x.script.step"

local M = {}

---@class o2x.hooks
---@field effects o2x.effect[]? what the hooks may write; the runbook's own effects do not count here
---@field before fun(tenant: o2x.tenant, run: o2x.run)? called before each run; an error keeps the run from starting
---@field after fun(tenant: o2x.tenant, run: o2x.run)? called after each run; an error is only a warning

local BEFORE <const>, AFTER <const> = "Hook before", "Hook after, " -- names of steps

local FIELDS = { effects = "table", before = "function", after = "function" }

local function check(hooks, shown)
  local function fail(message) errors.input(message, nil, shown) end
  if type(hooks) ~= "table" then fail("hooks: expected a table with before and after") end
  for name, item in pairs(hooks) do
    if not FIELDS[name] then
      fail(
        ("hooks: unknown field %q%s"):format(
          value.text(name),
          suggest.did_you_mean(value.text(name), { "effects", "before", "after" })
        )
      )
    elseif type(item) ~= FIELDS[name] then
      fail(("hooks: %s: expected a %s, got a %s"):format(name, FIELDS[name], type(item)))
    end
  end
  for _, name in ipairs(hooks.effects or {}) do
    if not effects.is_effect_word(name) then fail(("hooks: effects: unknown effect %q"):format(value.text(name))) end
  end
end

--- Loads the project's hooks.
---@param sandbox table
---@return table? hooks nil if there are none
function M.load(sandbox)
  local path = fs.join(sandbox.project.runbooks, "hooks.lua")
  local shown = sandbox:shown(path)
  if not runbook_files.hooks(sandbox.project) and not (sandbox.kept and sandbox.kept(shown)) then return nil end
  local hooks = snapshot.take(sandbox:load_file(path), "hooks", function() return shown end)
  check(hooks, shown)
  return { before = hooks.before, after = hooks.after, effects = hooks.effects or {}, path = shown }
end

---@class o2x.run
---@field id string of the run, "plan" in a plan
---@field runbook string name
---@field version string
---@field summary string
---@field severe boolean
---@field params table<string, string> as they were typed
---@field user string who started the run
---@field host string where
---@field status "begun"|"done"|"failed"
---@field error string? what went wrong

local function run_info(run, status, err)
  local by = run.identity or table.pack(identity.here())
  return frozen.new {
    runbook = run.runbook.name,
    version = run.runbook.version,
    summary = run.runbook.summary,
    id = run.id,
    severe = run.runbook.severe or false,
    params = frozen.new(run.given),
    user = by[1],
    host = by[2],
    status = status,
    error = err and tostring(err),
  }
end

-- A hook may write only what the hooks file declares.
local function call(run, fn, name, status, err)
  local declared = run.declared
  local _restore <close> = defer(function()
    run.declared, run.ctx.declared = declared, declared
  end)
  local own = {}
  for _, effect in ipairs(run.hooks.effects) do
    own[effect] = true
  end
  run.declared, run.ctx.declared = own, own
  step.step(run, name, function() fn(run.tenant, run_info(run, status, err)) end)
end

--- Is a step that of a hook?
---@param path string|integer
---@return boolean
function M.is_hook(path)
  local text = tostring(path)
  return text == BEFORE or text:sub(1, #BEFORE + 1) == BEFORE .. "/" or text:sub(1, #AFTER) == AFTER
end

--- Runs the hook before a run.
---@param run table
function M.before(run)
  if run.hooks and run.hooks.before then call(run, run.hooks.before, BEFORE, "begun") end
end

--- Runs the hook after a run. A failing hook does not change the run's status.
---@param run table
---@param status "done"|"failed"
---@param err table?
function M.after(run, status, err)
  if not (run.hooks and run.hooks.after) or err and err.kind == "cancelled" then return end
  local ok, problem = xpcall(call, errors.handler, run, run.hooks.after, AFTER .. status, status, err)
  if ok then return end
  problem = errors.wrap(problem)
  if problem.kind == "cancelled" then error(problem, 0) end
  run.ctx:log("warn", ("%s: the hook after the run failed: %s"):format(run.hooks.path, tostring(problem)))
end

return M

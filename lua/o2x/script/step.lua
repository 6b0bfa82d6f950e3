--- Steps and checks. A finished step's result is recorded under its path ("Deploy/service-sso"), not its position, so
-- that a run can be resumed after its runbook was edited. The current path is in the task's context, so that each
-- branch of a parallel has its own.

local errors = require "o2x.base.error"
local leaks = require "o2x.base.leaks"
local limits = require "o2x.base.limits"
local override = require "o2x.script.override"
local plain = require "o2x.base.plain"
local snapshot = require "o2x.base.snapshot"
local task = require "o2x.base.task"
local unit = require "o2x.script.unit"
local unknown = require "o2x.base.unknown"
local value = require "o2x.base.value"

local M = {}

local SCALAR <const> = { string = true, number = true, boolean = true }

--- The path of the current task's step; "" outside of any step.
---@return string
function M.path() return task.context().step_path or "" end

--- Is the current task inside a check?
---@return boolean
function M.in_check() return task.context().in_check or false end

local LONGEST_NAME <const> = 200 -- bytes

local function check_name(run, name)
  local where = run.sandbox and run.sandbox:where()
  leaks.check(name, { what = "a step's name", stored = true, plan = true, where = function() return where end })
  if type(name) == "string" and #name > LONGEST_NAME then
    local message = ("a step's name has at most %d bytes, this one has %d"):format(LONGEST_NAME, #name)
    errors.raise { kind = "failed", where = where, message = message }
  end
  if type(name) ~= "string" or name == "" or name:find("[%c/]") or not utf8.len(name) then
    local message = ("a step's name must be a text without slashes, got %s"):format(value.text(name))
    errors.raise { kind = "failed", where = where, message = message }
  end
end

local function claim(run, path)
  limits.count(run, "steps", 1, "more than %s steps and checks in one run")
  limits.check_journal(run)
  if run.seen_steps[path] then
    errors.raise {
      kind = "failed",
      message = ("duplicate step name: %s"):format(path),
      hint = "step names must be unique within their parent",
    }
  end
  run.seen_steps[path] = true
end

-- What a step returned, made again from what the journal keeps of it: so it is the same now as in a resumed run.
local function recordable(run, path, result)
  if run.guide and unknown.name_of(result) then return result end -- the variable that has it
  local what = "the result of step " .. path
  local function where() return run.sandbox and run.sandbox:where() end
  result = snapshot.take(result, what, where)
  if value.has_secret(result) then
    errors.raise {
      kind = "refused",
      message = ("step %s returns a secret, which must not be recorded"):format(path),
      hint = "read the secret again where it is needed",
    }
  end
  local kept = plain.of(result, { what = what, where = where, ordered = true })
  return plain.revive(kept), kept
end

-- Raises what ended a step. A plan notes it and goes on without the step's result.
local function failed(run, path, err, seconds, last)
  if err.kind ~= "cancelled" and not err.step then errors.amend(err, { step = path }) end
  run.report:step_failed(path, err, seconds)
  if run.journal then
    run.journal:append({ t = "fail", path = path, kind = err.kind, message = value.text(err), at = run.now() }, true)
  end
  if run.mode == "plan" and not task.context().catches and run.plan:goes_on_after(err) then
    local skipped, why = run.plan:skip(path, err)
    if run.guide then run.guide:stuck(path, why, last) end
    return skipped
  end
  error(err, 0)
end

-- Calls the function of a step; a checklist for people needs what it looked at last.
local function call(run, last, fn, ...)
  if not run.guide then return xpcall(fn, errors.handler, ...) end
  return xpcall(run.guide.watched, errors.handler, run.guide, last, fn, ...)
end

local function perform(run, path, fn, ...)
  local start, last = task.now(), {}
  run.report:step_started(path)
  if run.journal then run.journal:append({ t = "step", path = path, at = run.now() }, true) end
  local ok, result = call(run, last, fn, ...)
  if not ok then return failed(run, path, errors.wrap(result), task.now() - start, last) end
  local again, kept = recordable(run, path, result)
  if run.journal then
    run.journal:append({ t = "done", path = path, result = kept, seconds = task.now() - start, at = run.now() }, true)
  end
  run.report:step_done(path, task.now() - start)
  return again
end

--- Runs fn as a named step, or returns its recorded result if it finished before the run was interrupted.
---@param run table
---@param name string
---@param fn function
---@param ... any arguments of fn
---@return any its first result
function M.step(run, name, fn, ...)
  check_name(run, name)
  if type(fn) ~= "function" then
    errors.raise { kind = "failed", message = ("step %q has no function"):format(name) }
  end
  local outer = M.path()
  local path = outer == "" and name or outer .. "/" .. name
  local arguments = table.pack(...)
  return override.step(run, path, function(instead)
    claim(run, path)
    local past, forgotten
    if run.past then
      past, forgotten = run.past:step(path)
    end
    if forgotten then run.report:message(path, "info", "runs again: its result contained a secret") end
    if past then
      run.report:step_recalled(path, past.reason)
      return (snapshot.take(past.result, "the result of step " .. path))
    end
    local function body() return fn(table.unpack(arguments, 1, arguments.n)) end
    return unit.perform(run, path, task.within, "step_path", path, perform, run, path, instead or body, body)
  end)
end

-- A check that needs a request which a plan does not send.
local function later(run, path, name)
  run.plan:check_later(path, name)
  run.checks = run.checks or {}
  table.insert(run.checks, { check = name, later = true, found = "checked when applied" })
end

-- Does an audit go on after this check? One that is wrong in itself is wrong only without an earlier finding: it may be
-- written for what is missing.
local function fails_alone(run, problem)
  return run.plan:goes_on_after(problem) or problem.kind == "bug" and run.plan:has_changes()
end

-- Calls what looks; a checklist for people notes by which commands.
local function look(run, path, name, fn, ...)
  if not run.guide then return xpcall(task.within, errors.handler, "in_check", true, fn, ...) end
  local arguments = table.pack(...)
  local function looks() return task.within("in_check", true, fn, table.unpack(arguments, 1, arguments.n)) end
  return run.guide:look(path, name, looks, run.plan:has_changes(task.place()))
end

--- Runs a check, an assertion that only reads. A plan that has changes only lists it, because it cannot be true yet. An
--- audit notes that it failed, and goes on.
---@param run table
---@param name string
---@param fn function returns what it found, or false and why not
---@param ... any arguments of fn
---@return any
function M.check(run, name, fn, ...)
  check_name(run, name)
  if type(fn) ~= "function" then
    errors.raise {
      kind = "failed",
      message = ("check %q: expected a function, got a %s"):format(name, type(fn)),
      where = run.sandbox and run.sandbox:where(),
    }
  end
  limits.count(run, "steps", 1, "more than %s steps and checks in one run")
  local path = M.path()
  if run.mode == "plan" and not run.auditing and run.plan:checks_later(task.place()) then
    run.plan:check_later(path, name)
    if run.guide then look(run, path, name, fn, ...) end
    return nil
  end
  local start = task.now()
  if path == "" then run.report:waiting(path, name) end -- no step tells what is under way
  local results = table.pack(look(run, path, name, fn, ...))
  local ok, found, why = results[1], results[2], results[3]
  local problem = not ok and errors.wrap(found)
    or found == false
      and errors.new {
        kind = "failed",
        message = ("check failed: %s%s"):format(name, why and ": " .. value.shown(why) or ""),
      }
  if problem and problem.kind == "cancelled" then error(problem, 0) end
  if problem and problem.code == "when_applied" then return later(run, path, name) end
  run.report:check(path, name, not problem, problem and tostring(problem) or found)
  run.checks = run.checks or {}
  table.insert(run.checks, {
    check = name,
    ok = not problem,
    found = problem and tostring(problem) or type(found) == "string" and found or nil,
    next = problem and problem.hint or nil,
    seconds = task.now() - start,
  })
  if run.journal then
    run.journal:append({
      t = "check",
      path = path,
      name = name,
      ok = not problem,
      at = run.now(),
      found = not problem and SCALAR[type(found)] and value.text(found) or nil,
      message = problem and value.text(problem) or nil,
    }, true)
  end
  if problem and run.auditing and fails_alone(run, problem) then return run.plan:check_failed(path, name, problem) end
  if problem and run.guide and problem.kind ~= "bug" then return nil end -- the checklist has it, and goes on
  if problem then error(errors.amend(problem, { check = name }), 0) end
  return found
end

return M

--- How a run ends on the screen: its result, its summary, and what to type next.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local hooks = lazy "o2x.script.hooks"
local listing = lazy "o2x.engine.listing"
local memory = lazy "o2x.engine.memory"
local out = require "o2x.report.out"
local output = lazy "o2x.cli.output"
local plan = lazy "o2x.engine.plan"
local proposed = require "o2x.report.proposed"
local same_again = lazy "o2x.engine.same_again"
local shell = require "o2x.base.shell"
local sorted_keys = require "o2x.base.sorted_keys"
local undo = lazy "o2x.engine.undo"
local units = require "o2x.base.units"

local M = {}

-- What to type next. A refused run has changed nothing and is started again.
local NEXT =
  { done = "o2x show %s", incomplete = "o2x show %s", failed = "o2x resume %s", interrupted = "o2x resume %s" }

local ENDED <const> = { done = true, incomplete = true }
--- The exit code of an undo that had to leave something.
M.INCOMPLETE = 7

--- "3 created, 1 changed, 12 unchanged"
---@param counts table
---@return string
function M.counts(counts)
  local parts = {}
  for _, name in ipairs { "created", "changed", "deleted", "unchanged" } do
    local count = counts[name] + (name == "unchanged" and counts.recalled or 0)
    if count > 0 or name == "changed" or name == "unchanged" then parts[#parts + 1] = count .. " " .. name end
  end
  return table.concat(parts, ", ")
end

local function run_words(arguments, options)
  local words = table.move(arguments, 1, #arguments, 1, {})
  if options.secrets then words[#words + 1] = "--secrets=" .. options.secrets end
  if options.standard then words[#words + 1] = "--standard" end
  for _, key in ipairs(options.take_over or {}) do
    words[#words + 1] = "--take-over=" .. key
  end
  if options.tenants then words[#words + 1] = "--tenants=" .. options.tenants end
  if options.at_once then words[#words + 1] = "--at-once=" .. options.at_once end
  if options.keep_going then words[#words + 1] = "--keep-going" end
  return words
end

--- The command that starts a run, as a shell takes it.
---@param run table runbook.severe, and tenant_name where it is for one tenant
---@param arguments string[] runbook, tenant, name=value …
---@param options table of the command line: secrets, standard
---@return string
function M.run_command(run, arguments, options)
  local words = run_words(arguments, options)
  if run.runbook.severe then words[#words + 1] = "--confirm=" .. (options.tenants or run.tenant_name) end
  return "o2x run " .. shell.command(words)
end

--- The command that writes the plan of a run into a file, which others can approve.
---@param run table
---@param arguments string[] as those of run_command
---@param options table
---@return string
function M.plan_command(run, arguments, options)
  local words = run_words(arguments, options)
  words[#words + 1] = ("--out=%s.plan"):format(run.runbook.name)
  return "o2x plan " .. shell.command(words)
end

--- Is there something to go on with? A run that continues an earlier attempt has something, as that had.
---@param run table
---@return boolean
function M.has_begun(run)
  if run.past then return true end
  local wrote = run.wrote
  if wrote == nil then wrote = run.gate and run.gate.wrote end
  return wrote or false
end

--- Why a run that failed would fail again.
---@param run table
---@param status string
---@param err table?
---@return string? text one line
---@return boolean? edited it goes on with the edited scripts only
---@return boolean? stuck going on leads nowhere
function M.same_again_of(run, status, err)
  if status ~= "failed" or not err or run.undo or not M.has_begun(run) then return nil end
  return same_again.why(run, err)
end

-- Were the words of a command wrong? Then the same again is wrong again.
local function were_words_wrong(err) return err.kind == "input" and not err.where end

--- What to type after a refusal, which has written nothing: the same again, once what was said is corrected. Nothing
--- where the words themselves were wrong, or where the hint has the command.
---@param err table
---@return string? command
function M.after_refusal(err)
  local has_command = err.meant or err.lacks or err.hint and tostring(err.hint):find "o2x %l"
  return not has_command and not were_words_wrong(err) and proposed.typed() or nil
end

-- A run whose journal was deleted or replaced cannot be resumed; it is started again.
local function next_of(run, status, options, err)
  if status == "refused" and err then return M.after_refusal(err) end
  if not NEXT[status] then return nil end
  if status == "failed" and not M.has_begun(run) then return proposed.typed() end
  local anew = status == "failed" and same_again.start_again(err)
  if anew then return anew end
  local there = not run.folder or not run.journal:is_lost() and fs.exists(fs.join(run.folder, "journal"))
  if status == "incomplete" and run.undo.remake then return run.undo.remake end
  if there or ENDED[status] then
    local _, edited, stuck = M.same_again_of(run, status, err)
    if stuck and run.past.history.begun then return same_again.start_again(err) or "o2x undo " .. run.id end
    return NEXT[status]:format(run.id) .. ((run.edited or edited) and not ENDED[status] and " --edited" or "")
  end
  if run.undo then return ("o2x undo %s"):format(undo.name(run.undo)) end
  local arguments = { run.runbook.name, run.tenant_name }
  for _, name in ipairs(sorted_keys(run.given or {})) do
    arguments[#arguments + 1] = ("%s=%s"):format(name, run.given[name])
  end
  return M.run_command(run, arguments, options)
end

-- A run that stopped and has written something may be taken back instead of continued.
local function way_back(run, status)
  local stopped = status == "failed" or status == "interrupted"
  local wrote = run.gate and run.gate.wrote or run.past and run.past.history.begun
  return stopped and wrote and not run.undo and not run.journal:is_lost() and "o2x undo " .. run.id or nil
end

-- The step at which a run failed may be done by hand instead.
local function by_hand(run, status, err)
  if status ~= "failed" or run.undo or not (err and err.step) or hooks.is_hook(err.step) then return nil end
  if not M.has_begun(run) then return nil end
  return run.folder and not run.journal:is_lost() and memory.skip_command(run, err.step) or nil
end

-- What is still unfinished of the tenant, after another run for it.
local function say_unfinished(run)
  if not run.store or run.mode ~= "apply" then return end
  local ok, list = pcall(listing.unfinished_of, run.store, run)
  for _, one in ipairs(ok and list or {}) do -- a store that is gone meanwhile is no matter of a run that is done
    out.say(
      ("note: %s of %s is still unfinished (%s): o2x resume %s; or o2x dismiss %s --reason=TEXT"):format(
        one.runbook,
        run.tenant_name,
        one.status,
        one.id,
        one.id
      )
    )
  end
end

-- The last lines. What stands after "next:" is last, and is the command and nothing else.
local function say_end(run, status, err, text, next_command)
  local style = out.style(2)
  local back, instead = way_back(run, status), by_hand(run, status, err)
  if not next_command then return out.say(text) end
  local again = M.same_again_of(run, status, err)
  if not (back or instead or again) then return out.say(text .. "; next: " .. style.bold(next_command)) end
  out.say(text)
  if again then out.say("  " .. again) end
  if back and back ~= next_command then out.say("  to go back: " .. style.bold(back)) end
  if instead then out.say("  done by hand: " .. style.bold(instead)) end
  if again then out.say("  to leave it: " .. style.bold(("o2x dismiss %s --reason=TEXT"):format(run.id))) end
  out.say("  next: " .. style.bold(next_command))
end

-- What an undo could not take back, and what it leaves in the systems.
local function say_remains(undone)
  for _, one in ipairs(undone.left) do
    out.say(("not undone: %s: %s"):format(one.title, one.why))
  end
  for _, text in ipairs(undone.traces) do
    out.say("stays: " .. text)
  end
end

local LOCAL_LOCK <const> = { run = true, resume = true, undo = true, apply = true }

--- Where the control database did not answer, the commands that are proposed want --local-lock, too.
---@param was_without any true: what was typed had it
---@param err table? the error of what was typed
function M.carry_local_lock(was_without, err)
  if was_without or err and err.lacks == "--local-lock" then proposed.carry("--local-lock", LOCAL_LOCK) end
end

--- Prints the result and summary of a run; returns the exit code.
---@param run table
---@param status string
---@param err table?
---@param options table of the command line
---@param seconds number
---@return integer
function M.conclude(run, status, err, options, seconds)
  local style = out.style(2)
  local counts = run.report.counts
  M.carry_local_lock(run.lease and run.lease.alone, err)
  local next_command = next_of(run, status, options, err)
  local result = output.print(run, options)
  if options.json then
    out.json {
      run = run.id,
      status = status,
      runbook = run.runbook.name,
      tenant = run.tenant_name,
      seconds = seconds,
      totals = plan.totals(counts),
      result = result,
      warnings = json.array(common.warnings(run.config)),
      next = next_command,
      notes = json.array(run.report.notes or {}),
      left = run.undo and json.array(run.undo.left or {}),
      traces = run.undo and json.array(run.undo.traces or {}),
      error = err and {
        kind = err.kind,
        message = tostring(err),
        hint = out.hint(err),
        step = err.step,
      } or nil,
    }
  end
  if err and status ~= "interrupted" then out.problem(err, err.step) end
  for _, text in ipairs(run.report.notes or {}) do
    out.say("note: " .. proposed.text(text))
  end
  if run.undo and ENDED[status] then say_remains(run.undo) end
  if status == "done" then say_unfinished(run) end
  local mark = status == "done" and style.green("done") or style.red(status)
  say_end(
    run,
    status,
    err,
    mark .. ("  %s %s: %s in %s"):format(run.runbook.name, run.tenant_name, M.counts(counts), units.duration(seconds)),
    next_command
  )
  if err then return errors.exit_code(err) end
  if status == "incomplete" then return M.INCOMPLETE end
  return run.output and run.output.exit or 0
end

return M

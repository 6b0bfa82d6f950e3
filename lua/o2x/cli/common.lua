--- Shared by the commands: finds project and configuration, handles Ctrl-C, prints the summary of a run.

local config = require "o2x.project.config"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local interrupt = require "o2x.core.interrupt"
local lazy = require "o2x.base.lazy"
local aws_keys = lazy "o2x.client.aws.credentials.explain"
local hooks = lazy "o2x.script.hooks"
local listing = lazy "o2x.engine.listing"
local limits = require "o2x.base.limits"
local memory = lazy "o2x.engine.memory"
local out = require "o2x.report.out"
local output = lazy "o2x.cli.output"
local permission = lazy "o2x.engine.permission"
local plan = lazy "o2x.engine.plan"
local program = require "o2x.core.program"
local project = require "o2x.project.project"
local proposed = require "o2x.report.proposed"
local same_again = lazy "o2x.engine.same_again"
local sandbox = lazy "o2x.script.sandbox"
local shell = require "o2x.base.shell"
local sink = require "o2x.base.sink"
local runbooks = lazy "o2x.script.runbook"
local sorted_keys = require "o2x.base.sorted_keys"
local store = lazy "o2x.engine.store"
local task = require "o2x.base.task"
local tenants = lazy "o2x.project.tenants"
local undo = lazy "o2x.engine.undo"
local units = require "o2x.base.units"

local M = {}

local LAST_WORDS <const> = "interrupted  ended at once; next: %s"

-- What to type next. A refused run has changed nothing and is started again.
local NEXT =
  { done = "o2x show %s", incomplete = "o2x show %s", failed = "o2x resume %s", interrupted = "o2x resume %s" }

local ENDED <const> = { done = true, incomplete = true }
--- The exit code of an undo that had to leave something.
M.INCOMPLETE = 7

local function flags(options)
  local values = {}
  for _, argument in ipairs(options.set or {}) do
    local name, value = argument:match("^([%w._]+)=(.*)$")
    if not name then errors.input(("--set=%s: expected KEY=VALUE"):format(argument)) end
    values[name] = value
  end
  return values
end

local function load_config(found, options)
  local loaded = config.load(found, flags(options))
  program.memory_limit(limits.bytes "memory")
  loaded.local_lock = options.local_lock
  if options.override_freeze then loaded.override_freeze = permission.override(options) end
  return found, loaded
end

--- The project and its configuration.
---@param options table of the command line
---@param path string? of a runbook
---@return table project
---@return table config
function M.load_project(options, path) return load_config(project.find(path), options) end

--- The project of an earlier run, and its configuration.
---@param options table of the command line
---@param h table the run's history
---@return table project
---@return table config
function M.load_project_of(options, h) return load_config(project.at(h.root), options) end

--- Finds the file of a runbook for a tenant.
---@param found table the project
---@param options table of the command line
---@param arguments string[] runbook and tenant, as typed
---@return string path
function M.runbook(found, options, arguments)
  tenants.check_name(arguments[2])
  return runbooks.find(found, arguments[1], not options.standard and arguments[2] or nil)
end

--- The parameters that a runbook declares, for a message about a wrong word.
---@param found table the project
---@param options table of the command line
---@param arguments string[] runbook and tenant, as typed
---@return fun(): table<string, table>
function M.declared(found, options, arguments)
  return function()
    local file = M.runbook(found, options, arguments)
    return runbooks.load(sandbox.for_declarations(found), file).params
  end
end

--- What is set for the clients of the ecosystem, in variables and in a profile of AWS, and does not count.
---@param configuration table
---@return string[] texts one line each
function M.warnings(configuration)
  local texts, ignored = configuration.warnings(), aws_keys.warnings(configuration)
  return table.move(ignored, 1, #ignored, #texts + 1, texts)
end

--- Warns of what is set and does not count.
---@param configuration table
function M.print_warnings(configuration)
  for _, text in ipairs(M.warnings(configuration)) do
    out.say("warning: " .. text)
  end
end

--- Prints why what a plan says could not be done right now: the calendar says no, or others must approve it first.
---@param run table
function M.print_closed(run)
  local message, needed = permission.note(run), permission.approvals(run)
  if message then out.say("note: " .. message .. "; a run is refused until then") end
  if needed > 0 then
    out.say(("note: it needs approvals of others: %d. They sign the file of --out: o2x approve FILE"):format(needed))
  end
end

--- Prints notes before a run: the tenant has its own version, or a runbook was edited without a new version.
---@param run table
function M.print_notes(run)
  local over = run.runbook.overrides
  local own = run.runbook.path:match("runbooks/tenants/([^/]+)/[^/]+$")
  if own then
    out.say(
      ("note: %s uses its own %s: %s %s%s"):format(
        own,
        run.runbook.name,
        run.runbook.path,
        run.runbook.version,
        over and (", based on %s %s"):format(over.path, over.version) or ""
      )
    )
  end
  for _, edited in ipairs(run.edited_versions) do
    out.say(("note: edited without a new version (versions.lock): %s"):format(edited))
  end
end

--- The run store of a configuration.
---@param configuration table
---@return table store
function M.open_store(configuration) return store.open(configuration.state) end

--- The run store. With O2X_STATE this works outside of the project, too.
---@param options table of the command line
---@return table store
function M.store(options)
  local state = os.getenv("O2X_STATE")
  if state and fs.is_folder(state) then return store.open(fs.realpath(state)) end
  local _, configuration = M.load_project(options)
  return store.open(configuration.state)
end

local last_words -- of this process, if it ends at once

--- Notes what to type next if the process ends at once, at a second Ctrl-C or in something that does not stop.
---@param command string "o2x resume R-…"
function M.if_ended(command)
  last_words = LAST_WORDS:format(proposed.text(command))
  interrupt.last_words(last_words)
end

-- The first signal stops the work cleanly, the second exits at once.
local function watch(caught, work)
  local signal <close> = caught
  local count = 0
  while true do
    task.wait(signal, math.huge)
    count = count + math.max(signal:clear(), 1)
    if count > 1 then
      sink.line("stderr", last_words)
      program.exit_now(130)
    end
    out.say ""
    out.say("interrupted: stopping cleanly; interrupt again to stop at once")
    work:cancel()
  end
end

-- nohup ignores SIGHUP before it starts us; this must stay so. SIGINT and SIGTERM always stop a run: a script's shell
-- ignores SIGINT for whatever it starts in the background, and means nothing by it.
local function hangup_is_ignored()
  local mask = (fs.read_if("/proc/self/status") or ""):match("SigIgn:%s*(%x+)")
  return mask ~= nil and tonumber(mask, 16) & 1 == 1
end

local FIRST_WORD <const>, NEXT_WORD <const> = 0.8, 5 -- seconds

-- Nobody waits for more than a second without a word, and then without one that changes, until the command itself
-- speaks: it may be loading files, or wait for a system before its first line.
local function say_first(command)
  local start, own = task.now(), 0
  task.sleep(FIRST_WORD)
  while sink.written() == own and not out.quiet do
    out.say(("%s: nothing to show yet, after %s"):format(command, units.duration(task.now() - start)))
    own = own + 1
    task.sleep(NEXT_WORD)
  end
end

--- Runs fn so that Ctrl-C stops it cleanly.
---@param fn function
---@param ... any arguments of fn
---@return any its results, or raises its error
function M.interruptible(fn, ...)
  local signals, watchers = {}, {}
  local names = { "INT", "TERM", "QUIT", not hangup_is_ignored() and "HUP" or nil }
  for i, name in ipairs(names) do
    signals[i] = task.signal(name) -- before the work starts
  end
  local typed = proposed.text(proposed.typed())
  last_words = LAST_WORDS:format(typed)
  interrupt.watch(last_words, table.unpack(names, 1, #signals))
  local work = task.spawn(fn, ...)
  for i, signal in ipairs(signals) do
    watchers[i] = task.spawn(watch, signal, work)
  end
  watchers[#watchers + 1] = task.spawn(say_first, typed)
  local ok, err = pcall(work.join, work)
  interrupt.close()
  for _, watcher in ipairs(watchers) do
    watcher:cancel()
  end
  for _, watcher in ipairs(watchers) do
    watcher:wait(nil, true)
  end
  if not ok and errors.is(err) and err.kind == "cancelled" then
    -- Nothing else has said how it ended: no run had begun, or the command only reads.
    errors.raise { kind = "cancelled", message = "interrupted; next: " .. typed }
  end
  if not ok then error(err, 0) end
  return work:join()
end

--- Says what could not be planned, with what to do about it.
---@param made table a plan
---@param tenant string? to be named
---@return integer code exit code of the first; 0 if there is none
function M.plan_problems(made, tenant)
  for _, problem in ipairs(made.problems) do
    local words = { tenant }
    if problem.path ~= "" then words[#words + 1] = problem.path end
    out.problem(problem.error, #words > 0 and table.concat(words, ": ") or nil)
  end
  return made.problems[1] and errors.exit_code(made.problems[1].error) or 0
end

--- The plan of a tenant that cannot be planned at all.
---@param err table
---@return table plan
function M.failed_plan(err)
  local made = plan.new()
  made:problem("", err)
  return made
end

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
---@param run table
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

-- Why a run that failed would fail again.
local function same_again_of(run, status, err)
  if status ~= "failed" or not err or run.undo or not M.has_begun(run) then return nil end
  return same_again.why(run, err)
end

--- Were the words of a command wrong? Then the same again is wrong again.
---@param err table
---@return boolean
function M.were_words_wrong(err) return err.kind == "input" and not err.where end

-- What to type after a refusal, which has written nothing: the same again, once what was said is corrected. Nothing
-- where the words themselves were wrong, or where the hint has the command.
local function after_refusal(err)
  local has_command = err.meant or err.lacks or err.hint and tostring(err.hint):find "o2x %l"
  return not has_command and not M.were_words_wrong(err) and proposed.typed() or nil
end

-- A run whose journal was deleted or replaced cannot be resumed; it is started again.
local function next_of(run, status, options, err)
  if status == "refused" and err then return after_refusal(err) end
  if not NEXT[status] then return nil end
  if status == "failed" and not M.has_begun(run) then return proposed.typed() end
  local anew = status == "failed" and same_again.start_again(err)
  if anew then return anew end
  local there = not run.folder or not run.journal:is_lost() and fs.exists(fs.join(run.folder, "journal"))
  if status == "incomplete" and run.undo.remake then return run.undo.remake end
  if there or ENDED[status] then
    local _, edited, stuck = same_again_of(run, status, err)
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
  local again = same_again_of(run, status, err)
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
      warnings = json.array(M.warnings(run.config)),
      next = next_command and proposed.text(next_command),
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

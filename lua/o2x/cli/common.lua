--- Shared by the commands: finds project and configuration, handles Ctrl-C.

local config = require "o2x.project.config"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local interrupt = require "o2x.core.interrupt"
local lazy = require "o2x.base.lazy"
local aws_keys = lazy "o2x.client.aws.credentials.explain"
local limits = require "o2x.base.limits"
local out = require "o2x.report.out"
local permission = lazy "o2x.engine.permission"
local plan = lazy "o2x.engine.plan"
local program = require "o2x.core.program"
local project = require "o2x.project.project"
local proposed = require "o2x.report.proposed"
local sandbox = lazy "o2x.script.sandbox"
local sink = require "o2x.base.sink"
local runbooks = lazy "o2x.script.runbook"
local runbook_files = lazy "o2x.project.runbook_files"
local store = lazy "o2x.engine.store"
local task = require "o2x.base.task"
local tenants = lazy "o2x.project.tenants"
local units = require "o2x.base.units"

local M = {}

local LAST_WORDS <const> = "interrupted  ended at once; next: %s"

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

-- A tenant's name where the runbook's belongs, and the other way round.
local function check_order(found, first, second)
  local names = {}
  for _, name in ipairs(runbook_files.all(found)) do
    names[name] = true
  end
  if names[first] or not names[second] then return end
  errors.raise {
    kind = "input",
    message = ("%s is no runbook, and %s is one: the runbook comes first"):format(first, second),
    meant = proposed.swapped(first, second),
  }
end

--- Finds the file of a runbook for a tenant.
---@param found table the project
---@param options table of the command line
---@param arguments string[] runbook and tenant, as typed
---@return string path
function M.runbook(found, options, arguments)
  tenants.check_name(arguments[2])
  if not arguments[1]:find "[/.@]" then check_order(found, arguments[1], arguments[2]) end
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

return M

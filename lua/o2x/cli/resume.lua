--- The command o2x resume: continues a run that failed or was interrupted.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local common = lazy "o2x.cli.common"
local ending = lazy "o2x.cli.ending"
local errors = require "o2x.base.error"
local fleet = lazy "o2x.cli.fleet"
local fleet_undo = lazy "o2x.cli.fleet_undo"
local fleets = lazy "o2x.engine.fleet"
local listing = lazy "o2x.engine.listing"
local out = require "o2x.report.out"
local progress = lazy "o2x.report.progress"
local preparation = lazy "o2x.engine.preparation"
local run = lazy "o2x.engine.run"
local skip = lazy "o2x.engine.skip"
local step_by_step = lazy "o2x.engine.step_by_step"
local task = require "o2x.base.task"
local undo = lazy "o2x.engine.undo"
local unfinished = lazy "o2x.engine.unfinished"

-- The newest run, or the fleet that it belongs to. One without any run is newer than all runs before it.
local function newest_of(store, list)
  local several, newest = listing.fleets(store, list), list[#list]
  local last = several[#several]
  local is_newer = last and (not newest or newest.fleet == last.id or last.id:sub(3) > newest.id:sub(3))
  return is_newer and last or newest
end

-- A run that was cut off before its first write is no unfinished one. But if it is the newest, and nothing else can be
-- meant, it is started again.
local function cut_off(store, list)
  local newest = newest_of(store, list)
  if not newest or not unfinished.cut_off(newest) then return nil end
  out.say(("no run is unfinished; %s stopped before it wrote anything, and starts again"):format(newest.id))
  return newest
end

local function none(store, list)
  local newest = list[#list]
  if newest and newest.status == "failed" and not newest.begun then
    errors.input(
      ("no unfinished run: the newest, %s, failed and wrote nothing"):format(newest.id),
      ("start it again, or name it: o2x resume %s"):format(newest.id)
    )
  end
  if newest and newest.status == "running" then
    errors.input(
      ("no unfinished run: the newest, %s, is still running"):format(newest.id),
      "wait for it, or interrupt it where it runs, with Ctrl-C; one that was just killed has ended in a moment"
    )
  end
  errors.input(
    "no unfinished run",
    ("o2x runs lists all runs in %s; O2X_STATE, or state: in o2x.yaml, names another folder"):format(store.folder)
  )
end

local function the_unfinished_one(store)
  local list = store:list()
  local found = listing.unfinished(store, list)
  if #found == 1 then return found[1] end
  if #found == 0 then return cut_off(store, list) or none(store, list) end
  for _, one in ipairs(found) do
    local whom = one.tenants and #one.tenants .. " tenants" or one.tenant
    out.data(("%s  %s %s  %s"):format(one.id, one.runbook, whom, one.status))
  end
  errors.input(
    ("%d unfinished runs"):format(#found),
    "choose one: o2x resume RUN; one that nobody will go on with: o2x dismiss RUN --reason=TEXT"
  )
end

-- What an undo was going to take back, with what the operator has decided meanwhile.
local function undo_of(store, h, options)
  local take_over = table.move(h.undo.take_over or {}, 1, #(h.undo.take_over or {}), 1, {})
  table.move(options.take_over or {}, 1, #(options.take_over or {}), #take_over + 1, take_over)
  return undo.open(store, { id = h.undo.run, step = h.undo.step, take_over = take_over })
end

-- The step that was done by hand, if the operator says so.
local function skipped_of(options, h)
  if not options.skip then
    if options.reason and not options.override_freeze then
      errors.input("--reason belongs to --skip=STEP", "o2x help resume")
    end
    return nil
  end
  if h.undo then
    errors.input(
      ("%s is an undo, which has no steps to skip"):format(h.id),
      ("what is done by hand already, it finds: o2x resume %s"):format(h.id)
    )
  end
  return { step = options.skip, reason = skip.reason(options.reason) }
end

local function perform_one(options, store, id)
  local h = store:origin(id)
  store:check_unfinished(h)
  local skipped = skipped_of(options, h)
  local project, config = common.load_project_of(options, h)
  local this = preparation.run {
    mode = "apply",
    project = project,
    config = config,
    file = not h.undo and run.file_to_resume(project, h, options.edited) or nil,
    undo = h.undo and undo_of(store, h, options) or nil,
    tenant = h.tenant,
    params = h.params,
    secrets = options.secrets or h.secrets,
    seed = h.seed,
    fleet = h.fleet,
    allow_edited = options.allow_edited,
    kept = not options.edited and store:kept(h) or nil,
    report = progress.new { quiet = options.quiet, verbose = options.verbose },
  }
  this.store = store
  if options.step_by_step then step_by_step.begin(this) end
  common.if_ended(("o2x resume %s%s"):format(id, options.edited and " --edited" or ""))
  local start = task.now()
  local status, err = run.resume(this, id, function(_, edited, files, warning)
    out.say(("resuming %s %s for %s, run %s"):format(this.runbook.name, this.runbook.version, this.tenant_name, id))
    common.print_warnings(config)
    if #edited > 0 then
      out.say(
        ("note: edited since the run started: %s; %s"):format(
          table.concat(edited, ", "),
          options.edited and "finished steps do not run again"
            or "the run continues with its own copy (use the edited files: --edited)"
        )
      )
    end
    if #files > 0 then
      out.say(
        ("note: edited since the run started: %s; finished steps do not run again"):format(table.concat(files, ", "))
      )
    end
    if warning then out.say("note: " .. warning) end
  end, options.take_over, skipped)
  return ending.conclude(this, status, err, options, task.now() - start)
end

local function perform(options, arguments)
  local store = common.store(options)
  if options.step_by_step then step_by_step.check(false) end
  local found = not arguments[1] and the_unfinished_one(store) or nil
  local several = found and found.tenants and found
    or arguments[1] and fleets.is_id(arguments[1]) and fleets.read(store, arguments[1])
  if several and (options.skip or options.step_by_step) then
    errors.input(
      ("%s is for the run of one tenant"):format(options.skip and "--skip" or "--step-by-step"),
      ("o2x runs lists the runs of %s"):format(several.id)
    )
  end
  if several then return fleet.resume(options, store, several, several.undoes and fleet_undo.go or nil) end
  return perform_one(options, store, found and found.id or store:find(arguments[1]))
end

return {
  most = 1,
  help = [[
Finished steps and effects do not run again. If the run stopped in the middle of
an effect, o2x asks the system whether it took place.

The run continues with its own copy of the scripts. If a script caused the
failure, fix it and add --edited.

Without RUN, resumes the only unfinished run, or lists them if there are
several. A run over several tenants (F-…) continues where it stopped.]],
  options = {
    {
      "secrets",
      value = "FILE|-|vault:PATH",
      help = "the tenant's secrets, if they came from standard input or have moved",
    },
    {
      "take-over",
      value = "EFFECT",
      many = true,
      help = "overwrite what someone else changed in this effect's target since the run stopped (effect id or key)",
    },
    {
      "skip",
      value = "STEP",
      help = "the step was done by hand: go on after it, if its own reads and checks find everything there",
    },
    { "reason", value = "TEXT", help = "with --skip or --override-freeze: what, and why; the journal keeps it" },
    args.OVERRIDE_FREEZE,
    args.LOCAL_LOCK,
    { "edited", help = "continue with the current scripts instead of the run's own copy" },
    { "allow-edited", help = "continue even if a runbook was edited without a new version (versions.lock)" },
    args.STEP_BY_STEP,
    { "json", help = "print the result as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}

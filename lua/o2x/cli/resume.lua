--- o2x resume [RUN]

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local fleet = require "o2x.cli.fleet"
local fleets = require "o2x.engine.fleet"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"
local progress = require "o2x.report.progress"
local run = require "o2x.engine.run"
local task = require "o2x.base.task"

-- Runs and runs over several tenants that can go on; those of the latter go on with it.
local function candidates(store)
  local list = fleets.unfinished(store)
  local open = {}
  for _, one in ipairs(list) do
    open[one.id] = true
  end
  for _, h in ipairs(store:unfinished()) do
    if not open[h.fleet or ""] then list[#list + 1] = h end
  end
  return list
end

local function the_unfinished_one(store)
  local found = candidates(store)
  if #found == 1 then return found[1] end
  if #found == 0 then errors.input("there is no unfinished run", "o2x runs lists all runs") end
  for _, h in ipairs(found) do
    local whom = h.tenants and #h.tenants .. " tenants" or h.tenant
    out.data(("%s  %s %s  %s"):format(h.id, h.tenants and h.runbook or h.runbook.name, whom, h.status or "crashed"))
  end
  errors.input(("%d runs are unfinished"):format(#found), "name one: o2x resume RUN")
end

local function check(store, id)
  local h = store:look(id)
  if h.damaged then error(h.damaged, 0) end
  if h.status == "refused" then
    errors.input(("%s was refused before it wrote anything"):format(id), "start it again with o2x run")
  end
  if h.status == "done" then
    errors.input(("%s is done: there is nothing to resume"):format(id), ("o2x show %s"):format(id))
  end
  return h
end

local function file_of(project, h, edited)
  local path = run.file_of(project, h)
  if not edited or fs.exists(path) then return path end
  errors.input(
    ("%s, which the run began with, is gone"):format(h.runbook.path),
    "without --edited, the run goes on with what it began with"
  )
end

local function perform_one(options, store, id)
  local h = check(store, id)
  local project, config = common.place_of(options, h)
  local this = run.prepare {
    mode = "apply",
    project = project,
    config = config,
    file = file_of(project, h, options.edited),
    tenant = h.tenant,
    params = h.params,
    secrets = options.secrets or h.secrets,
    seed = h.seed,
    fleet = h.fleet,
    allow_edited = options.allow_edited,
    kept = not options.edited and function(path) return store:source(id, path) end or nil,
    report = progress.new { quiet = options.quiet, verbose = options.verbose },
  }
  this.store = store
  local start = task.now()
  local status, err = run.resume(this, id, function(_, edited)
    out.say(("%s %s for %s goes on, run %s"):format(this.runbook.name, this.runbook.version, this.tenant_name, id))
    if #edited > 0 then
      out.say(
        ("note: edited since the run began: %s; %s"):format(
          table.concat(edited, ", "),
          options.edited and "finished steps are not run again"
            or "it goes on with what it began with (--edited: with the files as they are)"
        )
      )
    end
  end, options.take_over)
  return common.conclude(this, status, err, options, task.now() - start)
end

local function perform(options, words)
  local store = common.store(options)
  if words[1] and words[1]:match("^F%-") then return fleet.resume(options, store, fleets.read(store, words[1])) end
  local found = not words[1] and the_unfinished_one(store) or nil
  if found and found.tenants then return fleet.resume(options, store, found) end
  return perform_one(options, store, found and found.id or store:find(words[1]))
end

return {
  name = "resume",
  usage = "resume [RUN]",
  most = 1,
  summary = "go on with a run that was interrupted or failed",
  help = [[
Finished steps and effects are not done again; where the run ended in the middle of one, the system is asked whether it
took place. The run goes on with the scripts that it began with, which are kept in its folder; where one of them was at
fault, mend it and say --edited. Without RUN, the one unfinished run; if there are several, they are listed. A run over
several tenants (F-…) goes on where it stopped.]],
  options = {
    {
      "secrets",
      value = "FILE|-|vault:PATH",
      help = "the tenant's secrets, if they came by standard input or have moved",
    },
    {
      "take-over",
      value = "EFFECT",
      many = true,
      help = "overwrite what somebody else changed in this effect's target since the run stopped (its id or its key)",
    },
    { "edited", help = "go on with the scripts as they are now, not as they were when the run began" },
    { "allow-edited", help = "even if one was changed under an unchanged version (versions.lock)" },
    { "json", help = "the result as JSON" },
  },
  run = function(options, words) return common.interruptible(perform, options, words) end,
}

--- o2x resume [RUN]

local common = require "o2x.cli.common"
local errors = require "o2x.error"
local fs = require "o2x.fs"
local out = require "o2x.out"
local progress = require "o2x.progress"
local run = require "o2x.run"
local task = require "o2x.task"

local function the_unfinished_one(store)
  local found = store:unfinished()
  if #found == 1 then return found[1].id end
  if #found == 0 then errors.input("there is no unfinished run", "o2x runs lists all runs") end
  for _, h in ipairs(found) do
    out.data(("%s  %s %s  %s"):format(h.id, h.runbook.name, h.tenant, h.status))
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
  local path = h.runbook.path
  if path:sub(1, 1) ~= "/" then path = fs.join(project.root, path) end
  if not edited or fs.exists(path) then return path end
  errors.input(("%s, which the run began with, is gone"):format(h.runbook.path),
    "without --edited, the run goes on with what it began with")
end

local function perform(options, words)
  local store = common.store(options)
  local id = words[1] and store:find(words[1]) or the_unfinished_one(store)
  local h = check(store, id)
  local project, config = common.place_of(options, h)
  local this = run.prepare {
    mode = "apply", project = project, config = config, file = file_of(project, h, options.edited), tenant = h.tenant,
    params = h.params,
    secrets = options.secrets or h.secrets, seed = h.seed, fleet = h.fleet, allow_edited = options.allow_edited,
    kept = not options.edited and function(path) return store:source(id, path) end or nil,
    report = progress.new { quiet = options.quiet, verbose = options.verbose },
  }
  this.store = store
  local start = task.now()
  local status, err = run.resume(this, id, function(_, edited)
    out.say(("%s %s for %s goes on, run %s"):format(this.runbook.name, this.runbook.version, this.tenant_name, id))
    if #edited > 0 then
      out.say(("note: edited since the run began: %s; %s"):format(table.concat(edited, ", "), options.edited
        and "finished steps are not run again" or "it goes on with what it began with (--edited: with the files as they are)"))
    end
  end)
  return common.conclude(this, status, err, options, task.now() - start)
end

return {
  name = "resume", usage = "resume [RUN]", most = 1,
  summary = "go on with a run that was interrupted or failed",
  help = [[
Finished steps and effects are not done again; where the run ended in the middle of one, the system is asked whether it
took place. The run goes on with the scripts that it began with, which are kept in its folder; where one of them was at
fault, mend it and say --edited. Without RUN, the one unfinished run; if there are several, they are listed.]],
  options = {
    { "secrets", value = "FILE|-|vault:PATH",
      help = "the tenant's secrets, if they came by standard input or have moved" },
    { "edited", help = "go on with the scripts as they are now, not as they were when the run began" },
    { "allow-edited", help = "even if one was changed under an unchanged version (versions.lock)" },
    { "json", help = "the result as JSON" },
  },
  run = function(options, words) return common.interruptible(perform, options, words) end,
}

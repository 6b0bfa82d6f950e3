--- The command o2x undo: takes back what an earlier run did.

local lazy = require "o2x.base.lazy"
local args = require "o2x.cli.args"
local common = lazy "o2x.cli.common"
local ending = lazy "o2x.cli.ending"
local errors = require "o2x.base.error"
local fleet_undo = lazy "o2x.cli.fleet_undo"
local json = lazy "o2x.base.json"
local memory = lazy "o2x.engine.memory"
local out = require "o2x.report.out"
local progress = lazy "o2x.report.progress"
local preparation = lazy "o2x.engine.preparation"
local run = lazy "o2x.engine.run"
local task = require "o2x.base.task"
local undo = lazy "o2x.engine.undo"

-- "R-…#STEP" → what is to be undone
local function requested(store, word, options)
  local id, step = word:match "^(.-)#(.*)$"
  id = store:find(id or word)
  local request = { id = id, take_over = options.take_over }
  local opened = undo.open(store, request)
  if step then opened.step = undo.step_of(opened.history, step) end
  undo.check_undone(opened, opened.summary)
  memory.check_take_over(id, { opened.history }, opened.take_over)
  return opened
end

local function prepare(opened, options, mode)
  local h = opened.history
  local project, config = common.load_project_of(options, h)
  local this = preparation.run {
    mode = mode,
    project = project,
    config = config,
    tenant = h.tenant,
    params = {},
    undo = opened,
    report = progress.new {
      quiet = options.quiet or mode == "plan" and options.json,
      verbose = options.verbose,
      planning = mode == "plan",
    },
  }
  common.print_warnings(config)
  return this
end

local function command_of(this, options)
  local words = ("o2x undo %s --confirm=%s"):format(undo.name(this.undo), this.tenant_name)
  for _, word in ipairs(options.take_over or {}) do
    words = ("%s --take-over='%s'"):format(words, word)
  end
  return words
end

local function show(this, plan, options)
  local found, command = plan:has_changes(), command_of(this, options)
  local ready = #plan.problems == 0 and this.undo.left ~= nil
  if options.json then
    local data = plan:data()
    data.undoes, data.step, data.tenant = this.undo.history.id, this.undo.step, this.tenant_name
    data.left, data.within = json.array(this.undo.left or {}), json.array(this.undo.within or {})
    data.traces = json.array(this.undo.traces or {})
    data.again = this.undo.left and this.undo.left[1] and this.undo.remake
    data.next = ready and found and command or nil
    return out.json(data)
  end
  local style = out.style(1)
  plan:render(out.data, style, options.full)
  if not ready then return end
  undo.render_rest(this.undo, out.data, style)
  if not found then return out.data "Nothing to undo." end
  out.data(style.bold(plan:totals()))
  out.data("To undo: " .. style.bold(command))
end

local function check_confirmed(opened, confirmed)
  local tenant = opened.history.tenant
  if confirmed == tenant then return end
  errors.input(
    ("--confirm=%s, but %s was for %s"):format(confirmed, opened.history.id, tenant),
    "look at it first: o2x undo " .. opened.history.id
  )
end

local function perform(options, arguments)
  local store = common.store(options)
  if arguments[1]:find "^F%-" then return fleet_undo.undo(options, store, arguments[1]) end
  local opened = requested(store, arguments[1], options)
  if not options.confirm then
    local this = prepare(opened, options, "plan")
    local plan = run.plan(this)
    show(this, plan, options)
    return common.plan_problems(plan)
  end
  check_confirmed(opened, options.confirm)
  local this = prepare(opened, options, "apply")
  this.store = store
  local start = task.now()
  local status, err = run.apply(this, function()
    common.if_ended("o2x resume " .. this.id)
    out.say(("undo of %s for %s, run %s"):format(undo.name(opened), this.tenant_name, this.id))
  end)
  return ending.conclude(this, status, err, options, task.now() - start)
end

return {
  least = 1,
  most = 1,
  needs = "a run",
  help = [[
Shows what would be taken back, last to first, and what cannot be. With
--confirm=TENANT it is done, in a run of its own: o2x resume continues it, and
o2x undo of it brings everything back.

Each target must still be as the run left it. If somebody else changed one,
nothing is touched, and the values before, ours and now are shown.

A run over several tenants (F-…) is taken back tenant by tenant, the last first;
--confirm=WHICH repeats its --tenants. Nothing is touched unless all of it can
be taken back; with --keep-going, one that cannot is left, and the others are.

RUN may be the end of its id. STEP is the path or the number of a step, as
o2x show lists them: only that step, and the steps below it.]],
  options = {
    { "confirm", value = "TENANT", help = "repeat the tenant's name: undo it; without, only show what would be done" },
    {
      "take-over",
      value = "EFFECT",
      many = true,
      help = "overwrite what someone else changed in this effect's target since the run (effect id or key)",
    },
    { "keep-going", help = "of a run over several tenants: go on with the others when one cannot be taken back" },
    { "full", help = "show every line of every change" },
    args.OVERRIDE_FREEZE,
    args.LOCAL_LOCK,
    args.REASON,
    { "json", help = "print the plan, or the result, as JSON" },
  },
  run = function(options, arguments) return common.interruptible(perform, options, arguments) end,
}

--- o2x undo F-…: takes back a run over several tenants, the last tenant first. It is such a run itself: o2x resume
--- continues it, and o2x undo of it brings everything back.

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local fleet = require "o2x.cli.fleet"
local fleets = require "o2x.engine.fleet"
local json = require "o2x.base.json"
local memory = require "o2x.engine.memory"
local out = require "o2x.report.out"
local progress = require "o2x.report.progress"
local preparation = require "o2x.engine.preparation"
local run = require "o2x.engine.run"
local shell = require "o2x.base.shell"
local undo = require "o2x.engine.undo"

local M = {}

local RESUMABLE <const> = { failed = true, interrupted = true, crashed = true }

-- Why there is nothing to take back of a tenant's run; nil if there may be something.
local function over(past)
  if past.undone then return "undone by " .. past.undone end
  if past.status == "refused" then return past.id .. " was refused and wrote nothing" end
end

-- The undo of a tenant's run; `own` is the id of one that is continued.
local function prepare(this, past, mode, report, own)
  local opened = undo.open(this.store, { id = past.id, take_over = this.take_over })
  undo.check_undone(opened, opened.summary, own)
  return preparation.run {
    mode = mode,
    project = this.project,
    config = this.config,
    tenant = past.tenant,
    params = {},
    undo = opened,
    fleet = this.id,
    seed = own and this.store:origin(own).seed,
    report = report,
  }
end

-- ---- what would be done ----

-- The plan of one tenant, whatever goes wrong.
local function plan_of(this, past)
  local ok, plan, prepared = xpcall(function()
    local prepared = prepare(this, past, "plan", progress.new { quiet = true, planning = true })
    return run.plan(prepared), prepared
  end, errors.handler)
  if ok then return plan, prepared.undo end
  local err = errors.wrap(plan)
  if err.kind == "cancelled" then error(err, 0) end
  return common.failed_plan(err), {}
end

local function plan_all(this)
  local parts = {}
  for i, past in ipairs(this.runs) do
    local part = { past = past, over = over(past) }
    if not part.over then
      part.plan, part.undo = plan_of(this, past)
    end
    parts[i] = part
  end
  return parts
end

local function command_of(this)
  local words = { "undo", this.fleet.id, "--confirm=" .. this.fleet.selector }
  for _, word in ipairs(this.options.take_over or {}) do
    words[#words + 1] = "--take-over=" .. word
  end
  if this.options.keep_going then words[#words + 1] = "--keep-going" end
  return "o2x " .. shell.command(words)
end

local function show_part(part, style, options)
  out.data(style.bold(part.past.tenant) .. style.dim("  " .. part.past.id))
  if part.over then return out.data("  nothing to undo: " .. part.over) end
  part.plan:render(out.data, style, options.full)
  if #part.plan.problems > 0 then return end
  undo.render_rest(part.undo, out.data, style)
  if not part.plan:has_changes() then out.data "  nothing to undo" end
end

local function data_of(this, parts, command)
  local list = {}
  for i, part in ipairs(parts) do
    local data = part.plan and part.plan:data() or {}
    data.tenant, data.undoes, data.over = part.past.tenant, part.past.id, part.over
    if part.undo then
      data.left, data.within = json.array(part.undo.left or {}), json.array(part.undo.within or {})
      data.traces = json.array(part.undo.traces or {})
    end
    list[i] = data
  end
  return { undoes = this.fleet.id, tenants = json.array(list), next = command }
end

-- Says what cannot be planned. -> exit code of the first
local function say_problems(parts)
  local code = 0
  for _, part in ipairs(parts) do
    local found = part.plan and common.plan_problems(part.plan, part.past.tenant) or 0
    if code == 0 then code = found end
  end
  return code
end

local function show(this)
  local parts, changes = plan_all(this), false
  local blocked = false
  for _, part in ipairs(parts) do
    changes = changes or part.plan ~= nil and part.plan:has_changes()
    blocked = blocked or part.plan ~= nil and #part.plan.problems > 0
  end
  local command = changes and (not blocked or this.options.keep_going) and command_of(this) or nil
  if this.options.json then
    out.json(data_of(this, parts, command))
  else
    local style = out.style(1)
    for _, part in ipairs(parts) do
      show_part(part, style, this.options)
    end
    if command then out.data("To undo: " .. style.bold(command)) end
  end
  return say_problems(parts)
end

-- ---- doing it ----

--- What takes back the run of each tenant; fleets.perform calls it.
---@param store table
---@param project table
---@param config table
---@param made table the fleet of the undo
---@param options table of the command line
---@return fun(tenant: string, past: table?): table outcome
function M.go(store, project, config, made, options)
  local words = table.move(made.take_over or {}, 1, #(made.take_over or {}), 1, {})
  table.move(options.take_over or {}, 1, #(options.take_over or {}), #words + 1, words)
  local this = { id = made.id, store = store, project = project, config = config, take_over = words }
  local originals = fleets.runs(store, { id = made.undoes })
  return function(tenant, past)
    local original = originals[tenant]
    local why = over(original)
    if why then return { status = "done", run = original.id, earlier = true, note = why } end
    local own = past and RESUMABLE[past.status] and past.id or nil
    return fleet.attempt(made, tenant, function(report)
      local prepared = prepare(this, original, "apply", report, own)
      prepared.store = store
      return prepared
    end, function(prepared, started)
      if own then return run.resume(prepared, own, started, options.take_over) end
      return run.apply(prepared, started)
    end)
  end
end

-- The runs of a fleet, last to first.
local function runs_of(store, of)
  local list = {}
  for _, past in pairs(fleets.runs(store, of)) do
    list[#list + 1] = past
  end
  table.sort(list, function(a, b) return a.id > b.id end)
  return list
end

-- Nothing is touched unless all of it can be taken back, or the operator wants the others all the same.
local function check_all(this)
  if this.options.keep_going then return end
  local parts = plan_all(this)
  local code = say_problems(parts)
  if code == 0 then return end
  out.say(("nothing was taken back of %s; with --keep-going, the others are"):format(this.fleet.id))
  return code
end

local function begin(this)
  local names = {}
  for i, past in ipairs(this.runs) do
    names[i] = past.tenant
  end
  local made = fleets.create(this.store, {
    runbook = "undo",
    undoes = this.fleet.id,
    selector = this.fleet.selector,
    tenants = json.array(names),
    params = {},
    at_once = this.fleet.at_once,
    keep_going = this.options.keep_going or false,
    take_over = this.take_over,
    root = this.fleet.root,
  })
  return fleet.perform(this.store, this.project, this.config, made, this.options, M.go)
end

local function check(this)
  local earlier = fleets.undo_of(this.store, this.fleet.id)
  if earlier then
    local ended = earlier.status == "done" or earlier.status == "incomplete"
    errors.input(
      ("%s %s by %s"):format(this.fleet.id, ended and "was undone" or "is being undone", earlier.id),
      (ended and "o2x undo %s brings its state back" or "o2x resume %s continues it"):format(earlier.id)
    )
  end
  local histories = {}
  for i, past in ipairs(this.options.take_over and this.runs or {}) do
    histories[i] = this.store:look(past.id)
  end
  memory.check_take_over(this.fleet.id, histories, this.options.take_over or {})
  local confirmed = this.options.confirm
  if confirmed and confirmed ~= this.fleet.selector then
    errors.input(
      ("--confirm=%s, but %s was for --tenants=%s"):format(confirmed, this.fleet.id, this.fleet.selector),
      "look at it first: o2x undo " .. this.fleet.id
    )
  end
end

--- o2x undo F-…
---@param options table of the command line
---@param store table
---@param word string
---@return integer exit code
function M.undo(options, store, word)
  if word:find("#", 1, true) then
    errors.input("a step is taken back for one tenant", "o2x runs lists the runs: o2x undo RUN#STEP")
  end
  local this = { options = options, store = store, fleet = fleets.read(store, word), take_over = options.take_over }
  this.runs = runs_of(store, this.fleet)
  check(this)
  this.project, this.config = common.load_project_of(options, this.fleet)
  if not options.confirm then return show(this) end
  return check_all(this) or begin(this)
end

return M

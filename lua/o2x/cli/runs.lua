--- The command o2x runs: lists the runs.

local lazy = require "o2x.base.lazy"
local changes = lazy "o2x.engine.changes"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fleets = lazy "o2x.engine.fleet"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local listing = lazy "o2x.engine.listing"
local plan = lazy "o2x.engine.plan"
local runs_prune = lazy "o2x.cli.runs_prune"
local suggest = lazy "o2x.base.suggest"
local unfinished = lazy "o2x.engine.unfinished"
local units = lazy "o2x.base.units"

local COLOURS = {
  done = "green",
  running = "cyan",
  failed = "red",
  refused = "yellow",
  crashed = "red",
  interrupted = "yellow",
  damaged = "red",
  incomplete = "yellow",
}

local function data(run)
  if run.damaged then return { id = run.id, status = run.status, error = run.error.message } end
  return {
    id = run.id,
    status = run.status,
    runbook = run.runbook,
    version = run.version or nil,
    tenant = run.tenant,
    params = run.params,
    fleet = run.fleet or nil,
    started = run.started,
    ended = run.ended,
    seconds = run.seconds,
    totals = plan.totals(run.counts),
    user = run.user,
    overtaken_by = run.overtaken or nil,
    undoes = run.undo and run.undo.run or nil,
    step = run.undo and run.undo.step or nil,
    undone_by = run.undone or nil,
    dismissed = run.dismissed or nil,
    error = run.error and run.error.message,
  }
end

local function fleet_data(fleet)
  if fleet.damaged then return data(fleet) end
  local runs = {}
  for _, tenant in ipairs(fleet.tenants) do
    local one = fleet.runs[tenant]
    runs[#runs + 1] = { tenant = tenant, run = one and one.id, status = one and one.status or "not begun" }
  end
  return {
    id = fleet.id,
    status = fleet.status,
    runbook = fleet.runbook,
    tenants = json.array(runs),
    selector = fleet.selector,
    started = fleet.at,
    user = fleet.user,
    overtaken_by = fleet.overtaken,
    undoes = fleet.undoes,
    undone_by = fleet.undone,
    dismissed = fleet.dismissed,
  }
end

-- Why nobody has to look at it any more.
local function fate(run)
  if run.undone then return (" (undone by %s)"):format(run.undone) end
  -- Only what stopped can be dismissed; and of very many runs, only the fields that are looked at are decoded.
  if unfinished.stopped(run.status) and run.dismissed then
    return (" (dismissed by %s: %s)"):format(run.dismissed.user, run.dismissed.reason)
  end
  return run.overtaken and (" (superseded by %s)"):format(run.overtaken) or ""
end

local function shown_status(run, style)
  local after = fate(run)
  return style[COLOURS[run.status] or "bold"](run.status) .. (after ~= "" and style.dim(after) or "")
end

local function row(run, style)
  if run.damaged then return { run.id, style.red(run.status), "", "", "", run.error.message } end
  return {
    run.id,
    run.runbook,
    run.tenant,
    run.changed .. " changed",
    units.duration(run.seconds),
    shown_status(run, style),
  }
end

local function fleet_row(fleet, style)
  if fleet.damaged then return row(fleet, style) end
  local changed, seconds = 0, 0
  for _, one in pairs(fleet.runs) do
    changed, seconds = changed + one.changed, seconds + one.seconds
  end
  local whom = ("%d tenants"):format(#fleet.tenants):gsub("^1 tenants", "1 tenant")
  local status = shown_status(fleet, style)
  return { fleet.id, fleet.runbook, whom, changed .. " changed", units.duration(seconds), status }
end

-- A run over several tenants, with its runs.
local function of_fleet(store, word)
  local fleet = fleets.read(store, word)
  local list = store:list()
  local found = {}
  for _, one in ipairs(listing.fleets(store, list)) do
    if one.id == fleet.id then found[1] = one end
  end
  for _, one in ipairs(list) do
    if one.fleet == fleet.id then found[#found + 1] = one end
  end
  return found
end

local function concerns(one, tenant)
  if not tenant or one.tenant == tenant then return true end
  for _, name in ipairs(one.tenants or {}) do
    if name == tenant then return true end
  end
  return false
end

local function wanted(store, options, word)
  local list = word and of_fleet(store, word)
  if not list and options.unfinished then list = listing.unfinished(store) end
  if not list then
    list = store:list()
    local several = options.json and {} or listing.fleets(store, list) -- each run in the data names its fleet
    if #several > 0 then list = listing.sort(table.move(several, 1, #several, #list + 1, list)) end
  end
  if not options.tenant then return list end
  local found = {}
  for _, one in ipairs(list) do
    if concerns(one, options.tenant) then found[#found + 1] = one end
  end
  return found
end

local PRUNES <const> = { "keep_days", "keep_last", "confirm" }

-- The fleet whose runs are asked for; refuses words and options that mean nothing here.
local function fleet_of(options, word)
  if word and not fleets.is_id(word) then
    errors.input(
      ("unknown word %q%s"):format(out.printable(word), suggest.did_you_mean(word, { "prune" })),
      "o2x show RUN shows one run, o2x runs --tenant=TENANT those of a tenant, o2x runs prune removes old ones"
    )
  end
  for _, name in ipairs(PRUNES) do
    if options[name] then
      errors.input(("--%s belongs to o2x runs prune"):format((name:gsub("_", "-"))), "o2x help runs")
    end
  end
  return word
end

local function perform(options, arguments)
  if arguments[1] == "prune" then return runs_prune.run(options) end
  local word = fleet_of(options, arguments[1])
  local store = common.store(options)
  local list = wanted(store, options, word)
  if options.json then
    for i, run in ipairs(list) do
      list[i] = run.tenants and fleet_data(run) or data(run)
    end
    return out.json(json.array(list))
  end
  if #list == 0 then
    local nobody = options.tenant and changes.none_for(store, options.tenant)
    return out.say(nobody or options.unfinished and "no unfinished runs" or "no runs")
  end
  local style, rows, lines = out.style(1), {}, {}
  for i, run in ipairs(list) do
    rows[i] = (run.tenants and fleet_row or row)(run, style)
  end
  out.columns(rows, function(line) lines[#lines + 1] = line end)
  out.text(table.concat(lines, "\n")) -- in one write
end

return {
  most = 1,
  help = [[
F-… are runs over several tenants; o2x runs F-… lists the runs of one.

Unfinished is what there is something to go on with: a run that failed, was
interrupted or ended from outside after it had begun to write, and was not
undone, dismissed or superseded by a later run of its runbook. o2x resume goes
on with it, o2x undo RUN takes it back, o2x dismiss RUN leaves it as it is.

o2x runs prune --keep-days=N --keep-last=N shows which old runs can go, and
removes them with --confirm. A run stays if either asks for it. What is
unfinished, running or damaged always stays, and what an undo took back stays
with that undo.]],
  options = {
    { "tenant", value = "TENANT", help = "only the runs for this tenant" },
    { "unfinished", help = "only what there is something to go on with" },
    { "keep-days", value = "N", help = "prune: the runs of the last N days stay" },
    { "keep-last", value = "N", help = "prune: the last N runs of each tenant stay" },
    { "confirm", help = "prune: remove them" },
    { "json", help = "print JSON" },
  },
  run = perform,
}

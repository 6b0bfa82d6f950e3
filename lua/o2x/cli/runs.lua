--- The command o2x runs: lists the runs.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local plan = lazy "o2x.engine.plan"
local runs_prune = lazy "o2x.cli.runs_prune"
local suggest = lazy "o2x.base.suggest"
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

local ENDED <const> = { done = true, incomplete = true }

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
    error = run.error and run.error.message,
  }
end

local function wanted(run, options)
  return (not options.tenant or run.tenant == options.tenant)
    and (not options.unfinished or not ENDED[run.status] and not run.overtaken and not run.undone)
end

-- Why nobody has to look at it any more.
local function fate(run)
  if run.undone then return (" (undone by %s)"):format(run.undone) end
  return run.overtaken and (" (superseded by %s)"):format(run.overtaken) or ""
end

local function row(run, style)
  local status = style[COLOURS[run.status] or "bold"](run.status)
  if run.damaged then return { run.id, status, "", "", "", run.error.message } end
  return {
    run.id,
    run.runbook,
    run.tenant,
    run.changed .. " changed",
    units.duration(run.seconds),
    status .. (fate(run) ~= "" and style.dim(fate(run)) or ""),
  }
end

local function list_runs(options)
  local list = {}
  for _, run in ipairs(common.store(options):list()) do
    if wanted(run, options) then list[#list + 1] = run end
  end
  if options.json then
    for i, run in ipairs(list) do
      list[i] = data(run)
    end
    return out.json(json.array(list))
  end
  if #list == 0 then return out.say("no runs") end
  local style, rows, lines = out.style(1), {}, {}
  for i, run in ipairs(list) do
    rows[i] = row(run, style)
  end
  out.columns(rows, function(line) lines[#lines + 1] = line end)
  out.text(table.concat(lines, "\n")) -- in one write
end

local PRUNES <const> = { "keep_days", "keep_last", "confirm" }

local function perform(options, arguments)
  local word = arguments[1]
  if word == "prune" then return runs_prune.run(options) end
  if word then
    errors.input(
      ("unknown word %q%s"):format(word, suggest.did_you_mean(word, { "prune" })),
      "o2x show RUN shows one run, o2x runs --tenant=TENANT those of a tenant, o2x runs prune removes old ones"
    )
  end
  for _, name in ipairs(PRUNES) do
    if options[name] then
      errors.input(("--%s belongs to o2x runs prune"):format((name:gsub("_", "-"))), "o2x help runs")
    end
  end
  return list_runs(options)
end

return {
  most = 1,
  help = [[
o2x runs prune --keep-days=N --keep-last=N shows which old runs can go, and
removes them with --confirm. A run stays if either asks for it. What is
unfinished, running or damaged always stays, and what an undo took back stays
with that undo.]],
  options = {
    { "tenant", value = "TENANT", help = "only the runs for this tenant" },
    { "unfinished", help = "only runs that are in progress or can be resumed" },
    { "keep-days", value = "N", help = "prune: the runs of the last N days stay" },
    { "keep-last", value = "N", help = "prune: the last N runs of each tenant stay" },
    { "confirm", help = "prune: remove them" },
    { "json", help = "print JSON" },
  },
  run = perform,
}

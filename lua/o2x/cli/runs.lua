--- The command o2x runs: lists the runs.

local common = require "o2x.cli.common"
local history = require "o2x.engine.history"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local plan = require "o2x.engine.plan"
local units = require "o2x.base.units"

local COLOURS = {
  done = "green",
  running = "cyan",
  failed = "red",
  refused = "yellow",
  crashed = "red",
  interrupted = "yellow",
  damaged = "red",
}

local function summary(h)
  if h.damaged then return { id = h.id, status = h.status, error = h.error.message } end
  return {
    id = h.id,
    status = h.status,
    runbook = h.runbook.name,
    version = h.runbook.version,
    tenant = h.tenant,
    params = h.params,
    fleet = h.fleet,
    started = h.started,
    ended = h.ended,
    seconds = history.seconds(h),
    totals = plan.totals(history.counts(h)),
    user = h.user,
    overtaken_by = h.overtaken,
    error = h.error and h.error.message,
  }
end

local function wanted(h, options)
  return (not options.tenant or h.tenant == options.tenant)
    and (not options.unfinished or h.status ~= "done" and not h.overtaken)
end

local function row(h, style)
  local status = style[COLOURS[h.status] or "bold"](h.status)
  if h.damaged then return { h.id, status, "", "", "", h.error.message } end
  local counts = history.counts(h)
  local changed = counts.created + counts.changed + counts.deleted
  return {
    h.id,
    h.runbook.name,
    h.tenant,
    ("%d changed"):format(changed),
    units.duration(history.seconds(h)),
    h.overtaken and status .. style.dim((" (superseded by %s)"):format(h.overtaken)) or status,
  }
end

local function perform(options)
  local list = {}
  for _, h in ipairs(common.store(options):list()) do
    if wanted(h, options) then list[#list + 1] = h end
  end
  if options.json then
    for i, h in ipairs(list) do
      list[i] = summary(h)
    end
    return out.json(json.array(list))
  end
  local style, rows = out.style(1), {}
  for i, h in ipairs(list) do
    rows[i] = row(h, style)
  end
  out.columns(rows, out.data)
  if #list == 0 then out.say("no runs") end
end

return {
  name = "runs",
  usage = "runs",
  most = 0,
  summary = "list the runs, oldest first",
  options = {
    { "tenant", value = "TENANT", help = "only the runs for this tenant" },
    { "unfinished", help = "only runs that are in progress or can be resumed" },
    { "json", help = "print JSON" },
  },
  run = perform,
}

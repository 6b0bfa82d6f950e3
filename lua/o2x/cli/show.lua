--- The command o2x show: shows what a run did.

local lazy = require "o2x.base.lazy"
local commit = lazy "o2x.engine.commit"
local common = lazy "o2x.cli.common"
local ending = lazy "o2x.cli.ending"
local effect = lazy "o2x.report.effect"
local errors = require "o2x.base.error"
local fleets = lazy "o2x.engine.fleet"
local lock_words = lazy "o2x.engine.lock_words"
local history = lazy "o2x.engine.history"
local identity = lazy "o2x.base.identity"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local plan = lazy "o2x.engine.plan"
local run_again = function(h) return require("o2x.engine.store").run_again(h) end
local unfinished = lazy "o2x.engine.unfinished"
local units = lazy "o2x.base.units"

local function newest(store) return store:newest() or errors.input("no runs yet", "o2x run RUNBOOK TENANT") end

local function data(h)
  local steps, effects = {}, {}
  for i, step in ipairs(h.steps) do
    steps[i] = {
      path = step.path,
      status = step.status,
      seconds = step.seconds,
      started = step.started,
      message = step.message,
      skipped = step.skipped,
    }
  end
  for i, e in ipairs(history.in_order(h)) do
    effects[i] = effect.data(e)
  end
  return {
    id = h.id,
    status = h.status,
    runbook = h.runbook,
    tenant = h.tenant,
    params = h.params,
    started = h.started,
    ended = h.ended,
    seconds = history.seconds(h),
    user = h.user,
    host = h.host,
    who = h.who,
    resumes = h.resumes[1] and json.array(h.resumes) or nil,
    allow_edited = h.allow_edited,
    fleet = h.fleet,
    undoes = h.undo,
    override = h.override,
    commits = h.commits and json.array(h.commits),
    lock = h.lock,
    approved_by = h.approved and json.array(h.approved) or nil,
    undone_by = h.undone or nil,
    dismissed = h.dismissed,
    left = h.left[1] and json.array(h.left) or nil,
    resumed = h.resumed,
    error = h.error,
    steps = json.array(steps),
    effects = json.array(effects),
    checks = json.array(h.checks),
    totals = plan.totals(history.counts(h)),
  }
end

local function by_step(list)
  local groups = {}
  for _, entry in ipairs(list) do
    groups[entry.path] = groups[entry.path] or {}
    table.insert(groups[entry.path], entry)
  end
  return groups
end

local function write_group(path, depth, effects, checks, style, options)
  local same = 0
  for _, e in ipairs(effects[path] or {}) do
    if e.outcome == "unchanged" and not options.full then
      same = same + 1
    else
      effect.write(e, depth, style, options.full)
    end
  end
  if same > 0 then out.data(depth .. style.dim(("= %d unchanged"):format(same))) end
  for _, check in ipairs(checks[path] or {}) do
    local mark = check.ok and style.green("✓") or style.red("✗")
    local detail = check.found or check.message
    out.data(("%s%s %s%s"):format(depth, mark, check.name, detail and ": " .. detail or ""))
  end
end

local function skipped(step)
  local by = step.skipped
  return ("skipped by %s@%s, %s: %s"):format(by.user, by.host, by.at, by.reason)
end

local function write_steps(h, style, options)
  local effects, checks = by_step(h.effects), by_step(h.checks)
  write_group("", "", effects, checks, style, options)
  for number, step in ipairs(h.steps) do
    local _, level = step.path:gsub("/", "")
    local depth = ("  "):rep(level)
    local mark = step.status == "done" and style.green("✓")
      or step.status == "skipped" and style.yellow("✓")
      or step.status == "failed" and style.red("✗")
      or style.yellow("…")
    local tail = step.skipped and skipped(step)
      or step.seconds and units.duration(step.seconds)
      or step.message
      or step.status
    local name = style.bold(step.path:match("[^/]*$"))
    out.data(("%s%s %s  %s"):format(depth, mark, name, style.dim(("%s  #%d"):format(tail, number))))
    write_group(step.path, depth .. "  ", effects, checks, style, options)
  end
end

local function write_origin(h)
  if h.runbook.overrides then
    out.data(("  %s, based on %s %s"):format(h.runbook.path, h.runbook.overrides.path, h.runbook.overrides.version))
  end
  for _, edited in ipairs(h.allow_edited or {}) do
    out.data("  edited without a new version (--allow-edited): " .. edited)
  end
  if h.fleet then out.data("  part of " .. h.fleet) end
  for _, one in ipairs(h.commits or {}) do
    out.data(("  committed %s in %s: %s"):format(one.commit:sub(1, 10), one.tree, commit.names(one.files)))
  end
  if h.approved then out.data("  approved by " .. table.concat(h.approved, ", ")) end
  for _, line in ipairs(lock_words.lines(h.lock)) do
    out.data("  " .. line)
  end
  if h.override then out.data(("  --override-freeze (%s): %s"):format(h.override.freeze, h.override.reason)) end
  if h.undo then out.data(("  takes back %s%s"):format(h.undo.run, h.undo.step and "#" .. h.undo.step or "")) end
  if h.undone or h.undoing then out.data("  undone by " .. (h.undone or h.undoing)) end
end

local function write_head(h, style)
  out.data(("%s  %s %s for %s  %s"):format(style.bold(h.id), h.runbook.name, h.runbook.version, h.tenant, h.status))
  local params = {}
  for name, value in pairs(h.params) do
    params[#params + 1] = name .. "=" .. value
  end
  table.sort(params)
  if #params > 0 then out.data("  " .. table.concat(params, " ")) end
  write_origin(h)
  out.data(
    style.dim(
      ("  started %s by %s@%s, %s%s"):format(
        h.started,
        h.user,
        h.host,
        units.duration(history.seconds(h)),
        h.resumed > 0 and (", resumed %d times"):format(h.resumed):gsub("1 times", "once") or ""
      )
    )
  )
end

-- Who it was, where more is known than the user and the host, and who went on with it.
local function write_people(h, style)
  local line = identity.line(h.who)
  if line ~= "" then out.data(style.dim("  " .. line)) end
  for _, one in ipairs(h.resumes) do
    if one.user and (one.user ~= h.user or one.host ~= h.host) then
      line = identity.line(one.who)
      out.data(
        style.dim(("  resumed %s by %s@%s%s"):format(one.at, one.user, one.host, line ~= "" and ", " .. line or ""))
      )
    end
  end
end

local function write_end(h, summary, style)
  if h.error then out.data(style.red("error: ") .. h.error.message) end
  out.data(ending.counts(history.counts(h)))
  for _, one in ipairs(h.left) do
    out.data(("%s not undone: %s: %s"):format(style.yellow("!"), one.title, one.why))
  end
  if h.dismissed then
    local by = h.dismissed
    out.data(("dismissed by %s@%s, %s: %s"):format(by.user, by.host, by.at, by.reason))
  end
  local settled = summary.overtaken or summary.undone or summary.undoing or summary.dismissed
  if unfinished.stopped(h.status) and not h.begun and not h.undo and not settled then
    return out.data("it wrote nothing; to start it again: " .. style.bold(run_again(h)))
  end
  if not unfinished.is(summary) then return end
  local script = h.error and h.error.script
  if script then out.data(("it fails again as long as %s is as it is: edit it first"):format(script)) end
  local edited = (h.edited or script) and " --edited" or ""
  out.data("next: " .. style.bold("o2x resume " .. h.id .. edited))
end

local function fleet_data(fleet)
  local tenants = {}
  for i, tenant in ipairs(fleet.tenants) do
    local one = fleet.runs[tenant]
    tenants[i] = { tenant = tenant, run = one and one.id, status = one and one.status or "not begun" }
  end
  return {
    id = fleet.id,
    status = fleet.status,
    runbook = fleet.runbook,
    selector = fleet.selector,
    params = fleet.params,
    started = fleet.at,
    user = fleet.user,
    host = fleet.host,
    tenants = json.array(tenants),
    unfinished = fleet.unfinished or false,
    undoes = fleet.undoes,
    undone_by = fleet.undone,
    dismissed = fleet.dismissed,
  }
end

-- A run over several tenants: how each stands.
local function show_fleet(options, store, word)
  local fleet = fleets.read(store, word)
  for _, one in ipairs(fleets.list(store)) do
    if one.id == fleet.id then fleet = one end
  end
  if options.json then return out.json(fleet_data(fleet)) end
  local style, rows = out.style(1), { { "TENANT", "STATUS", "CHANGED", "TIME", "RUN", "" } }
  out.data(("%s  %s for %d tenants  %s"):format(style.bold(fleet.id), fleet.runbook, #fleet.tenants, fleet.status))
  out.data(style.dim(("  started %s by %s@%s, --tenants=%s"):format(fleet.at, fleet.user, fleet.host, fleet.selector)))
  for _, tenant in ipairs(fleet.tenants) do
    local one = fleet.runs[tenant]
    rows[#rows + 1] = one
        and {
          tenant,
          one.status,
          tostring(one.changed or 0),
          one.seconds and units.duration(one.seconds) or "-",
          one.id,
          one.error and one.error.message or "",
        }
      or { tenant, "not begun", "-", "-", "-", "" }
  end
  out.columns(rows, out.data)
  local by = fleet.dismissed
  if by then out.data(("dismissed by %s@%s, %s: %s"):format(by.user, by.host, by.at, by.reason)) end
  if fleet.undone then out.data("undone by " .. fleet.undone) end
  if fleet.unfinished then out.data("next: " .. style.bold("o2x resume " .. fleet.id)) end
end

local function perform(options, arguments)
  local store = common.store(options)
  if arguments[1] and fleets.is_id(arguments[1]) then return show_fleet(options, store, arguments[1]) end
  local h = store:look(arguments[1] and store:find(arguments[1]) or newest(store))
  if h.damaged then error(h.damaged, 0) end
  local summary = store:summary(h.id)
  h.undone, h.undoing = summary.undone, summary.undoing
  if options.json then return out.json(data(h)) end
  local style = out.style(1)
  write_head(h, style)
  write_people(h, style)
  write_steps(h, style, options)
  write_end(h, summary, style)
end

return {
  most = 1,
  help = "Without RUN, shows the newest run. RUN may be one over several tenants (F-…).",
  options = {
    { "full", help = "show every line, and what did not change" },
    { "json", help = "print JSON, with the values before and after" },
  },
  run = perform,
}

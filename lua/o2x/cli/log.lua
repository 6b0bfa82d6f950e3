--- The command o2x log: everything that was ever changed for a tenant, across runs.

local changes = require "o2x.engine.changes"
local clock = require "o2x.base.clock"
local common = require "o2x.cli.common"
local effect = require "o2x.report.effect"
local errors = require "o2x.base.error"
local lock_words = require "o2x.engine.lock_words"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local sorted_keys = require "o2x.base.sorted_keys"
local units = require "o2x.base.units"

local INCOMPLETE <const> = 1 -- a journal that may be the tenant's cannot be read

-- The earliest time, in the form of the records.
local function since(text)
  if not text then return nil end
  local ago = units.parse_duration(text)
  local ok, time = true, ago and clock.now() - ago
  if not ago then
    ok, time = pcall(clock.parse, text)
  end
  if not ok or time == math.huge or time == -math.huge then
    errors.input(
      ("--since=%s is neither a duration nor a date"):format(text),
      "such as --since=7d, --since=2026-02-14 or --since=2026-02-14T09:30:00Z"
    )
  end
  return clock.iso(time, 3)
end

local function run_data(summary)
  return {
    run = summary.id,
    runbook = summary.runbook,
    version = summary.version or nil,
    status = summary.status,
    user = summary.user,
    undoes = summary.undo and summary.undo.run or nil,
  }
end

local function change_data(summary, change)
  local one = effect.data(change.entry)
  for field, item in pairs(run_data(summary)) do
    one[field] = item
  end
  one.undone_by = change.undone_by
  return one
end

local function step_data(summary, step)
  local one = run_data(summary)
  one.step, one.at, one.outcome = step.path, step.skipped.at, "by hand"
  one.user, one.reason = step.skipped.user, step.skipped.reason
  return one
end

local function said(step) return ("%s (%s@%s)"):format(step.skipped.reason, step.skipped.user, step.skipped.host) end

local function write_head(summary, h, style)
  local undo = summary.undo
  out.data(
    ("%s  %s  %s%s  %s"):format(
      summary.started,
      style.bold(summary.id),
      undo and "undo of " .. undo.run .. (undo.step and "#" .. undo.step or "")
        or summary.runbook .. (summary.version and " " .. summary.version or ""),
      style.dim((" by %s@%s"):format(h.user, h.host)),
      summary.status
    )
  )
  for _, line in ipairs(lock_words.lines(h.lock)) do
    out.data("  " .. line)
  end
  if h.override then out.data(("  --override-freeze (%s): %s"):format(h.override.freeze, h.override.reason)) end
end

local function write_run(summary, h, found, steps, style, options)
  write_head(summary, h, style)
  local step = ""
  for _, change in ipairs(found) do
    if change.entry.path ~= step then
      step = change.entry.path
      out.data("  " .. step)
    end
    effect.write(change.entry, "    ", style, options.full, change.undone_by and ", undone by " .. change.undone_by)
  end
  for _, one in ipairs(steps) do
    out.data("  " .. one.path)
    out.data(("    %s done by hand: %s %s"):format(style.yellow "✓", said(one), style.dim(one.skipped.at)))
  end
end

local function say_nothing(looked_at, tenant, options)
  local kinds = sorted_keys(looked_at.kinds)
  out.say(
    ("%d runs for %s%s changed nothing%s"):format(
      looked_at.runs,
      tenant,
      options.since and " since " .. options.since or "",
      options.kind and (" of kind %s; their kinds: %s"):format(options.kind, table.concat(kinds, " ")) or ""
    )
  )
end

local function perform(options, arguments)
  local tenant, store, list, style = arguments[1], common.store(options), {}, out.style(1)
  local filter = { kind = options.kind, since = since(options.since) }
  local count = 0
  local looked_at = changes.each(store, tenant, filter, function(summary, h, found, steps)
    count = count + 1
    if not options.json then return write_run(summary, h, found, steps, style, options) end
    for _, change in ipairs(found) do
      list[#list + 1] = change_data(summary, change)
    end
    for _, step in ipairs(steps) do
      list[#list + 1] = step_data(summary, step)
    end
  end)
  if looked_at.runs == 0 and #looked_at.damaged == 0 then
    errors.input(changes.none_for(store, tenant), "o2x runs lists the runs")
  end
  if options.json then
    out.json(json.array(list))
  elseif count == 0 then
    say_nothing(looked_at, tenant, options)
  end
  for _, one in ipairs(looked_at.damaged) do
    out.say(("%s cannot be read, so its changes are missing: %s"):format(one.id, one.error.message))
    out.say("next: o2x verify " .. one.id)
  end
  return #looked_at.damaged > 0 and INCOMPLETE or 0
end

return {
  least = 1,
  most = 1,
  needs = "a tenant",
  help = [[
Oldest first: when, by whom, in which run and step, what it was before and what
it became, and whether it was undone since. Runs that changed nothing are left
out. It is read from the journals of the run store; what somebody changed
without o2x is not in them: o2x audit finds that.]],
  options = {
    { "since", value = "TIME", help = "only what changed since then: 7d, 2026-02-14, 2026-02-14T09:30:00Z" },
    { "kind", value = "KIND", help = "only effects of this kind, such as vault.secret, or of this system: vault" },
    { "full", help = "show every line of each change" },
    { "json", help = "print JSON, with the values before and after" },
  },
  run = perform,
}

--- o2x runs prune: removes old runs from the store.

local changes = require "o2x.engine.changes"
local clock = require "o2x.base.clock"
local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local proposed = require "o2x.report.proposed"
local prune = require "o2x.engine.prune"
local sorted_keys = require "o2x.base.sorted_keys"
local units = require "o2x.base.units"

local M = {}

local function number(options, name)
  local text = options[name]
  if not text then return nil end
  local found = text:match "^%d+$" and math.tointeger(tonumber(text))
  if not found then
    local option = "--" .. name:gsub("_", "-")
    errors.input(("%s=%s is not a whole number"):format(option, text), ("such as %s=30"):format(option))
  end
  return found
end

local function keep_of(options)
  local keep = { days = number(options, "keep_days"), last = number(options, "keep_last"), tenant = options.tenant }
  if not keep.days and not keep.last then
    errors.input("it must be said what stays", "o2x runs prune --keep-days=90 --keep-last=20 shows what would go")
  end
  return keep
end

local function total(chosen)
  local bytes = 0
  for _, run in ipairs(chosen) do
    bytes = bytes + run.bytes
  end
  return bytes
end

local function write(chosen, kept)
  local rows, style = {}, out.style(1)
  for i, run in ipairs(chosen) do
    rows[i] =
      { style.red "-", run.id, run.runbook, run.tenant, run.started:sub(1, 10), units.bytes(run.bytes), run.status }
  end
  out.columns(rows, out.data)
  for _, reason in ipairs(sorted_keys(kept)) do
    out.data(style.dim(("%d kept: %s"):format(kept[reason], reason)))
  end
end

local function remove(store, chosen)
  prune.finish(store)
  prune.forget_fleets(store, chosen)
  for _, run in ipairs(chosen) do
    prune.remove(store, run.id)
  end
end

--- Shows which runs can go, and removes them if that is confirmed.
---@param options table of the command line
function M.run(options)
  local store, keep = common.store(options), keep_of(options)
  local chosen, kept = prune.choose(store, keep, clock.now())
  if options.confirm then remove(store, chosen) end
  local removed = options.confirm == true
  local again = #chosen > 0 and not removed and proposed.again "--confirm" or nil
  if options.json then
    return out.json {
      runs = json.array(chosen),
      kept = kept,
      bytes = total(chosen),
      removed = removed,
      next = again,
    }
  end
  write(chosen, kept)
  if #chosen == 0 then
    return out.data(options.tenant and changes.none_for(store, options.tenant) or "no run can go")
  end
  out.data(
    ("%d runs, %s%s"):format(
      #chosen,
      units.bytes(total(chosen)),
      removed and ": removed" or ", can go. They cannot be shown, undone or replayed then."
    )
  )
  if again then out.say("next: " .. again) end
end

return M

--- What stands on a step, when it alone is taken back: effects of the same run outside of it, which came later. Such a
--- step is refused until they are gone, because nobody could take them back any more, or use what they made.

local errors = require "o2x.base.error"
local history = require "o2x.engine.history"
local reversal = require "o2x.engine.reversal"
local shell = require "o2x.base.shell"
local undone = require "o2x.engine.undone"

local M = {}

local SHOWN <const> = 5 -- steps in a message

local function command(run, path) return "o2x undo " .. shell.quote(("%s#%s"):format(run.undo.history.id, path)) end

-- Was an effect written outside of the step, and is it still there?
local function stands(run, entry)
  if not entry.intent or entry.dropped then return false end
  return not undone.is_within(entry.path, run.undo.step) and not undone.of_step(run.undo.summary, entry.path)
end

-- Targets that a later effect wrote again.
local function check_again(run, list)
  for _, one in ipairs(list) do
    for _, other in ipairs((history.beside(run.undo.history, one.entry))) do
      if stands(run, other) and other.order > one.entry.order then
        errors.raise {
          kind = "conflict",
          message = ("%s %s was written again in step %s"):format(other.kind, other.key, other.path),
          hint = "take that back first: " .. command(run, other.path),
        }
      end
    end
  end
end

-- The effect that gave the tenant its id, if it is one of the list: all that came later has the id.
local function id_given(run, list)
  local place = run.registration and run.registration:place()
  for _, one in ipairs(place and list or {}) do
    local target = one.entry.kind == "pg.allocated" and one.entry.target
    local gave = target and target.table == place.table and target.column == place.id
    if gave and one.past.before == nil and one.to then return one.entry end
  end
end

-- Steps whose effects are in something that goes, or have an id that goes, the newest first; and what goes. What goes
-- with it anyway, and could not go back by itself, does not count.
local function find(run, list)
  local given, new, steps, seen, basis = id_given(run, list), reversal.containers(list), {}, {}, nil
  local effects = table.move(run.undo.history.effects, 1, #run.undo.history.effects, 1, {})
  table.sort(effects, function(a, b) return (a.order or 0) > (b.order or 0) end)
  for _, entry in ipairs(effects) do
    local undo = run.gate:type_of(entry.kind).undo
    if stands(run, entry) and entry.desired ~= nil and not (undo.never or undo.needless) then
      local on = given and entry.order > given.order and given or reversal.around(run, new, entry)
      if on and not seen[entry.path] then
        seen[entry.path], steps[#steps + 1], basis = true, entry.path, on
      end
    end
  end
  return steps, basis
end

local function named(paths)
  local rest = #paths > SHOWN and (" and %d more"):format(#paths - SHOWN) or ""
  return table.concat(paths, ", ", 1, math.min(#paths, SHOWN)) .. rest
end

--- Refuses to take back a step alone on which later steps of the run stand.
---@param run table the undo
---@param list o2x.reversal[]
function M.check(run, list)
  if not run.undo.step then return end
  check_again(run, list)
  local steps, on = find(run, list)
  if not on then return end
  errors.raise {
    kind = "conflict",
    message = ("later steps stand on %s %s: %s"):format(on.kind, on.key, named(steps)),
    hint = ("take back the whole run: o2x undo %s, or first the newest of them: %s"):format(
      run.undo.history.id,
      command(run, steps[1])
    ),
  }
end

return M

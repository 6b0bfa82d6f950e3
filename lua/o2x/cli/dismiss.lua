--- The command o2x dismiss: leaves a run that stopped as it is.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local fleets = lazy "o2x.engine.fleet"
local out = require "o2x.report.out"
local skip = lazy "o2x.engine.skip"

local function perform(options, arguments)
  local store = common.store(options)
  local word = arguments[1]
  local fleet = fleets.is_id(word) and fleets.read(store, word)
  local id = fleet and fleet.id or store:find(word)
  if not fleet then require("o2x.engine.unfinished").check_dismiss(store:summary(id)) end
  local reason = skip.reason(options.reason, ("%s is dismissed with --reason=TEXT"):format(id))
  local runs = { id }
  if fleet then
    runs = fleets.dismiss(store, fleet, reason)
  else
    store:dismiss(id, reason)
  end
  if options.json then
    return out.json { dismissed = id, runs = require("o2x.base.json").array(runs), reason = reason }
  end
  out.say(("dismissed  %s: %s; what it wrote stays; o2x undo %s takes it back"):format(id, reason, id))
end

return {
  least = 1,
  most = 1,
  needs = "a run",
  help = [[
For a run that stopped and that nobody will go on with: what is left was done by
hand, or does not matter. What it wrote stays. o2x runs --unfinished and o2x
resume speak of it no more; o2x undo RUN still takes it back, and o2x resume RUN
goes on with it all the same.

The journal keeps who dismissed it, when and why. A run over several tenants
(F-…) is dismissed with those of its runs that stopped.]],
  options = {
    { "reason", value = "TEXT", help = "why nobody goes on with it; the journal keeps it" },
    { "json", help = "print the result as JSON" },
  },
  run = perform,
}

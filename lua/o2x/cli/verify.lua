--- The command o2x verify: whether runs are whole in the store.

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local fleets = require "o2x.engine.fleet"
local json = require "o2x.base.json"
local out = require "o2x.report.out"
local units = require "o2x.base.units"
local verify = require "o2x.engine.verify"

local FOUND <const> = 2

local function runs_of(store, options, word)
  if options.all and word then errors.input("either a run or --all", "o2x verify --all") end
  if options.all then return store:ids() end
  if not word then errors.input("a run is missing", "o2x verify RUN, or o2x verify --all") end
  if not word:find "^F%-" then return { store:find(word) } end
  return fleets.run_ids(store, word)
end

local function write(id, findings, facts, style)
  if #findings == 0 then
    return out.data(
      ("%s %s  whole: %d records, %s, %d scripts, %s"):format(
        style.green "✓",
        id,
        facts.records,
        units.bytes(facts.bytes),
        facts.sources,
        facts.status
      )
    )
  end
  for _, one in ipairs(findings) do
    out.data(("%s %s  %s"):format(style.red "✗", id, one.what))
    if one.hint then out.data("    " .. one.hint) end
  end
end

local function perform(options, arguments)
  local store, style = common.store(options), out.style(1)
  local list, bad = {}, 0
  local ids = runs_of(store, options, arguments[1])
  for _, id in ipairs(ids) do
    local findings, facts = verify.run(store, id)
    bad = bad + (#findings > 0 and 1 or 0)
    if options.json then
      list[#list + 1] = { run = id, whole = #findings == 0, findings = json.array(findings), facts = facts }
    else
      write(id, findings, facts, style)
    end
  end
  if options.json then
    out.json(json.array(list))
  elseif options.all then
    out.data(("%d runs, %d of them not whole"):format(#ids, bad))
  end
  return bad > 0 and FOUND or 0
end

return {
  most = 1,
  help = [[
The journal is read from its first record to its last, each with its checksum
and the hash of the one before; the run's own copies of its scripts are held
against the hashes that it began with. Others must not be able to read it, and
no text of its secrets may be in it. Exit code 2: something is not whole.

RUN may be a run over several tenants (F-...). Nothing is written.]],
  options = {
    { "all", help = "every run of the store" },
    { "json", help = "print what was found as JSON" },
  },
  run = perform,
}

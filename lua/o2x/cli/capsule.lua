--- The command o2x capsule: packs a run into one file, or the runs of several tenants into one each.

local lazy = require "o2x.base.lazy"
local capsule = lazy "o2x.engine.capsule"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fleets = lazy "o2x.engine.fleet"
local fs = lazy "o2x.base.fs"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local shell = lazy "o2x.base.shell"
local units = lazy "o2x.base.units"

-- Writes a capsule, and gives what was packed.
local function pack(store, id, path, options)
  local made = capsule.write(store, id, path, options.overwrite)
  made.file, made.run = path, id
  made.next = made.world and "o2x replay " .. shell.command { path } or nil
  return made
end

local function show(made)
  out.data(
    ("%s: %s, %d scripts, %d answers, %s"):format(
      made.file,
      made.run,
      made.sources,
      made.answers,
      units.bytes(made.bytes)
    )
  )
  if not made.world then
    out.say(("note: its log: o2x replay %s --log"):format(shell.command { made.file }))
    return out.say "note: the run kept no answers, so it cannot be replayed; o2x config explain says what `record` is"
  end
  if made.over then out.say "note: not all answers were kept: the replay ends where the first one is missing" end
  out.say("next: " .. made.next)
end

-- Packs each run of a fleet into a folder.
local function pack_all(store, word, options)
  local folder, packed = options.out or ".", {}
  if not fs.is_folder(folder) then
    errors.input("there is no such folder", "make it: mkdir -p " .. shell.command { folder }, folder)
  end
  for i, id in ipairs(fleets.run_ids(store, word)) do
    local name = id .. ".capsule"
    packed[i] = pack(store, id, options.out and fs.join(folder, name) or name, options)
    if not options.json then show(packed[i]) end
  end
  if options.json then out.json { packed = json.array(packed) } end
end

-- A run is packed by its id, not by a file that it was made of.
local function refuse_file(word)
  if word:find "^[RF]%-" or not fs.exists(word) then return end
  errors.input("this is a file, not a run", "a plan becomes a run by o2x apply; o2x runs lists the runs", word)
end

local function perform(options, arguments)
  refuse_file(arguments[1])
  local store = common.store(options)
  if arguments[1]:find "^F%-" then return pack_all(store, arguments[1], options) end
  local id = store:find(arguments[1])
  local made = pack(store, id, options.out or id .. ".capsule", options)
  if options.json then return out.json(made) end
  show(made)
end

return {
  least = 1,
  most = 1,
  needs = "a run",
  help = [[
The file has the scripts that the run started with, its parameters, its log
and its journal: what it asked and was told, what it wrote, how it ended. It
may be sent to others: secrets are in it as tags only, and a run whose journal
or log has the text of one is refused. o2x export is another name of it.

o2x replay FILE runs the scripts again, without any system. RUN may be the end
of its id. Of a run over several tenants (F-…), each run is packed into a file
of its own, in the folder of --out.]],
  options = {
    { "out", value = "FILE", help = "the file to write (mode 0600); default: RUN.capsule; the folder, for F-…" },
    { "overwrite", help = "replace the file if it is there" },
    { "json", help = "print what was packed as JSON" },
  },
  run = perform,
}

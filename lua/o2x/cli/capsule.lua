--- The command o2x capsule: packs a run into one file.

local lazy = require "o2x.base.lazy"
local capsule = lazy "o2x.engine.capsule"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local shell = lazy "o2x.base.shell"
local units = lazy "o2x.base.units"

local function perform(options, arguments)
  local store = common.store(options)
  if arguments[1]:find "^F%-" then
    errors.input(arguments[1] .. " is a run over several tenants", "pack its runs one by one: o2x runs lists them")
  end
  local id = store:find(arguments[1])
  local path = options.out or id .. ".capsule"
  local made = capsule.write(store, id, path, options.overwrite)
  local command = "o2x replay " .. shell.command { path }
  if options.json then
    made.file, made.run, made.next = path, id, made.world and command or nil
    return out.json(made)
  end
  out.data(("%s: %s, %d scripts, %d answers, %s"):format(path, id, made.sources, made.answers, units.bytes(made.bytes)))
  if not made.world then
    return out.say "note: the run kept no answers, so it cannot be replayed; o2x config explain says what `record` is"
  end
  if made.over then out.say "note: not all answers were kept: the replay ends where the first one is missing" end
  out.say("next: " .. command)
end

return {
  least = 1,
  most = 1,
  needs = "a run",
  help = [[
The file has the scripts that the run started with, its parameters and its
journal: what it asked and was told, what it wrote, how it ended. Secrets are
in it as tags only; a run whose journal has the text of one is refused.

o2x replay FILE runs the scripts again, without any system. RUN may be the end
of its id.]],
  options = {
    { "out", value = "FILE", help = "the file to write (mode 0600); default: RUN.capsule" },
    { "overwrite", help = "replace the file if it is there" },
    { "json", help = "print what was packed as JSON" },
  },
  run = perform,
}

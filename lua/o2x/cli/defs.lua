--- o2x defs FOLDER

local common = require "o2x.cli.common"
local definitions = require "o2x.script.definitions"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"

local function perform(options, words)
  local folder = words[1]
  local count, settings = definitions.write(folder)
  out.say(("made %d files of definitions below %s"):format(count, folder))
  local project = common.place(options)
  local path = fs.join(project.root, ".luarc.json")
  if fs.exists(path) then
    return out.say(path .. " is there already and left alone; its workspace.library wants " .. folder)
  end
  fs.write(path, settings, { mode = tonumber("644", 8) })
  out.say("made " .. path .. ": lua-language-server knows step, check and the apis of runbooks now")
end

return {
  name = "defs",
  usage = "defs FOLDER",
  least = 1,
  most = 1,
  needs = "a folder",
  summary = "write editor definitions for lua-language-server",
  help = [[
Every function that runbooks can call, with its parameters and its doc comment, as lua-language-server reads them; and a
.luarc.json in the project that names them, unless there is one.]],
  run = perform,
}

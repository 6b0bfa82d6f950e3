--- The command o2x defs: writes definitions of the runbook functions for lua-language-server.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local definitions = lazy "o2x.script.definitions"
local fs = lazy "o2x.base.fs"
local out = require "o2x.report.out"

local function perform(options, arguments)
  local folder = arguments[1]
  local count, settings = definitions.write(folder)
  out.say(("wrote %d definition files below %s"):format(count, folder))
  local project = common.load_project(options)
  local path = fs.join(project.root, ".luarc.json")
  if fs.exists(path) then
    return out.say(("%s exists and was not changed; add %q to its workspace.library"):format(path, folder))
  end
  fs.write(path, settings, { mode = tonumber("644", 8) })
  out.say(("wrote %s: lua-language-server now knows the functions of runbooks"):format(path))
end

return {
  least = 1,
  most = 1,
  needs = "a folder",
  help = [[
Writes a definition of every function that runbooks can call, with parameters
and documentation, and a .luarc.json in the project unless it already exists.]],
  run = perform,
}

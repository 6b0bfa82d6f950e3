--- o2x new NAME

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"
local runbook_files = require "o2x.project.runbook_files"

-- What a new runbook looks like is the platform's to say: stdlib/template.lua.txt, with {name} for its name.
local function template(project)
  local path = fs.join(project.stdlib, "template.lua.txt")
  local text = fs.read_if(path)
  if not text then
    errors.input("there is no template for a new runbook", "copy one of " .. project.runbooks .. " instead", path)
  end
  return text
end

local function perform(options, words)
  local name = words[1]
  if not runbook_files.is_name(name) then
    errors.input(("%q is no name for a runbook: small letters, digits and hyphens"):format(out.printable(name)))
  end
  local project = common.place(options)
  local path = fs.join(project.root, "runbooks", name .. ".lua")
  if fs.exists(path) then errors.input("there is such a runbook already", "o2x info " .. name, path) end
  fs.write(path, (template(project):gsub("{name}", name)), { parents = true, mode = tonumber("644", 8) })
  out.say("made " .. path)
  out.say(("next: edit it, then o2x check %s and o2x plan %s TENANT; it runs as it is"):format(name, name))
end

return {
  name = "new",
  usage = "new NAME",
  least = 1,
  most = 1,
  needs = "a name",
  summary = "make a runbook to start from",
  run = perform,
}

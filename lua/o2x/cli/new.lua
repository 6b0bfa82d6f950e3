--- The command o2x new: creates a runbook from the platform's template.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = lazy "o2x.base.fs"
local out = require "o2x.report.out"
local runbook_files = lazy "o2x.project.runbook_files"

-- The platform provides the template: stdlib/template.lua.txt, with {name} as the placeholder.
local function template(project)
  local path = fs.join(project.stdlib, "template.lua.txt")
  local text = fs.read_if(path)
  if not text then
    errors.input("template for new runbooks not found", "copy a runbook from " .. project.runbooks .. " instead", path)
  end
  return text
end

local function perform(options, arguments)
  local name = arguments[1]
  if not runbook_files.is_name(name) then
    errors.input(("invalid runbook name %q: lowercase letters, digits and hyphens"):format(out.printable(name)))
  end
  local project = common.load_project(options)
  local path = fs.join(project.root, "runbooks", name .. ".lua")
  if fs.exists(path) then errors.input("this runbook already exists", "o2x info " .. name, path) end
  local text = template(project):gsub("{name}", name)
  fs.write(path, text, { parents = true, mode = tonumber("644", 8), expected = false })
  out.say("created " .. path)
  out.say(("next: edit it, then run o2x check %s and o2x plan %s TENANT"):format(name, name))
end

return {
  least = 1,
  most = 1,
  needs = "a name",
  run = perform,
}

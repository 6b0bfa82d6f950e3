--- o2x lock

local check = require "o2x.cli.check"
local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"
local versions = require "o2x.project.versions"

local function perform(options)
  local project = common.place(options)
  local loaded = {}
  for i, path in ipairs(check.runbooks(project)) do
    local box = sandbox.new(project)
    local runbook = runbooks.load(box, path)
    loaded[i] = { runbook = runbook, text = box.texts[runbook.path] }
  end
  if #loaded == 0 then errors.input("there are no runbooks to lock") end
  local added = versions.update(project, loaded, options.allow_edited)
  for _, id in ipairs(added) do
    out.say("locked " .. id)
  end
  if #added == 0 then out.say("nothing new to lock") end
end

return {
  name = "lock",
  usage = "lock",
  most = 0,
  summary = "write versions.lock: what each runbook's version contains",
  help = [[
runbooks/versions.lock has name, version and content (sha256) of each runbook. From then on a runbook that was changed
under an unchanged version neither passes o2x check nor runs, unless you add --allow-edited, which the journal
records.]],
  options = { { "allow-edited", help = "also what was changed under an unchanged version" } },
  run = perform,
}

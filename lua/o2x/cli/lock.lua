--- The command o2x lock: records the content of each runbook version in versions.lock.

local lazy = require "o2x.base.lazy"
local check = lazy "o2x.cli.check"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local out = require "o2x.report.out"
local runbooks = lazy "o2x.script.runbook"
local sandbox = lazy "o2x.script.sandbox"
local versions = lazy "o2x.project.versions"

local function perform(options)
  local project = common.load_project(options)
  local loaded = {}
  for i, path in ipairs(check.runbooks(project)) do
    local box = sandbox.new(project)
    local runbook = runbooks.load(box, path)
    loaded[i] = { runbook = runbook, text = box.texts[runbook.path] }
  end
  if #loaded == 0 then errors.input("no runbooks to lock") end
  local added = versions.update(project, loaded, options.allow_edited)
  for _, id in ipairs(added) do
    out.say("locked " .. id)
  end
  if #added == 0 then out.say("nothing new to lock") end
end

return {
  most = 0,
  help = [[
runbooks/versions.lock holds the name, version and SHA-256 of each runbook.
A locked runbook that is edited without a new version fails o2x check and does
not run, unless you add --allow-edited, which the journal records.]],
  options = { { "allow-edited", help = "also accept runbooks that were edited without a new version" } },
  run = perform,
}

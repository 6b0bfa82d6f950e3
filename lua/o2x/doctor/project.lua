--- The project on the disk: its folders and settings, runbooks, versions.lock, tenants.

local fs = require "o2x.base.fs"
local lint = require "o2x.script.check"
local runbook_files = require "o2x.project.runbook_files"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"
local tenant_files = require "o2x.project.tenant_files"
local tenants = require "o2x.project.tenants"
local versions = require "o2x.project.versions"

local M = {}

local settings = { name = "Project" }

--- Looks at the project's folders, and where its settings come from.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function settings.check(this, note)
  local project, config = this.project, this.config
  note:fact("%s", project.root)
  if not project.yaml then
    note:finding(
      "the project has no o2x.yaml: in a fresh shell nothing says where platform and state are",
      ("printf 'platform: %%s\\nstate: %%s\\n' %s > %s"):format(
        shell.command { config.platform or "FOLDER", config.state or "FOLDER" },
        shell.quote(fs.join(project.root, "o2x.yaml"))
      )
    )
  end
  local written = project.yaml and fs.read_if(project.yaml) or ""
  for _, key in ipairs { "platform", "state" } do
    local source = config.source(key) or ""
    if config[key] and source:find "^O2X_" and not ("\n" .. written):find("\n" .. key .. "%s*:") then
      note:finding(
        ("%s comes from %s only: it is lost with this shell"):format(key, source),
        ("write it into o2x.yaml: %s: %s"):format(key, config[key])
      )
    end
  end
  if not config.platform then
    note:finding(
      "nothing says where the platform is",
      "write platform: FOLDER into o2x.yaml, or export O2X_PLATFORM=FOLDER"
    )
  elseif not fs.exists(fs.join(config.platform, "platform.yaml")) then
    note:finding(
      ("%s has no platform.yaml"):format(config.platform),
      ("correct it: the key platform is from %s"):format(config.source "platform")
    )
  end
  if config.secrets and not fs.is_folder(config.secrets) then
    local mend = ("correct it: the key secrets is from %s"):format(config.source "secrets")
    note:finding(("%s is no folder of secrets"):format(config.secrets), mend)
  end
  for _, text in ipairs(config.warnings()) do
    local what, mend = text:match "^(.-); (.*)$"
    note:finding(what or text, mend or "o2x config explain shows it")
  end
end

local scripts = { name = "Runbooks" }

--- Checks all runbooks, and their versions.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function scripts.check(this, note)
  local project = this.project
  local session, locked = lint.session(project), versions.read(project)
  local names = runbook_files.all(project)
  for _, name in ipairs(names) do
    task.sleep(0)
    local path = fs.join(project.runbooks, name .. ".lua")
    local problems, runbook, text = lint.file(project, path, "runbook", session)
    for _, problem in ipairs(problems) do
      note:finding(problem.text, problem.hint or ("o2x check %s"):format(name))
    end
    if runbook and versions.status(locked, runbook, text) == "edited" then
      local problem = versions.problem(runbook)
      note:finding(tostring(problem), problem.hint)
    end
  end
  note:fact("%d runbooks", #names)
end

local list = { name = "Tenants" }

--- Loads each tenant's file.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function list.check(this, note)
  local count, files = 0, tenant_files.read(this.config)
  for _, name in ipairs(tenants.names(this.config)) do
    task.sleep(0)
    local tenant = note:try(
      ("correct %s"):format(tenant_files.path(this.config, name)),
      tenants.load,
      this.box,
      this.config,
      name,
      nil,
      files
    )
    if tenant then count = count + 1 end
  end
  note:fact("%d tenants, in %s", count, this.config.platform)
  if count == 0 then note:finding("no tenant has a file", "o2x help init shows what a project has") end
end

M.LIST = { settings, scripts, list }

return M

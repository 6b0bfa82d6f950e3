--- o2x list

local common = require "o2x.cli.common"
local errors = require "o2x.error"
local fs = require "o2x.fs"
local json = require "o2x.json"
local out = require "o2x.out"
local runbooks = require "o2x.runbook"
local runbook_files = require "o2x.runbook_files"
local sandbox = require "o2x.sandbox"
local tenants = require "o2x.tenants"

-- Whose own version of a runbook there is; one that no standard runbook belongs to is listed, too.
local function own_versions(project)
  local by_name = {}
  for _, own in ipairs(runbook_files.overrides(project)) do
    by_name[own.name] = by_name[own.name] or {}
    table.insert(by_name[own.name], own.tenant)
  end
  return by_name
end

-- A broken runbook is listed, too: with what is wrong.
local function describe(project, name)
  local path = fs.join(project.runbooks, name .. ".lua")
  local ok, loaded = xpcall(runbooks.load, errors.handler, sandbox.new(project), path)
  if not ok then return { name = name, problem = tostring(loaded) } end
  return {
    name = name, version = loaded.version, summary = loaded.summary, severe = loaded.severe or false,
    effects = json.array(loaded.effects),
  }
end

local function perform(options)
  local project, config = common.place(options)
  local list = {}
  for i, name in ipairs(runbooks.names(project)) do list[i] = describe(project, name) end
  local known = tenants.names(config)
  local own = own_versions(project)
  for _, entry in ipairs(list) do
    entry.own_versions, own[entry.name] = own[entry.name] and json.array(own[entry.name]), nil
  end
  for name, whose in pairs(own) do
    list[#list + 1] = { name = name, summary = "only for " .. table.concat(whose, ", "), own_versions = json.array(whose) }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  if options.json then return out.json { runbooks = json.array(list), tenants = json.array(known) } end
  local style, rows = out.style(1), {}
  for i, entry in ipairs(list) do
    rows[i] = { style.bold(entry.name), entry.version or "-",
      entry.problem and style.red(entry.problem)
        or entry.summary .. (entry.severe and style.yellow(" (severe)") or "")
        .. (entry.version and entry.own_versions
          and style.cyan(" (own version: " .. table.concat(entry.own_versions, ", ") .. ")") or "") }
  end
  out.columns(rows, out.data)
  if #list == 0 then out.say("no runbooks in " .. project.runbooks .. "; o2x new NAME makes one") end
  if #known > 0 then out.data(style.dim("tenants: " .. table.concat(known, ", "))) end
end

return {
  name = "list", usage = "list", most = 0, summary = "list the runbooks and the tenants",
  options = { { "json", help = "as JSON" } },
  run = perform,
}

--- The command o2x list: lists the runbooks and tenants.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = lazy "o2x.base.fs"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local preparation = lazy "o2x.engine.preparation"
local registered = lazy "o2x.engine.registered"
local runbooks = lazy "o2x.script.runbook"
local runbook_files = lazy "o2x.project.runbook_files"
local sandbox = lazy "o2x.script.sandbox"
local statuses = lazy "o2x.engine.statuses"
local task = require "o2x.base.task"
local tenant_files = lazy "o2x.project.tenant_files"
local tenants = lazy "o2x.project.tenants"

-- Runbook → the tenants that have their own version of it, with or without a standard runbook.
local function own_versions(project)
  local by_name = {}
  for _, own in ipairs(runbook_files.overrides(project)) do
    by_name[own.name] = by_name[own.name] or {}
    table.insert(by_name[own.name], own.tenant)
  end
  return by_name
end

-- The text of an error that is listed instead of what has it. Ctrl-C is not one.
local function problem_of(err)
  if err.kind == "cancelled" then error(err, 0) end
  return tostring(err)
end

-- A broken runbook is listed with its error.
local function describe(project, box, name)
  local path = fs.join(project.runbooks, name .. ".lua")
  local ok, loaded = xpcall(runbooks.load, errors.handler, box, path)
  if not ok then return { name = name, problem = problem_of(loaded) } end
  return {
    name = name,
    version = loaded.version,
    summary = loaded.summary,
    severe = loaded.severe or false,
    effects = json.array(loaded.effects),
  }
end

-- A broken file is listed with its error.
local function describe_tenant(box, config, name, files)
  local ok, tenant = xpcall(tenants.fields, errors.handler, box, config, name, files)
  if not ok then return { name = name, problem = problem_of(tenant) } end
  return {
    name = name,
    id = tenant.id,
    environment = tenant.environment,
    region = tenant.region,
    company = tenant.company,
  }
end

-- Tenant → the names of its own runbooks.
local function own_runbooks(project)
  local by_tenant = {}
  for _, own in ipairs(runbook_files.overrides(project)) do
    by_tenant[own.tenant] = by_tenant[own.tenant] or {}
    table.insert(by_tenant[own.tenant], own.name)
  end
  return by_tenant
end

-- Ids and states as the registry has them, and the tenants that only it knows. Where it does not answer, the ids are
-- those of the files.
local function add_registered(list, rows)
  local has_file = {}
  for _, entry in ipairs(list) do
    local row = rows[entry.name]
    has_file[entry.name] = true
    if not entry.problem then entry.state = registered.state(entry, row) end
    entry.id = row and row.id or entry.id
  end
  for name, row in pairs(rows) do
    if not has_file[name] then
      list[#list + 1] = { name = name, id = row.id, own_versions = json.array {}, state = registered.state(nil, row) }
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
end

-- The tenants of all files, and the statuses of those whose files are sound.
local function describe_tenants(project, config)
  local files, own, place = tenant_files.read(config), own_runbooks(project), preparation.place(project)
  local box, list, sound = place.platform_sandbox, {}, {}
  for i, name in ipairs(tenants.names(config)) do
    task.sleep(0) -- a wait starts the platform's time: all tenants may take longer than one
    list[i] = describe_tenant(box, config, name, files)
    list[i].own_versions = json.array(own[name] or {})
    if not list[i].problem then sound[#sound + 1] = name end
  end
  local function load(name) return tenants.load(box, config, name, nil, files) end
  local status = statuses.of(project, config, files, place, sound, load)
  for _, entry in ipairs(list) do
    entry.status = status[entry.name]
  end
  local rows, why = registered.rows(project, config, place, files.settings)
  if rows then add_registered(list, rows) end
  if why then out.say("note: the registry does not answer, ids are those of the files: " .. why) end
  return list
end

local function list_tenants(options, project, config)
  local list = describe_tenants(project, config)
  if options.json then return out.json(json.array(list)) end
  local style, rows = out.style(1), { { "TENANT", "ID", "ENVIRONMENT", "REGION", "OWN VERSIONS", "STATUS" } }
  for i, t in ipairs(list) do
    rows[i + 1] = t.problem and { t.name, "-", "-", "-", "-", style.red(t.problem) }
      or {
        t.name,
        t.id or "-",
        t.environment or "-",
        t.region or "-",
        #t.own_versions > 0 and table.concat(t.own_versions, ", ") or "-",
        (t.status or "") ~= "" and style.yellow(t.status) or t.state or "",
      }
  end
  out.columns(rows, out.data)
end

local function perform(options)
  local project, config = common.load_project(options)
  if options.tenants then return common.interruptible(list_tenants, options, project, config) end
  local list, box = {}, sandbox.for_declarations(project)
  for i, name in ipairs(runbooks.names(project)) do
    task.sleep(0) -- a wait starts the time of each file: one that uses up its own does not use up the next one's
    list[i] = describe(project, box, name)
  end
  local tenant_names = tenants.names(config)
  local own = own_versions(project)
  for _, entry in ipairs(list) do
    entry.own_versions, own[entry.name] = own[entry.name] and json.array(own[entry.name]), nil
  end
  for name, whose in pairs(own) do
    list[#list + 1] =
      { name = name, summary = "only for " .. table.concat(whose, ", "), own_versions = json.array(whose) }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  if options.json then return out.json { runbooks = json.array(list), tenants = json.array(tenant_names) } end
  local style, rows = out.style(1), {}
  for i, entry in ipairs(list) do
    rows[i] = {
      style.bold(entry.name),
      entry.version or "-",
      entry.problem and style.red(entry.problem)
        or entry.summary
          .. (entry.severe and style.yellow(" (severe)") or "")
          .. (
            entry.version
              and entry.own_versions
              and style.cyan(" (own version: " .. table.concat(entry.own_versions, ", ") .. ")")
            or ""
          ),
    }
  end
  out.columns(rows, out.data)
  if #list == 0 then out.say("no runbooks in " .. project.runbooks .. "; create one: o2x new NAME") end
  if #tenant_names > 0 then out.data(style.dim("tenants: " .. table.concat(tenant_names, ", "))) end
end

return {
  most = 0,
  options = {
    { "tenants", help = "list the tenants with the registry's id, environment, region, own runbooks and state" },
    { "json", help = "print JSON" },
  },
  run = perform,
}

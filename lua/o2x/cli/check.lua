--- The command o2x check: finds mistakes in scripts without running them.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = lazy "o2x.base.fs"
local json = lazy "o2x.base.json"
local lint = lazy "o2x.script.check"
local out = require "o2x.report.out"
local runbook_files = lazy "o2x.project.runbook_files"
local runbooks = lazy "o2x.script.runbook"
local task = require "o2x.base.task"
local versions = lazy "o2x.project.versions"

local M = {
  help = [[
Finds syntax errors; undefined names, fields and parameters; undeclared effects,
also in stdlib; unnamed steps and duplicate step names; checks that write;
missing help; secrets in the source; SQL built by concatenation; runbooks that
were edited without a new version (versions.lock).
Without RUNBOOK, checks the whole project.]],
  options = {
    { "update-lock", help = "if there are no problems, add new versions to versions.lock (like o2x lock)" },
    { "json", help = "print JSON" },
  },
}

local function folder_files(folder, into)
  if not fs.is_folder(folder) then return into end
  for _, name in ipairs(fs.list(folder)) do
    local path = fs.join(folder, name)
    if name:match("%.lua$") then
      into[#into + 1] = path
    elseif fs.is_folder(path) then
      folder_files(path, into)
    end
  end
  return into
end

--- The paths of all runbooks of a project: the standard ones, then the tenants' own.
---@param project table
---@return string[] paths
function M.runbooks(project)
  local paths = {}
  for i, name in ipairs(runbooks.names(project)) do
    paths[i] = fs.join(project.runbooks, name .. ".lua")
  end
  for _, own in ipairs(runbook_files.overrides(project)) do
    paths[#paths + 1] = own.path
  end
  return paths
end

-- path → kind, in order
local function files_of(project, arguments)
  local list = {}
  for _, argument in ipairs(arguments) do
    list[#list + 1] = { runbooks.find(project, argument), "runbook" }
  end
  if #arguments > 0 then return list end
  for _, path in ipairs(M.runbooks(project)) do
    list[#list + 1] = { path, "runbook" }
  end
  local hooks = runbook_files.hooks(project)
  if hooks then list[#list + 1] = { hooks, "hooks" } end
  for _, path in ipairs(folder_files(project.stdlib, {})) do
    list[#list + 1] = { path, "library" }
  end
  return list
end

local function check_version(locked, entry, runbook, text)
  if versions.status(locked, runbook, text) ~= "edited" then return end
  local problem = versions.problem(runbook)
  table.insert(entry.problems, { text = tostring(problem), hint = problem.hint, line = 0 })
end

-- Two files with the same version must have the same content.
local function check_duplicate(seen, entry, runbook, text)
  local id = runbook.name .. " " .. runbook.version
  local own = runbook.path:match("runbooks/tenants/([^/]+)/[^/]+$")
  if own then id = own .. "/" .. id end
  if seen[id] and seen[id].text ~= text then
    table.insert(entry.problems, {
      text = ("%s: version %s already exists with different content in %s"):format(
        runbook.path,
        runbook.version,
        seen[id].path
      ),
      hint = "raise the version of the newer file",
      line = 0,
    })
  end
  seen[id] = seen[id] or { text = text, path = runbook.path }
end

local PAUSE <const> = 400 -- per cent of the memory in use, at which collecting begins again

local function check_files(project, arguments)
  local list, loaded, seen, locked = {}, {}, {}, versions.read(project)
  collectgarbage("incremental", PAUSE) -- the trees of all files are kept until the end: there is little to collect
  local session = lint.session(project)
  for _, file in ipairs(files_of(project, arguments)) do
    task.sleep(0) -- a wait starts the time of each file: one that uses up its own does not use up the next one's
    local problems, runbook, text = lint.file(project, file[1], file[2], session)
    local root = project.root .. "/"
    local shown = file[1]:sub(1, #root) == root and file[1]:sub(#root + 1) or file[1]
    local entry = { path = shown, problems = problems }
    if runbook then
      loaded[#loaded + 1] = { runbook = runbook, text = text }
      check_version(locked, entry, runbook, text)
      check_duplicate(seen, entry, runbook, text)
    end
    list[#list + 1] = entry
  end
  return list, loaded
end

local function show(list)
  local style = out.style(1)
  for _, entry in ipairs(list) do
    if #entry.problems == 0 then out.data(style.green("✓ ") .. entry.path) end
    for _, problem in ipairs(entry.problems) do
      out.data(style.red("✗ ") .. problem.text)
      if problem.hint then out.data(style.dim("  " .. problem.hint)) end
    end
  end
end

local function data(list)
  local files = {}
  for i, entry in ipairs(list) do
    local problems = {}
    for j, problem in ipairs(entry.problems) do
      problems[j] = { message = problem.text, hint = problem.hint, line = problem.line }
    end
    files[i] = { path = entry.path, problem = problems[1] and problems[1].message, problems = json.array(problems) }
  end
  return json.array(files)
end

--- Checks the given runbooks, or all; raises an error if one has a problem.
---@param options table of the command line
---@param arguments string[]
function M.run(options, arguments)
  local project = common.load_project(options, arguments[1])
  local list, loaded = check_files(project, arguments)
  local bad, count = 0, 0
  for _, entry in ipairs(list) do
    bad, count = bad + (#entry.problems > 0 and 1 or 0), count + #entry.problems
  end
  if options.json then
    out.json(data(list))
  else
    show(list)
  end
  if bad > 0 then
    errors.input(("%d problem%s in %d of %d files"):format(count, count == 1 and "" or "s", bad, #list))
  end
  if not options.update_lock then return end
  for _, added in ipairs(versions.update(project, loaded)) do
    out.say("locked " .. added)
  end
end

return M

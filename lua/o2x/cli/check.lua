--- o2x check [RUNBOOK ...]

local common = require "o2x.cli.common"
local errors = require "o2x.error"
local fs = require "o2x.fs"
local json = require "o2x.json"
local out = require "o2x.out"
local runbooks = require "o2x.runbook"
local sandbox = require "o2x.sandbox"

local function stdlib_files(project)
  local files = {}
  if not fs.is_folder(project.stdlib) then return files end
  for _, name in ipairs(fs.list(project.stdlib)) do
    if name:match("%.lua$") then files[#files + 1] = fs.join(project.stdlib, name) end
  end
  return files
end

local function problem(fn, ...)
  local ok, err = xpcall(fn, errors.handler, ...)
  if not ok then return tostring(err) end
end

local function findings(project, words)
  local list = {}
  local function look(path, fn)
    local box = sandbox.new(project)
    list[#list + 1] = { path = box:shown(path), problem = problem(fn, box, path) }
  end
  local paths = {}
  for i, word in ipairs(words) do paths[i] = runbooks.find(project, word) end
  if #words == 0 then
    for i, name in ipairs(runbooks.names(project)) do paths[i] = fs.join(project.runbooks, name .. ".lua") end
    for _, path in ipairs(stdlib_files(project)) do look(path, function(box) return box:load_file(path) end) end
  end
  for _, path in ipairs(paths) do look(path, runbooks.load) end
  return list
end

local function perform(options, words)
  local project = common.place(options, words[1])
  local list, bad = findings(project, words), 0
  for _, entry in ipairs(list) do
    if entry.problem then bad = bad + 1 end
  end
  if options.json then
    out.json(json.array(list))
  else
    local style = out.style(1)
    for _, entry in ipairs(list) do
      if entry.problem then
        out.data(style.red("✗ ") .. entry.problem)
      else
        out.data(style.green("✓ ") .. entry.path)
      end
    end
  end
  if bad > 0 then errors.input(("%d of %d files have problems"):format(bad, #list)) end
end

return {
  name = "check", usage = "check [RUNBOOK ...]",
  summary = "load and check runbooks and stdlib without running anything",
  help = "Syntax, declared fields, parameters, effect words, and that loading does nothing. Without RUNBOOK, all of the project.",
  options = { { "json", help = "as JSON" } },
  run = perform,
}

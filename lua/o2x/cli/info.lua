--- The command o2x info: shows a runbook's help, parameters and effects.

local lazy = require "o2x.base.lazy"
local common = lazy "o2x.cli.common"
local json = lazy "o2x.base.json"
local out = require "o2x.report.out"
local runbooks = lazy "o2x.script.runbook"
local sandbox = lazy "o2x.script.sandbox"
local sorted_keys = require "o2x.base.sorted_keys"
local units = lazy "o2x.base.units"

local function default_text(spec)
  if spec.default == nil then return spec.optional and "optional" or "required" end
  local seconds = spec[1] == "duration" and tonumber(spec.default)
  return "default " .. (seconds and units.duration(seconds) or tostring(spec.default))
end

local function param_row(name, spec)
  local kind = spec[1] == "choice" and table.concat(spec.choices, "|") or spec[1]:upper()
  return { ("  %s=%s"):format(name, kind), default_text(spec), spec.help or "" }
end

local function data(runbook)
  local params = {}
  for name, spec in pairs(runbook.params) do
    params[name] = {
      type = spec[1],
      default = spec.default,
      optional = spec.optional,
      help = spec.help,
      choices = spec.choices and json.array(spec.choices),
      min = spec.min,
      max = spec.max,
    }
  end
  return {
    name = runbook.name,
    version = runbook.version,
    api = runbook.api,
    summary = runbook.summary,
    help = runbook.help,
    path = runbook.path,
    severe = runbook.severe or false,
    effects = json.array(runbook.effects),
    params = params,
  }
end

-- The parameters that a run cannot do without, each with a value or the place of one.
local function required(params)
  local words = {}
  for _, name in ipairs(sorted_keys(params)) do
    local param = params[name]
    if not param.optional and param.default == nil then
      words[#words + 1] = (" %s=%s"):format(name, param.choices and param.choices[1] or "…")
    end
  end
  return table.concat(words)
end

local function perform(options, arguments)
  local project = common.load_project(options, arguments[1])
  local runbook = runbooks.load(sandbox.new(project), runbooks.find(project, arguments[1]))
  if options.json then return out.json(data(runbook)) end
  local style = out.style(1)
  out.data(("%s %s  %s"):format(style.bold(runbook.name), runbook.version, runbook.summary))
  out.data(style.dim(runbook.path))
  if runbook.help then out.text("\n" .. runbook.help:gsub("%s+$", "")) end
  local rows = {}
  for _, name in ipairs(sorted_keys(runbook.params)) do
    rows[#rows + 1] = param_row(name, runbook.params[name])
  end
  if #rows > 0 then
    out.data ""
    out.data "Parameters"
    out.columns(rows, out.data)
  end
  out.data ""
  out.data("Writes: " .. (#runbook.effects > 0 and table.concat(runbook.effects, ", ") or "nothing"))
  if runbook.severe then out.data("Severe: requires --confirm=TENANT.") end
  out.data ""
  out.data(("o2x plan %s TENANT%s"):format(runbook.path, required(runbook.params)))
end

return {
  least = 1,
  most = 1,
  needs = "a runbook",
  options = { { "json", help = "print JSON" } },
  run = perform,
}

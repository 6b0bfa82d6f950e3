--- What helm says when it fails, as one of our errors.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local mask = require "o2x.base.mask"
local retry_rules = require "o2x.base.retry_rules"

local M = {}

local function bad(kind, message, more)
  local e = more or {}
  e.kind, e.module, e.message = kind, "helm", message
  errors.raise(e)
end

--- helm's own error text: what follows "Error: ", without its warnings about links in charts.
---@param r table result of proc.run
---@return string
function M.text(r)
  local text = r.stderr:match("Error: (.*)$") or r.stderr
  local lines = {}
  for line in mask.text(text):gmatch("[^\n]+") do
    if not line:match("^Use %-%-debug flag") and not line:match("^walk%.go:") then lines[#lines + 1] = line end
  end
  return table.concat(lines, " ")
end

-- Go templates report CHART/templates/x.yaml:LINE:COLUMN; this gives the path on disk.
local function place_in_chart(text, chart)
  local inside, line = text:match('/(templates/[^:"]+):(%d+)')
  inside = inside or text:match('/(templates/[^:"]+)')
  local parent = text:match('/(charts/[^:"]+/templates/[^:"]+:%d+)')
  if parent then return fs.join(chart, parent) end
  if not inside then return chart end
  -- "parse" and YAML errors count lines elsewhere: "… on svc/templates/x.yaml: …: yaml: line 5: …"
  line = line or text:match("yaml: line (%d+)")
  return fs.join(chart, inside) .. (line and ":" .. line or "")
end

-- The reason in a template error.
local function render_reason(text)
  return text:match("<[^>]*>: (.*)$") and (text:match("at (<[^>]*>: .*)$"))
    or text:match("^execution error at %([^)]*%): (.*)$")
    or text:match("^parse error at %([^)]*%): (.*)$")
    or text:match("^YAML parse error on [^:]*: error converting YAML to JSON: (.*)$")
    or text:match("^YAML parse error on [^:]*: (.*)$")
    or text
end

local function is_render_error(text)
  return text:match("^template: ")
    or text:match("^execution error at")
    or text:match("^parse error at")
    or text:match("^YAML parse error on")
    or text:match("values don't meet the specifications of the schema")
end

-- A chart is rendered without a cluster, so that a plan shows all that its objects depend on.
local function raise_lookup(text, chart)
  local what = text:match("at <(lookup .-)>: error calling lookup") or "lookup"
  bad(
    "refused",
    ("the chart asks the cluster (%s): what it renders would depend on more than its values"):format(what),
    {
      op = "template",
      where = place_in_chart(text, chart),
      hint = "read the object in the runbook (k8s.get), and give the chart what it needs by its values",
    }
  )
end

local function raise_render(text, chart)
  if text:find("error calling lookup", 1, true) then raise_lookup(text, chart) end
  local where = place_in_chart(text, chart)
  bad("input", "chart rendering failed: " .. render_reason(text), { op = "template", where = where })
end

-- Mistakes of a chart's author, which no other try mends: pattern, kind, hint.
local MISTAKES = {
  { "non%-absolute URLs should be in form", "input" },
  { "path .* not found", "input" },
  { "Chart.yaml file is missing", "input" },
  { "no such file or directory", "input" },
  { "missing in charts/ directory", "input", "put the subchart into the chart's folder charts/: o2x fetches none" },
  { "failed to parse", "input" },
  { "cannot load %w+%.yaml", "input" },
  { "validation: chart%.metadata", "input" },
  { "chart requires kubeVersion", "input", "take a version of the chart that is made for this cluster" },
  { "charts are not installable", "input", "it is a library of other charts: name it in a chart's dependencies" },
  {
    "sh%.helm%.release%.v1.*Too long: ",
    "input",
    "helm keeps a release in one Secret of at most 1 MiB: split the chart, or take large files out of it",
  },
}

-- The operations that only read.
local READS <const> = { get = true, history = true, list = true, status = true, template = true }

--- Raises helm's failure as one of our errors.
---@param op string of helm
---@param name string of the release
---@param r table result of proc.run
---@param chart string? its folder, for errors in templates
function M.raise(op, name, r, chart)
  local text, what = M.text(r), ("helm %s %s"):format(op, name)
  if r.signal then
    bad("unknown", ("%s was killed by signal %d"):format(what, r.signal), { op = op, code = "signal" })
  end
  if chart and is_render_error(text) then raise_render(text, chart) end
  local fields = retry_rules.judge("helm", { text = text }, READS[op] or false)
  if fields then
    fields.op, fields.hint = op, fields.hint and fields.hint:gsub("%%s", name)
    bad(fields.kind, what .. ": " .. text, fields)
  end
  for _, f in ipairs(MISTAKES) do
    if text:find(f[1]) then bad(f[2], what .. ": " .. text, { op = op, where = chart, hint = f[3] }) end
  end
  bad("failed", what .. ": " .. (text ~= "" and text or "exit code " .. r.code), { op = op, retryable = false })
end

return M

--- A chart that holds finished objects. helm renders its templates to exactly these objects, whatever the values, the
--- cluster or the kind of operation: so what is written is what was checked, hooks included. Name, version and values
--- of the chart that it stands for are kept, because people look for them in helm's records.

local chart = require "o2x.client.helm.chart"
local fs = require "o2x.base.fs"
local manifest = require "o2x.client.helm.manifest"
local yaml = require "o2x.base.yaml"

local M = {}

local PRIVATE_FOLDER <const> = tonumber("700", 8)

-- What helm would act on once more; it has done so when it rendered the chart.
local DONE <const> = { "dependencies", "kubeVersion" }

--- A text as a template that renders to it.
---@param text string
---@return string
function M.literal(text) return (text:gsub("{{", '{{"{{"}}')) end

--- Writes the chart.
---@param folder string a new one
---@param origin string folder of the chart that it stands for
---@param objects table[] with hooks, in helm's order
function M.write(folder, origin, objects)
  local about = chart.about(origin)
  for _, name in ipairs(DONE) do
    about[name] = nil
  end
  fs.mkdir(fs.join(folder, "templates"), PRIVATE_FOLDER)
  fs.write_scratch(fs.join(folder, "Chart.yaml"), yaml.encode(about))
  local values = fs.read_if(fs.join(origin, "values.yaml"))
  if values then fs.write_scratch(fs.join(folder, "values.yaml"), values) end
  fs.write_scratch(fs.join(folder, "templates/objects.yaml"), M.literal(manifest.text(objects)))
end

return M

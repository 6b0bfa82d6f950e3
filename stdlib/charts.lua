--- The charts of the services: folders of the platform tree, or charts of a registry or a repository that platform.yaml
--- pins, service by service, under charts.

local catalogue = require "stdlib.catalogue"
local files = require "o2x.files"
local naming = require "stdlib.naming"
local yaml = require "o2x.yaml"

local M = {}

local function pinned(tenant, service) return (tenant.platform.charts or {})[service] end

--- A service's chart, as helm.ensure_release takes it.
---@param tenant table
---@param service string
---@return { chart: string, repo: string?, version: string?, digest: string? }
function M.of(tenant, service)
  local pin = pinned(tenant, service)
  if not pin then return { chart = naming.chart(service) } end
  return { chart = pin.chart, repo = pin.repo, version = pin.version, digest = pin.digest }
end

--- The version of a service's chart, and the file that says so.
---@param tenant table
---@param service string
---@return string? version nil if the chart's own file has none
---@return string path
function M.version(tenant, service)
  local pin = pinned(tenant, service)
  if pin then return pin.version, "platform.yaml" end
  local path = naming.chart(service) .. "/Chart.yaml"
  local chart = yaml.decode(files.read(path), path)
  return type(chart) == "table" and type(chart.version) == "string" and chart.version or nil, path
end

--- What to do where a chart is missing.
M.WHERE = "O2X_PLATFORM must name the platform tree; or pin the chart in platform.yaml: charts"

--- The file without which a service has no chart.
---@param tenant table
---@param service string
---@return string? path nil if the chart is there: in the tree, or pinned
function M.missing(tenant, service)
  local path = naming.chart(service) .. "/Chart.yaml"
  return not pinned(tenant, service) and not files.exists(path) and path or nil
end

--- Fails unless the charts of all services are there.
---@param tenant table
function M.check(tenant)
  for _, service in ipairs(catalogue.names()) do
    local path = M.missing(tenant, service)
    if path then fail("there is no " .. path, M.WHERE) end
  end
end

return M

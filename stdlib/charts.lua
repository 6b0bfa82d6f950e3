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

--- Fails unless the charts of all services are there: in the tree, or pinned.
---@param tenant table
function M.check(tenant)
  for _, service in ipairs(catalogue.names()) do
    local path = naming.chart(service) .. "/Chart.yaml"
    if not pinned(tenant, service) and not files.exists(path) then
      fail(
        "there is no " .. path,
        "O2X_PLATFORM must name the platform tree; or pin the chart in platform.yaml: charts"
      )
    end
  end
end

return M

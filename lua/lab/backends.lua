--- Who answers behind a Service of the cluster: the API server's proxy and the ingress both end here.

local M = {}

local PLATFORM <const> = { ["monitoring/alertmanager-operated"] = "lab.alertmanager" }

--- Answers a request.
---@param lab table
---@param info table of lab.k8s.backend
---@param req table
function M.handle(lab, info, req)
  local own = PLATFORM[info.namespace .. "/" .. info.service]
  if own then return require(own).handle(lab, req) end
  local page = require "lab.page"
  local files = page.of(lab, info)
  if files then return page.handle(files, req) end
  return require("lab.services").handle(lab, info, req)
end

return M

--- Routes a request to the simulated program behind a Service, for the API server's proxy and the ingress.

local M = {}

local SPECIAL <const> = { ["monitoring/alertmanager-operated"] = "lab.alertmanager" }

--- Handles a request.
---@param lab table
---@param info table of lab.k8s.backend
---@param req httpd.request
---@return integer status
---@return table? headers
---@return string body
function M.handle(lab, info, req)
  local special = SPECIAL[info.namespace .. "/" .. info.service]
  if special then return require(special).handle(lab, req) end
  local nginx = require "lab.nginx"
  local files = nginx.files(lab, info)
  if files then return nginx.handle(files, req) end
  return require("lab.services").handle(lab, info, req)
end

return M

--- The controllers of the cluster.

local certificates = require "lab.k8s.controllers.certificates"
local housekeeping = require "lab.k8s.controllers.housekeeping"
local network = require "lab.k8s.controllers.network"
local pods = require "lab.k8s.controllers.pods"
local storage = require "lab.k8s.controllers.storage"
local workloads = require "lab.k8s.controllers.workloads"

local M = {}

--- Registers the reconcilers of all controllers.
---@param controllers lab.k8s.Controllers
function M.register(controllers)
  for _, part in ipairs { workloads, pods, network, certificates, storage, housekeeping } do
    part.register(controllers)
  end
end

return M

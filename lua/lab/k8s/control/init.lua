--- The reconcilers of the control plane, by what they look after.

local certificates = require "lab.k8s.control.certificates"
local housekeeping = require "lab.k8s.control.housekeeping"
local network = require "lab.k8s.control.network"
local pods = require "lab.k8s.control.pods"
local storage = require "lab.k8s.control.storage"
local workloads = require "lab.k8s.control.workloads"

local M = {}

---Registers all reconcilers.
---@param controllers lab.k8s.Controllers
function M.register(controllers)
  for _, part in ipairs { workloads, pods, network, certificates, storage, housekeeping } do
    part.register(controllers)
  end
end

return M

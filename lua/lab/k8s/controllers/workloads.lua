--- Registers the controllers of Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs. A change of a pod enqueues
--- its owner.
local deployment = require "lab.k8s.controllers.deployment"
local sets = require "lab.k8s.controllers.sets"

local M = {}

--- Registers the controllers of workloads.
---@param controllers lab.k8s.Controllers
function M.register(controllers)
  controllers:reconciler("deployment", "apps/deployments", deployment.reconcile)
  controllers:reconciler("replicaset", "apps/replicasets", sets.replicaset)
  controllers:reconciler("statefulset", "apps/statefulsets", sets.statefulset)
  controllers:reconciler("daemonset", "apps/daemonsets", sets.daemonset)
  controllers:reconciler("job", "batch/jobs", sets.job)
  controllers:on(
    "apps/replicasets",
    function(_, object) controllers:enqueue_owner(object, "Deployment", "deployment") end
  )
  controllers:on("/pods", function(_, object)
    controllers:enqueue_owner(object, "ReplicaSet", "replicaset")
    controllers:enqueue_owner(object, "StatefulSet", "statefulset")
    controllers:enqueue_owner(object, "DaemonSet", "daemonset")
    controllers:enqueue_owner(object, "Job", "job")
  end)
end

return M

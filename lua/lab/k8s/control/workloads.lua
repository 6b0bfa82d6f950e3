---Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs: from the object to its pods, and back to its status.
local deployment = require "lab.k8s.control.deployment"
local sets = require "lab.k8s.control.sets"

local M = {}

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

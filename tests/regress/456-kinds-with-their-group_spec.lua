-- The platform's list of kinds has "Deployment.apps". The client knew deployments.apps only, so an audit passed over
-- what was left over of every kind that has a group.

local discovery = require "o2x.client.k8s.discovery"

describe("a kind with its group", function()
  local kinds = discovery.usual()

  for _, name in ipairs { "Deployment.apps", "deployment.apps", "deployments.apps", "Ingress.networking.k8s.io" } do
    it("is found: " .. name, function() assert.is_table(kinds:find(name)) end)
  end

  it(
    "is found as the platform writes it",
    function() assert.equal("ServiceMonitor", kinds:find("ServiceMonitor.monitoring.coreos.com").kind) end
  )
end)

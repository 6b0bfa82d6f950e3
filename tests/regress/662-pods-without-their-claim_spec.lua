-- Pods whose volume claim was gone were waited for until the end of the limit, ten minutes for each batch of services:
-- the end of a maintenance took more than twenty. Nobody makes such a claim by waiting: they count as stuck.

local ready = require "o2x.client.k8s.ready"

describe("a pod that is not scheduled", function()
  local function trouble(message)
    local conditions = { { type = "PodScheduled", status = "False", reason = "Unschedulable", message = message } }
    return ready.pod_trouble { status = { phase = "Pending", conditions = conditions } }
  end

  it("is stuck without its volume claim, and waits for a node otherwise", function()
    local text, stuck = trouble '0/3 nodes are available: persistentvolumeclaim "newclient-data-pvc" not found.'
    assert.is_true(stuck)
    assert.truthy(text:find("newclient-data-pvc", 1, true))
    assert.is_false(select(2, trouble "0/3 nodes are available: 3 Insufficient cpu."))
  end)
end)

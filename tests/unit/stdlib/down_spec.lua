local stdlib = require "tests.support.stdlib"

describe("stdlib.down", function()
  local tenant = stdlib.tenant "newclient"

  local function pod(service, ready, reason)
    return {
      metadata = { name = service .. "-1", labels = { app = "newclient-" .. service } },
      status = {
        conditions = { { type = "Ready", status = ready and "True" or "False" } },
        containerStatuses = { { state = reason and { waiting = { reason = reason } } or {} } },
      },
    }
  end

  -- What is said of service-sso; all other services have a ready pod.
  local function said(pods, deployment)
    local std = stdlib.new { k8s = { get = function() return deployment end } }
    local list = { table.unpack(pods) }
    for _, service in ipairs(std.require("catalogue").names()) do
      if service ~= "service-sso" then list[#list + 1] = pod(service, true) end
    end
    local down = std.require("down").services(tenant, list)
    local why = down["service-sso"]
    down["service-sso"] = nil
    assert.same({}, down)
    return why, #std.called "k8s.get"
  end

  local TWO <const> = { spec = { replicas = 2 }, status = {} }

  for _, case in ipairs {
    { "with a ready pod is not, whatever the others do", { { true }, { false, "CrashLoopBackOff" } }, TWO },
    { "that is starting is not", { { false, "CrashLoopBackOff" }, { false, "ContainerCreating" } }, TWO },
    { "whose pods crash is", { { false, "CrashLoopBackOff" } }, TWO, "has no ready pod: CrashLoopBackOff" },
    { "whose image is missing is", { { false, "ImagePullBackOff" } }, TWO, "has no ready pod: ImagePullBackOff" },
    { "without pods is", {}, TWO, "has no ready pod" },
    { "that is scaled to 0 is", {}, { spec = { replicas = 0 } }, "is scaled to 0" },
    { "that is not deployed is", {}, nil, "is not deployed" },
    { "whose pods have no label is not", {}, { spec = {}, status = { readyReplicas = 1 } } },
  } do
    it("a service " .. case[1], function()
      local pods = {}
      for i, one in ipairs(case[2]) do
        pods[i] = pod("service-sso", one[1], one[2])
      end
      local why, asked = said(pods, case[3])
      assert.equal(case[4] and "newclient-service-sso " .. case[4], why)
      assert.is_true(asked <= 1)
    end)
  end
end)

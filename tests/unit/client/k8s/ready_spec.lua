local errors = require "o2x.base.error"
local ready = require "o2x.client.k8s.ready"

local function object(kind, spec, status)
  return {
    kind = kind,
    metadata = { name = "x", namespace = "prod", generation = 2 },
    spec = spec or {},
    status = status,
  }
end

local function is_ready(o) assert.is_true((ready.check(o))) end

local function waits(o, message)
  local ok, waiting = ready.check(o)
  assert.is_false(ok)
  assert.matches(message, waiting)
end

describe("a Deployment", function()
  local function deployment(status)
    status.observedGeneration = status.observedGeneration or 2
    return object("Deployment", { replicas = 2 }, status)
  end

  it(
    "is ready when all pods are new and available",
    function() is_ready(deployment { replicas = 2, updatedReplicas = 2, availableReplicas = 2 }) end
  )

  it("waits for the controller, for new pods, for old ones to go, for pods to be ready", function()
    waits(deployment { observedGeneration = 1, replicas = 2, updatedReplicas = 2, availableReplicas = 2 }, "controller")
    waits(deployment { replicas = 2, updatedReplicas = 1, availableReplicas = 2 }, "1 of 2 pods updated")
    waits(deployment { replicas = 3, updatedReplicas = 2, availableReplicas = 2 }, "1 old pods")
    waits(deployment { replicas = 2, updatedReplicas = 2, availableReplicas = 1 }, "1 of 2 pods ready")
  end)

  it(
    "of no pods is ready without any",
    function() is_ready(object("Deployment", { replicas = 0 }, { observedGeneration = 2 })) end
  )
end)

describe("other kinds", function()
  it("have rules of their own", function()
    is_ready(object("Job", nil, { conditions = { { type = "Complete", status = "True" } } }))
    waits(object("Job", nil, { conditions = { { type = "Failed", status = "True", message = "bad" } } }), "failed: bad")
    is_ready(object("Pod", nil, { phase = "Succeeded" }))
    waits(object("Pod", nil, { phase = "Pending" }), "not ready yet")
    is_ready(object("PersistentVolumeClaim", nil, { phase = "Bound" }))
    waits(object("PersistentVolumeClaim", nil, { phase = "Pending" }), "Pending")
    waits(object("Ingress", nil, { loadBalancer = {} }), "address")
    is_ready(object("Ingress", nil, { loadBalancer = { ingress = { { ip = "10.0.0.1" } } } }))
    is_ready(object("Service", { type = "ClusterIP" }))
    waits(object("Certificate", nil, {}), "not issued")
    local issued = { conditions = { { type = "Ready", status = "True" } }, notAfter = "9999-01-01T00:00:00Z" }
    is_ready(object("Certificate", nil, issued))
    issued.notAfter = "2020-01-01T00:00:00Z"
    waits(object("Certificate", nil, issued), "it expired at 2020%-01%-01T00:00:00Z")
    waits(object("DaemonSet", nil, { observedGeneration = 2, desiredNumberScheduled = 3 }), "0 of 3")
    waits(object("StatefulSet", { replicas = 2 }, { observedGeneration = 2, readyReplicas = 1 }), "1 of 2")
  end)

  it("are judged by their condition, or are ready where there is none", function()
    waits(object("Widget", nil, { conditions = { { type = "Ready", status = "False", message = "soon" } } }), "soon")
    is_ready(object("ConfigMap"))
  end)
end)

describe("a pod's trouble", function()
  local function trouble(state, restarts)
    return ready.pod_trouble { status = { containerStatuses = { { state = state, restartCount = restarts or 0 } } } }
  end

  it("is what a container says, and whether it will stay so", function()
    local text, stuck = trouble { waiting = { reason = "ImagePullBackOff", message = "no such image" } }
    assert.equal("ImagePullBackOff: no such image", text)
    assert.is_true(stuck)
  end)

  it("of a crashing container is only stuck after some restarts", function()
    local _, stuck = trouble({ waiting = { reason = "CrashLoopBackOff" } }, 1)
    assert.is_false(stuck)
    _, stuck = trouble({ waiting = { reason = "CrashLoopBackOff" } }, 5)
    assert.is_true(stuck)
  end)

  it("is none while a container is only starting, or has done its work", function()
    assert.is_nil((trouble { waiting = { reason = "ContainerCreating" } }))
    assert.is_nil((trouble { terminated = { reason = "Completed" } }))
  end)

  it("is also that no node takes it", function()
    local conditions = { { type = "PodScheduled", status = "False", message = "0/3 nodes" } }
    local text, stuck = ready.pod_trouble { status = { conditions = conditions } }
    assert.same({ "not scheduled: 0/3 nodes", false }, { text, stuck })
  end)

  it("is stuck where it needs a volume claim that is not there", function()
    local message = '0/3 nodes are available: persistentvolumeclaim "a-data" not found. preemption: 0/3 nodes'
    local conditions = { { type = "PodScheduled", status = "False", message = message } }
    assert.is_true(select(2, ready.pod_trouble { status = { conditions = conditions } }))
  end)
end)

describe("ready.wait", function()
  -- A client that gives these objects, one after the other, the last one again and again.
  local function client(list)
    local asked = 0
    return {
      get = function()
        asked = math.min(asked + 1, #list)
        local found = list[asked]
        if errors.is(found) then error(found, 0) end
        return found or nil
      end,
      wait_change = function() return false end,
      list = function() return {} end,
      events = function() return {} end,
      logs = function() return "" end,
    }
  end

  local pending, bound =
    object("PersistentVolumeClaim", nil, { phase = "Pending" }),
    object("PersistentVolumeClaim", nil, { phase = "Bound" })

  it("gives the object when it is ready, and tells what it waits for", function()
    local told = {}
    local o = { seconds = 60, progress = function(text) told[#told + 1] = text end }
    assert.equal(bound, ready.wait(client { false, pending, bound }, "PersistentVolumeClaim", "x", o))
    assert.same(
      { "PersistentVolumeClaim x: it does not exist", "PersistentVolumeClaim x: is Pending, not Bound" },
      told
    )
  end)

  it("does not mind a server that is away for a moment", function()
    local away = errors.new { kind = "unreachable", retryable = true, message = "no answer" }
    assert.equal(bound, ready.wait(client { away, bound }, "PersistentVolumeClaim", "x", { seconds = 60 }))
  end)

  it("gives up in time and says what it waited for", function()
    local ok, err = pcall(ready.wait, client { pending }, "PersistentVolumeClaim", "x", { seconds = 0 })
    assert.is_false(ok)
    assert.equal("not_ready", err.code)
    assert.matches("PersistentVolumeClaim x .*Pending", err.message)
  end)

  it("does not wait for a job that has failed", function()
    local failed = object("Job", nil, { conditions = { { type = "Failed", status = "True", message = "bad" } } })
    local ok, err = pcall(ready.wait, client { failed }, "Job", "x", { seconds = 3600 })
    assert.is_false(ok)
    assert.matches("failed: bad", err.message)
  end)
end)

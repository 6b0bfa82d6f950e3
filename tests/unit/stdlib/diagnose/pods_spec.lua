local chapters = require "tests.support.chapters"
local stdlib = require "tests.support.stdlib"

describe("stdlib.diagnose.pods", function()
  local SOON, LATER = "2026-02-14T12:00:00Z", "2026-12-01T00:00:00Z"

  -- All Deployments, each with the catalogue's minimum of replicas, but for service-sso's: wanted, ready.
  local function deployments(wanted, ready)
    local by_name = {}
    for _, service in ipairs(stdlib.new().require("catalogue").all()) do
      local name, replicas = "urbanos-" .. service.name, service.replicas[1]
      local containers = { { name = "app", resources = { limits = { cpu = "1", memory = "1Gi" } } } }
      by_name[name] = {
        metadata = { name = name },
        spec = { replicas = replicas, template = { spec = { containers = containers } } },
        status = { readyReplicas = replicas },
      }
    end
    local sso = by_name["urbanos-service-sso"]
    sso.spec.replicas, sso.status.readyReplicas = wanted or 2, ready or wanted or 2
    return by_name
  end

  local function pod(status)
    return {
      metadata = { name = "p1", namespace = "default", labels = { app = "urbanos-service-sso" } },
      status = status,
    }
  end

  -- A pod whose container waits for this reason.
  local function waiting(reason, more)
    local status = { state = { waiting = { reason = reason, message = "M" } }, restartCount = 5, image = "embrix/x:v9" }
    for key, value in pairs(more or {}) do
      status[key] = value
    end
    return pod { containerStatuses = { status } }
  end

  -- The releases of all services, but for what is given.
  local function released(given, without)
    local list, known = {}, {}
    for _, release in ipairs(given or {}) do
      list[#list + 1], known[release.name] = release, true
    end
    for name in pairs(deployments()) do
      if not known[name] and name ~= without then
        list[#list + 1] = { name = name, status = "deployed", revision = 1, chart = "c" }
      end
    end
    return list
  end

  -- A healthy tenant, but for what the options change.
  local function run(options, facts)
    facts = facts or {}
    facts.deployments = options.deployments or deployments()
    facts.pods = { options.pod }
    local certificate = options.certificate == nil and { notAfter = LATER } or options.certificate
    local claim = options.claim == nil and "Bound" or options.claim
    return chapters.run("pods", {
      helm = {
        list = function() return released(options.releases, options.without_release) end,
        drift = function(name) return (options.drift or {})[name] or {} end,
        previous = function() return options.previous end,
        status = function()
          if options.damaged then error({ message = "damaged", hint = options.damaged }, 0) end
        end,
      },
      k8s = {
        get = function(kind)
          if kind == "HorizontalPodAutoscaler" then return nil end
          if kind == "Certificate" then return certificate and { status = certificate } or nil end
          local metadata = { deletionTimestamp = claim == "Leaving" and SOON or nil }
          local phase = claim == "Leaving" and "Bound" or claim
          return claim and { metadata = metadata, status = { phase = phase } } or nil
        end,
        list = function(kind) return (kind == "PodMetrics" and options.metrics or options[kind]) or {} end,
        logs = function() return options.log or "" end,
        events = function() return options.events or {} end,
      },
    }, facts)
  end

  it("finds nothing for a healthy tenant", function() assert.same({}, (run {})) end)

  it(
    "leaves everything out without a cluster",
    function() assert.same({}, (run({ deployments = {} }, { no_cluster = true }))) end
  )

  describe("deployments", function()
    it("finds one that is missing", function()
      local list = deployments()
      list["urbanos-service-sso"] = nil
      assert.same({ "critical service-sso: is not deployed" }, (run { deployments = list }))
    end)

    it("finds one that is scaled to 0, and says how to scale it back", function()
      local found, rows = run { deployments = deployments(0) }
      assert.same({ "critical service-sso: is scaled to 0" }, found)
      assert.equal("o2x run scale urbanos service=service-sso replicas=2 --confirm=urbanos", rows[1].fix)
    end)

    it("finds one with fewer replicas than the catalogue's minimum", function()
      local found = run { deployments = deployments(1) }
      assert.same({ "warning service-sso: has fewer replicas than the catalogue's minimum of 2" }, found)
    end)

    it("finds one with more replicas than the catalogue's maximum", function()
      local found, rows = run { deployments = deployments(50, 2) }
      assert.same({ "warning service-sso: has more replicas than the catalogue's maximum of 2" }, found)
      assert.equal("o2x run scale urbanos service=service-sso replicas=2 --confirm=urbanos", rows[1].mend)
    end)

    it("leaves replicas to an autoscaler, which does nothing for a workload that is scaled to 0", function()
      local scaler = { spec = { scaleTargetRef = { name = "urbanos-service-sso" } } }
      local function scaled(wanted)
        return run { deployments = deployments(wanted), HorizontalPodAutoscaler = { scaler } }
      end
      assert.same({}, (scaled(1)))
      assert.same({}, (scaled(9)))
      assert.matches("replicas=2 force=true", select(2, scaled(0))[1].mend)
    end)

    it("finds a rollout that is paused", function()
      local list = deployments()
      list["urbanos-service-sso"].spec.paused = true
      local found, rows = run { deployments = list }
      assert.same({ "warning service-sso: its rollout is paused: no change takes effect" }, found)
      assert.equal("kubectl -n default rollout resume deployment/urbanos-service-sso", rows[1].mend)
    end)

    it("finds replicas that are not ready", function()
      assert.same({ "warning service-sso: 1 of 2 replicas are ready" }, (run { deployments = deployments(2, 1) }))
      assert.same({ "critical service-sso: 0 of 2 replicas are ready" }, (run { deployments = deployments(2, 0) }))
    end)

    it("does not judge replicas during maintenance", function()
      local record = { since = "S", ["until"] = LATER, by = "B", run = "R" }
      local found = run({ deployments = deployments(0) }, { maintenance = record })
      assert.same({ "warning urbanos: is in maintenance" }, found)
    end)

    it("finds an overdue maintenance", function()
      local record = { since = "S", ["until"] = "2026-02-11T11:00:00Z", by = "B", run = "R" }
      assert.same({ "critical urbanos: is in maintenance, which is overdue" }, (run({}, { maintenance = record })))
    end)
  end)

  describe("pods", function()
    it("finds a crashing container, with the cause from its log", function()
      local ended = { lastState = { terminated = { exitCode = 1 } } }
      local log = "starting\nCaused by: no database\nbye\n"
      local found, rows = run { pod = waiting("CrashLoopBackOff", ended), log = log }
      assert.same({ "critical service-sso: container keeps crashing (exit code 1, 5 restarts)" }, found)
      assert.equal("Caused by: no database", rows[1].evidence)
    end)

    it("finds a container that crashes because it is out of memory", function()
      local ended = { lastState = { terminated = { reason = "OOMKilled" } } }
      assert.matches("out of memory, 5 restarts", run({ pod = waiting("CrashLoopBackOff", ended) })[1])
    end)

    it("finds an image that cannot be pulled", function()
      local found = run { pod = waiting "ImagePullBackOff" }
      assert.same({ "critical service-sso: image cannot be pulled: embrix/x:v9" }, found)
    end)

    it("finds a container that cannot be created, with the last warning", function()
      local events = {
        { type = "Warning", reason = "Failed", message = "no secret" },
        { type = "Normal", reason = "Pulled", message = "image" },
      }
      local found, rows = run { pod = waiting "CreateContainerConfigError", events = events }
      assert.same({ "critical service-sso: container cannot be created: M" }, found)
      assert.equal("Failed: no secret", rows[1].evidence)
    end)

    it(
      "is patient with a container that is being created",
      function() assert.same({}, (run { pod = waiting "ContainerCreating" })) end
    )

    it("finds a pod that cannot be scheduled", function()
      local conditions = { { type = "PodScheduled", status = "False", message = "no node" } }
      assert.same({ "critical service-sso: pod cannot be scheduled" }, (run { pod = pod { conditions = conditions } }))
    end)

    -- A running container that ended before, at this time.
    local function restarted(reason, time, count)
      local terminated = { reason = reason, finishedAt = time }
      local status = { state = { running = {} }, lastState = { terminated = terminated }, restartCount = count }
      return run { pod = pod { containerStatuses = { status } } }
    end

    it("finds a container that was killed in the last hour", function()
      assert.matches("container was killed: out of memory", restarted("OOMKilled", "2026-02-11T11:30:00Z", 1)[1])
      assert.same({}, (restarted("OOMKilled", "2026-02-11T10:30:00Z", 1)))
    end)

    it("finds more than three restarts", function()
      assert.matches("container restarted 4 times", restarted("Error", "2026-02-11T11:30:00Z", 4)[1])
      assert.same({}, (restarted("Error", "2026-02-11T11:30:00Z", 3)))
    end)

    it(
      "explains missing replicas by the pod, not twice",
      function() assert.equal(1, #run { deployments = deployments(2, 0), pod = waiting "ImagePullBackOff" }) end
    )
  end)

  it("finds a failed and a pending release", function()
    local function release(name, status) return { name = name, status = status, revision = 2, chart = "c" } end
    local found = run {
      releases = {
        release("urbanos-service-sso", "failed"),
        release("urbanos-service-usage", "pending-upgrade"),
        release("urbanos-service-proxy", "deployed"),
      },
    }
    assert.same({
      "critical service-sso: release is failed",
      "warning service-usage: release is pending-upgrade",
    }, found)
  end)

  it("finds a deployment without a release", function()
    local found, rows = run { without_release = "urbanos-service-sso" }
    assert.same({ "warning service-sso: its deployment belongs to no release" }, found)
    assert.equal("o2x run deploy urbanos services=service-sso --confirm=urbanos", rows[1].mend)
  end)

  it("removes a damaged record first", function()
    local delete = "kubectl delete secret s.v1 -n default"
    local found, rows = run { without_release = "urbanos-service-sso", damaged = delete .. " removes it" }
    assert.same({ "warning service-sso: the record of its release is damaged" }, found)
    assert.equal(delete .. " && o2x run deploy urbanos services=service-sso --confirm=urbanos", rows[1].mend)
  end)

  it("shows the values of a record that cannot be read, and removes nothing", function()
    local show = "helm get values urbanos-service-sso -n default"
    local found, rows = run { without_release = "urbanos-service-sso", damaged = show .. " shows what it has" }
    assert.same({ "warning service-sso: the record of its release cannot be read" }, found)
    assert.equal(show, rows[1].look)
  end)

  it("goes back to what the release has, or to the revision before it, where there is one", function()
    local edited = { ["urbanos-service-sso"] = { "Deployment default/urbanos-service-sso: spec.template" } }
    local confirm = " urbanos services=service-sso --confirm=urbanos"
    for _, row in ipairs {
      { { drift = edited, previous = { revision = 1 } }, "o2x run deploy" .. confirm },
      { { previous = { revision = 1 } }, "o2x run rollback" .. confirm },
      { {}, nil },
    } do
      for _, reason in ipairs { "CrashLoopBackOff", "ImagePullBackOff" } do
        row[1].pod = waiting(reason)
        assert.equal(row[2], select(2, run(row[1]))[1].mend)
      end
    end
  end)

  it("finishes a release that was never deployed by a deployment, which removes it first", function()
    for status, command in pairs {
      ["pending-install"] = "o2x run deploy urbanos services=service-sso --confirm=urbanos",
      ["failed"] = "o2x run onboard urbanos",
    } do
      local releases = { { name = "urbanos-service-sso", status = status, revision = 1, chart = "c" } }
      assert.equal(command, select(2, run { releases = releases })[1].mend)
    end
  end)

  it(
    "finds an object of a release that is missing or edited, but for a Deployment, which has a finding of its own",
    function()
      local name = "urbanos-service-sso"
      local found, rows = run {
        releases = { { name = name, status = "deployed", revision = 1, chart = "c" } },
        drift = {
          [name] = {
            "Deployment default/urbanos-service-sso: missing in the cluster",
            "Service default/urbanos-service-sso: missing in the cluster",
            "ConfigMap default/urbanos-service-sso: data.level",
          },
        },
      }
      assert.same({
        "critical service-sso: an object of its release is missing",
        "warning service-sso: an object of its release was edited",
      }, found)
      assert.equal("Service default/urbanos-service-sso: missing in the cluster", rows[1].evidence)
      assert.equal("ConfigMap default/urbanos-service-sso: data.level", rows[2].evidence)
      for _, row in ipairs(rows) do
        assert.equal("o2x run deploy urbanos services=service-sso --confirm=urbanos", row.fix)
      end
    end
  )

  it("finds a data volume that is missing, not bound or being deleted", function()
    assert.same({ "critical urbanos-data-pvc: the data volume is missing" }, (run { claim = false }))
    assert.same({ "critical urbanos-data-pvc: the data volume is not bound" }, (run { claim = "Pending" }))
    assert.same({ "critical urbanos-data-pvc: the data volume is being deleted" }, (run { claim = "Leaving" }))
  end)

  describe("certificate", function()
    local function certificate(status) return (run { certificate = status }) end

    it(
      "is missing",
      function() assert.same({ "critical urbanos-tls-cert: there is no certificate" }, certificate(false)) end
    )

    it(
      "expires within a week",
      function()
        assert.same({ "warning urbanos-tls-cert: the certificate expires in 3 days" }, certificate { notAfter = SOON })
      end
    )

    it("has expired", function()
      local found = certificate { notAfter = "2026-02-01T00:00:00Z" }
      assert.same({ "critical urbanos-tls-cert: the certificate has expired" }, found)
    end)

    it("is not ready", function()
      local found = certificate { conditions = { { type = "Ready", status = "False", message = "pending" } } }
      assert.same({ "critical urbanos-tls-cert: the certificate is not ready" }, found)
    end)
  end)

  it("finds a container near its limit", function()
    local metrics = {
      { metadata = { name = "p1", labels = { app = "urbanos-service-sso" } }, containers = {} },
    }
    metrics[1].containers[1] = { name = "app", usage = { cpu = "900m", memory = "1Mi" } }
    local found, rows = run { metrics = metrics }
    assert.same({ "warning service-sso: uses 90 % of its cpu limit" }, found)
    assert.matches("cpu in core/helm_values/urbanos/service%-sso.yaml", rows[1].fix) -- the catalogue allows 2 replicas
    assert.equal("o2x run deploy urbanos services=service-sso --confirm=urbanos", rows[1].mend)
    metrics[1].metadata.labels.app = "urbanos-service-proxy"
    local _, more = run { metrics = metrics }
    assert.equal("o2x run scale urbanos service=service-proxy replicas=4 --confirm=urbanos", more[1].mend)
  end)

  it("gathers the facts that all chapters use", function()
    local std = stdlib.new {
      k8s = {
        list = function(kind) return { { metadata = { name = kind } } } end,
        get = function() end,
      },
    }
    local facts = std.require("diagnose.pods").facts(chapters.tenant)
    assert.equal("Pod", facts.pods[1].metadata.name)
    assert.truthy(facts.deployments.Deployment)
    assert.is_nil(facts.maintenance)
    assert.equal("tenant=urbanos", std.called("k8s.list")[1][2].selector)
  end)
end)

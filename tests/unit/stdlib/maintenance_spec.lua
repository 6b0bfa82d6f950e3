local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local KEY = "o2x.io/maintenance"
local RECORD = {
  tenant = "urbanos",
  since = "2026-02-11T08:00:00Z",
  ["until"] = "2026-02-11T13:00:00Z",
  by = "ann@host",
  run = "R-1",
}

local function with(state)
  for name, value in pairs(RECORD) do
    state[name] = value
  end
  return json.encode(state)
end

describe("stdlib.maintenance", function()
  local tenant = stdlib.tenant "urbanos"

  -- A cluster with one Deployment. record: the annotation of the ConfigMap; saved: that of the Deployment.
  local function new(options)
    local function deployment()
      return {
        metadata = { name = "urbanos-service-sso", annotations = { [KEY] = options.saved } },
        spec = { replicas = options.replicas or 2 },
      }
    end
    return stdlib.new {
      runs = { current = function() return { id = "R-2", user = "bob", host = "laptop" } end },
      k8s = {
        list = function(kind) return kind == "Deployment" and { deployment() } or options[kind] or {} end,
        get = function(kind)
          if kind == "ConfigMap" then
            return options.record and { metadata = { annotations = { [KEY] = options.record } } } or nil
          end
          return kind == "Service" and not options.no_alertmanager and {} or nil
        end,
        wait_ready = function()
          if options.unready then errors.raise { kind = "timeout", message = "sso is not ready" } end
        end,
      },
    }
  end

  local function on(options)
    local std = new(options)
    std.require("maintenance").on(tenant, 3600)
    return std
  end

  local function off(options)
    local std = new(options)
    std.require("maintenance").off(tenant)
    return std
  end

  -- The record that is written to the ConfigMap.
  local function written(std) return json.decode(std.called("k8s.ensure")[1][1].metadata.annotations[KEY]) end

  describe("on", function()
    it("records who, when and until when", function()
      local record = written(on {})
      assert.equal("bob@laptop", record.by)
      assert.equal("R-2", record.run)
      assert.equal("2026-02-11T12:00:00Z", record.since)
      assert.equal("2026-02-11T13:00:00Z", record["until"])
    end)

    it("moves only the planned end of a current one", function()
      local record = written(on { record = with { ["until"] = "2026-02-11T12:30:00Z" } })
      assert.equal("ann@host", record.by)
      assert.equal("2026-02-11T13:00:00Z", record["until"])
    end)

    it("writes the record first and stops the services last", function()
      local std = on {}
      assert.equal("Write the record", std.steps[2])
      assert.matches("^Stop the services/Wave 1/urbanos%-service%-sso$", std.steps[#std.steps])
    end)

    it("saves each object's state together with the record", function()
      local annotation = json.decode(on({}).called("k8s.annotate")[1][3][KEY])
      assert.equal(2, annotation.replicas)
      assert.equal("R-2", annotation.run)
    end)

    it("silences the alerts until the planned end", function()
      local std = on {}
      assert.equal("2026-02-11T13:00:00Z", std.called("alerts.silence")[1][2].until_time)
    end)

    it("goes on without Alertmanager", function()
      local std = on { no_alertmanager = true }
      assert.matches("the alerts are not silenced: .*there is no alertmanager%-operated in monitoring", std.logs[1])
      assert.equal(1, #std.called "k8s.scale")
    end)
  end)

  describe("off", function()
    local IN_MAINTENANCE = { record = with {}, saved = with { replicas = 2 }, replicas = 0 }

    it("does nothing outside of maintenance", function()
      local std = off {}
      assert.same({ "urbanos is not in maintenance" }, std.logs)
      assert.same({}, std.called "k8s.remove")
    end)

    it("restores the saved state and removes the record last", function()
      local std = off(IN_MAINTENANCE)
      assert.equal(2, std.called("k8s.scale")[1][3])
      assert.equal(1, #std.called "alerts.unsilence")
      assert.same({ "ConfigMap", "urbanos-maintenance", "default" }, std.called("k8s.remove")[3])
    end)

    it(
      "restores a saved state even if the record is lost",
      function() assert.equal(1, #off({ saved = with { replicas = 2 }, replicas = 0 }).called "k8s.scale") end
    )

    it("fails after everything is restored if something is not ready", function()
      local std = new { record = with {}, saved = with { replicas = 2 }, unready = true }
      local problem = raised(std.require("maintenance").off, tenant)
      assert.matches("not everything is ready: .*sso is not ready", problem.message)
      assert.equal(3, #std.called "k8s.remove")
    end)
  end)

  describe("status", function()
    local function status(options)
      local std = new(options)
      std.require("maintenance").status(tenant)
      return std
    end

    it(
      "logs the current maintenance",
      function()
        assert.matches("in maintenance since 2026%-02%-11T08:00:00Z by ann@host", status({ record = with {} }).logs[1])
      end
    )

    it("outputs the current and the saved state", function()
      local std = status { record = with {}, saved = with { replicas = 2 }, replicas = 0 }
      assert.same({ { what = "Deployment urbanos-service-sso", now = 0, saved = 2 } }, std.run.output.rows)
    end)

    it("outputs autoscalers and cron jobs", function()
      local function object(name, spec, saved)
        return { metadata = { name = name, annotations = { [KEY] = json.encode(saved) } }, spec = spec }
      end
      local std = status {
        HorizontalPodAutoscaler = { object("h", { minReplicas = 1, maxReplicas = 9 }, { min = 2, max = 4 }) },
        CronJob = { object("c", { suspend = true }, { suspend = false }) },
      }
      assert.same({ what = "HorizontalPodAutoscaler h", now = "1–9", saved = "2–4" }, std.run.output.rows[2])
      assert.same({ what = "CronJob c", now = "suspended", saved = "active" }, std.run.output.rows[3])
    end)

    it(
      "says that the tenant is not in maintenance",
      function() assert.same({ "urbanos is not in maintenance" }, status({}).logs) end
    )
  end)
end)

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local stdlib = require "tests.support.stdlib"

local KEY = "o2x.io/maintenance"

describe("stdlib.maintenance.workloads", function()
  local tenant = stdlib.tenant "urbanos"

  local function object(name, spec, saved)
    return { metadata = { name = name, annotations = saved and { [KEY] = json.encode(saved) } }, spec = spec }
  end

  -- A cluster with these objects: kind → list. unready: the name of a workload that does not become ready.
  local function new(objects, unready)
    local std = stdlib.new {
      k8s = {
        list = function(kind) return objects[kind] or {} end,
        get = function(_, name)
          for _, one in ipairs(objects.by_hand or {}) do
            if one.metadata.name == name then return one end
          end
        end,
        wait_ready = function(_, name)
          if name == unready then errors.raise { kind = "timeout", message = name .. " is not ready" } end
        end,
      },
    }
    return std, std.require "maintenance.workloads"
  end

  local function stop(objects)
    local std, workloads = new(objects)
    workloads.stop(tenant, workloads.list(tenant), json.encode)
    return std
  end

  local function restore(objects, unready)
    local std, workloads = new(objects, unready)
    return std, workloads.restore(tenant, workloads.list(tenant))
  end

  -- The names of the workloads, in the order in which they were scaled, and their replicas.
  local function scaled(std)
    local names, replicas = {}, {}
    for i, call in ipairs(std.called "k8s.scale") do
      names[i], replicas[i] = call[2], call[3]
    end
    return names, replicas
  end

  describe("list", function()
    it("has workloads with their replicas", function()
      local _, workloads = new { Deployment = { object("urbanos-service-sso", { replicas = 2 }) } }
      local expected = { { kind = "Deployment", name = "urbanos-service-sso", replicas = 2 } }
      assert.same(expected, workloads.list(tenant).workloads)
    end)

    it("has the saved state", function()
      local _, workloads = new { CronJob = { object("nightly", { suspend = true }, { suspend = false }) } }
      assert.same({ suspend = false }, workloads.list(tenant).schedules[1].saved)
    end)

    it("finds an autoscaler without the tenant's label by its workload's name, and each one once", function()
      local scaler = object("urbanos-service-usage", { maxReplicas = 4 })
      local _, workloads = new { HorizontalPodAutoscaler = { scaler }, by_hand = { scaler } }
      assert.same({ { name = "urbanos-service-usage", min = 1, max = 4 } }, workloads.list(tenant).autoscalers)
      _, workloads = new { by_hand = { scaler } }
      assert.equal(1, #workloads.list(tenant).autoscalers)
    end)
  end)

  describe("stop", function()
    it("scales to 0, dependants first and others before them", function()
      local names, replicas = scaled(stop {
        Deployment = {
          object("urbanos-service-sso", { replicas = 2 }),
          object("urbanos-service-proxy", { replicas = 3 }),
          object("urbanos-extra", { replicas = 1 }),
        },
      })
      assert.same({ "urbanos-extra", "urbanos-service-proxy", "urbanos-service-sso" }, names)
      assert.same({ 0, 0, 0 }, replicas)
    end)

    it("saves the replicas before it scales", function()
      local std = stop { Deployment = { object("urbanos-service-sso", { replicas = 2 }) } }
      assert.equal('{"replicas":2}', std.called("k8s.annotate")[1][3][KEY])
      assert.equal("k8s.annotate", std.calls[#std.calls - 1].name)
      assert.equal("k8s.scale", std.calls[#std.calls].name)
    end)

    it("keeps a state that is saved already", function()
      local std = stop { Deployment = { object("urbanos-service-sso", { replicas = 0 }, { replicas = 2 }) } }
      assert.equal('{"replicas":2}', std.called("k8s.annotate")[1][3][KEY])
    end)

    it("suspends cron jobs", function()
      local patch = stop({ CronJob = { object("nightly", {}) } }).called("k8s.set")[1][3]
      assert.is_true(patch.spec.suspend)
      assert.equal('{"suspend":false}', patch.metadata.annotations[KEY])
    end)

    it("saves the range of an autoscaler and leaves it as it is", function()
      local spec = { minReplicas = 2, maxReplicas = 4 }
      local std = stop { HorizontalPodAutoscaler = { object("urbanos-service-usage", spec) } }
      assert.same({ min = 2, max = 4 }, json.decode(std.called("k8s.annotate")[1][3][KEY]))
      assert.same({}, std.called "k8s.set")
    end)
  end)

  describe("restore", function()
    local TWO = {
      Deployment = {
        object("urbanos-service-proxy", { replicas = 0 }, { replicas = 3 }),
        object("urbanos-service-sso", { replicas = 0 }, { replicas = 2 }),
      },
    }

    it("scales back in start order", function()
      local names, replicas = scaled((restore(TWO)))
      assert.same({ "urbanos-service-sso", "urbanos-service-proxy" }, names)
      assert.same({ 2, 3 }, replicas)
    end)

    it("removes the saved state afterwards", function()
      local std = restore(TWO)
      assert.equal(json.null, std.called("k8s.annotate")[2][3][KEY])
    end)

    it("goes on after a workload that does not become ready", function()
      local std, problems = restore(TWO, "urbanos-service-sso")
      assert.equal(2, #scaled(std))
      assert.equal(1, #problems)
      assert.matches("urbanos%-service%-sso is not ready", problems[1])
    end)

    it("leaves a workload without a saved state alone", function()
      local std = restore { Deployment = { object("urbanos-service-sso", { replicas = 2 }) } }
      assert.same({}, std.called "k8s.scale")
    end)

    it("restores cron jobs and autoscalers", function()
      local std = restore {
        CronJob = { object("nightly", { suspend = true }, { suspend = false }) },
        HorizontalPodAutoscaler = { object("scaler", { maxReplicas = 9 }, { min = 2, max = 4 }) },
      }
      local calls = std.called "k8s.set"
      assert.same({ minReplicas = 2, maxReplicas = 4 }, calls[1][3].spec)
      assert.same({ suspend = false }, calls[2][3].spec)
    end)
  end)
end)

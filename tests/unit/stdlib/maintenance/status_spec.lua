local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.maintenance.status", function()
  local tenant = stdlib.tenant "urbanos"
  local RECORD = '{"since":"2026-02-11T08:00:00Z","until":"%s","by":"ann@host","run":"R-1"}'

  -- A cluster in which the tenant's ConfigMap has a record with this planned end, or no ConfigMap.
  local function new(planned_end)
    local map = planned_end and { metadata = { annotations = { ["o2x.io/maintenance"] = RECORD:format(planned_end) } } }
    local std = stdlib.new { k8s = { get = function() return map or nil end } }
    return std.require "maintenance.status", std
  end

  local AHEAD, PAST = "2026-02-11T13:00:00Z", "2026-02-11T11:30:00Z"

  it("reads the record from the tenant's ConfigMap", function()
    local status, std = new(AHEAD)
    assert.equal("ann@host", status.of(tenant).by)
    assert.same({ { "ConfigMap", "urbanos-maintenance", "default" } }, std.called "k8s.get")
  end)

  it("has no record outside of maintenance", function() assert.is_nil(new(nil).of(tenant)) end)

  it("has no record on an object without annotations", function() assert.is_nil(new(nil).saved { metadata = {} }) end)

  it("is overdue after the planned end", function()
    local status = new(PAST)
    assert.equal(1800, status.overdue(status.of(tenant)))
  end)

  it("is overdue from the planned end on", function()
    local status = new "2026-02-11T12:00:00Z"
    assert.equal(0, status.overdue(status.of(tenant)))
  end)

  it("is not overdue before the planned end", function()
    local status = new(AHEAD)
    assert.is_nil(status.overdue(status.of(tenant)))
  end)

  it("is described with its start, its author and its planned end", function()
    local status = new(AHEAD)
    assert.equal(
      "urbanos has been in maintenance since 2026-02-11T08:00:00Z by ann@host (R-1); until 2026-02-11T13:00:00Z",
      status.describe(tenant, status.of(tenant))
    )
  end)

  it("is described as overdue", function()
    local status = new(PAST)
    assert.matches("IT SHOULD HAVE ENDED 30 min", status.describe(tenant, status.of(tenant)))
  end)

  it("refuses an action during maintenance, and says how to end it", function()
    local problem = raised(new(AHEAD).refuse, tenant, "deploy")
    assert.equal("input", problem.kind)
    assert.matches("deploy refused: urbanos has been in maintenance", problem.message)
    assert.equal("o2x run maintenance urbanos mode=off --confirm=urbanos", problem.hint)
  end)

  it("refuses nothing otherwise", function() new(nil).refuse(tenant, "deploy") end)
end)

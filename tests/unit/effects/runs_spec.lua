local api = require "tests.support.api"

local function past(fields)
  local run = {
    id = "R-9",
    tenant = "acme",
    runbook = { name = "deploy" },
    status = "done",
    params = { image = "v1" },
    effects = {
      { kind = "helm.release", key = "acme-sso", outcome = "changed", before = 1, after = 2, info = "no", at = "t" },
    },
  }
  for name, value in pairs(fields or {}) do
    run[name] = value
  end
  return run
end

local function open(run)
  local runs, ctx = api "runs"
  function ctx.run_store()
    return {
      find = function(_, word) return "R-" .. word end,
      look = function(_, id)
        assert.equal("R-9", id)
        return run
      end,
    }
  end
  return runs
end

describe("o2x.runs", function()
  it("gives the time that is in the run's id, for names", function()
    local runs, ctx = api "runs"
    ctx.stamp_of_the_run = function() return "20260210-120000" end
    assert.equal("20260210-120000", runs.stamp())
  end)

  it("says which run this is, and whose", function()
    local current = api("runs").current()
    assert.equal("R-1", current.id)
    assert.is_true(#current.user > 0 and #current.host > 0)
  end)

  it("finds an earlier run of the tenant with what it changed", function()
    local found = open(past()).find "9"
    assert.same({ "R-9", "deploy", "done" }, { found.id, found.runbook, found.status })
    assert.same(
      { { kind = "helm.release", key = "acme-sso", outcome = "changed", before = 1, after = 2, at = "t" } },
      found.effects
    )
  end)

  it("shows no run of another tenant", function()
    local ok, err = pcall(open(past { tenant = "other" }).find, "9")
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches("other", err.message)
  end)

  it("says that a run's records are damaged", function()
    local ok, err = pcall(open(past { damaged = { kind = "failed" } }).find, "9")
    assert.is_false(ok)
    assert.equal("failed", err.kind)
  end)
end)

-- A smoke test of a tenant in maintenance asked its stopped services, and waited a minute for each of ten checks; the
-- report did not say why all was red. After a login that failed, each check that needs one logged in again.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("a smoke test", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  -- How often the servers were asked by requests that have a text, since the lab started.
  local function asked(text)
    local number = 0
    for line, times in pairs(json.decode(lab:o2x({ "lab", "requests", "--json" }).stdout)) do
      if line:find(text, 1, true) then number = number + times end
    end
    return number
  end

  local function smoke()
    local result = lab:o2x { "smoke", "urbanos", "--json" }
    local rows, report = {}, json.decode(result.stdout)
    for _, row in ipairs(report.result) do
      rows[row.check] = row
    end
    return result.code, rows, report
  end

  it("does not log in again after a login that failed, and says the remedy once", function()
    local before = asked "GET /v1/secret/data/tenant/urbanos/admin"
    local code, rows, report = smoke()
    assert.equal(1, code)
    assert.equal(1, asked "GET /v1/secret/data/tenant/urbanos/admin" - before)
    assert.matches("administrator's password is unknown", rows["Admin user can log in"].found)
    assert.matches("not tried: the administrator cannot log in", rows["Invoice PDF"].found)
    assert.is_true(rows["Gateway integrations authenticated"].ok)
    local _, times = report.error.hint:gsub("admin=reset", "")
    assert.equal(1, times)
  end)

  it("of a tenant in maintenance says since when and by whom, and asks nothing of its services", function()
    local on = lab:o2x { "maintenance", "urbanos", "mode=on", "--confirm=urbanos" }
    assert.equal(0, on.code, on.stderr)
    local proxied, page = asked "/proxy", asked "ingress "
    local code, rows = smoke()
    assert.equal(2, code)
    assert.equal(0, asked "/proxy" - proxied)
    assert.equal(0, asked "ingress " - page)
    assert.is_false(rows["In service"].ok)
    assert.matches("urbanos has been in maintenance since 20%S+ by %S+@%S+ %(R%-", rows["In service"].found)
    for _, name in ipairs {
      "Services are stopped",
      "Maintenance page is up",
      "Database connectivity",
      "Vault secrets accessible",
      "Redis connection",
      "ActiveMQ queues",
    } do
      assert.is_true(rows[name].ok, name)
      rows[name] = nil
    end
    rows["In service"] = nil
    assert.is_nil(next(rows))
    local text = lab:o2x { "smoke", "urbanos" }
    assert.matches("to end it: %S*o2x run maintenance urbanos mode=off %-%-confirm=urbanos", text.stderr)
  end)

  it("fails when something is not as it should be in maintenance", function()
    lab:out("kubectl", "scale", "deployment", "urbanos-service-billing", "--replicas=1")
    local code, rows, report = smoke()
    assert.equal(1, code)
    assert.equal("urbanos-service-billing has 1 replicas", rows["Services are stopped"].found:match "urbanos%-.*")
    assert.matches("in maintenance since .* 1 of 6 checks failed: Services are stopped", report.error.message)
  end)

  it("tests everything again after it", function()
    local off = lab:o2x { "maintenance", "urbanos", "mode=off", "--confirm=urbanos" }
    assert.equal(0, off.code, off.stderr)
    local _, rows = smoke()
    assert.is_nil(rows["In service"])
    assert.is_true(rows["All pods are running and healthy"].ok)
  end)
end)

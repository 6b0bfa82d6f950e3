local errors = require "o2x.base.error"
local stdlib = require "tests.support.stdlib"

describe("stdlib.diagnose.findings", function()
  local findings = stdlib.new().require "diagnose.findings"

  -- A list with one finding.
  local function with(severity, subject)
    local found = findings.new()
    findings.add(found, severity, subject or "s", "f", "e", { mend = "x" })
    return found
  end

  it("records a finding with its chapter", function()
    local found = findings.new()
    found.area = "pods"
    findings.add(found, "warning", "service-sso", "is slow", "2 s", { mend = "scale it" })
    local row = found.list[1]
    assert.same({ "warning", "pods", "service-sso" }, { row.severity, row.area, row.subject })
    assert.same({ "is slow", "2 s", "scale it" }, { row.finding, row.evidence, row.fix })
  end)

  it("keeps the commands beside the words, and never cuts one", function()
    local found, long = findings.new(), "o2x " .. ("x"):rep(400)
    findings.add(found, "note", "s", "f", "e", { say = "fill it", mend = long, look = "kubectl get pods" })
    local row = found.list[1]
    assert.same({ long, "kubectl get pods" }, { row.mend, row.look })
    assert.equal("fill it, then: " .. long .. "; see: kubectl get pods", row.fix)
    findings.add(found, "note", "s", "f", "e", { look = "kubectl get pods" })
    assert.equal("kubectl get pods", found.list[2].fix)
    assert.has_error(function() findings.add(found, "note", "s", "f", "e", {}) end)
  end)

  it("puts evidence on one line and cuts it", function()
    local found = findings.new()
    findings.add(found, "note", "s", "f", "a\n  b" .. ("x"):rep(400), { say = "x" })
    assert.matches("^a bxx", found.list[1].evidence)
    assert.is_true(#found.list[1].evidence < 310)
  end)

  it("marks missing evidence", function()
    local found = findings.new()
    findings.add(found, "note", "s", "f", nil, { say = "x" })
    assert.equal("-", found.list[1].evidence)
  end)

  it("ranks the worst first, otherwise in order", function()
    local rows =
      findings.ranked { with("note", "1"), with("critical", "2"), with("warning", "3"), with("critical", "4") }
    local subjects = {}
    for i, row in ipairs(rows) do
      subjects[i] = row.subject
    end
    assert.same({ "2", "4", "3", "1" }, subjects)
  end)

  it("counts by severity", function()
    local rows = findings.ranked { with "critical", with "note", with "critical" }
    assert.equal("2 critical, 1 note", findings.summary(rows))
    assert.equal("no findings", findings.summary {})
  end)

  it(
    "formats a finding for people",
    function()
      assert.equal(
        "WARNING   s: f\n          evidence: e\n          fix: x",
        findings.text(findings.ranked { with "warning" })
      )
    end
  )

  it("reports a check that cannot run, and goes on", function()
    local found = findings.new()
    assert.is_false(findings.check(found, "Redis", { look = "redis-cli PING" }, function() error("no route", 0) end))
    local row = found.list[1]
    assert.same({ "critical", "cannot be checked", "no route" }, { row.severity, row.finding, row.evidence })
  end)

  it("has another remedy for a table that is gone", function()
    for code, look in pairs { ["42P01"] = "restore", ["3F000"] = "restore", ["08001"] = "psql" } do
      local found = findings.new()
      found.restore = { look = "restore" }
      findings.check(
        found,
        "s",
        { look = "psql" },
        function() errors.raise { kind = "failed", message = "m", code = code } end
      )
      assert.equal(look, found.list[1].look)
    end
  end)

  it("passes a check's arguments on", function()
    local got
    assert.is_true(findings.check(findings.new(), "s", { look = "x" }, function(...) got = { ... } end, 1, 2))
    assert.same({ 1, 2 }, got)
  end)
end)

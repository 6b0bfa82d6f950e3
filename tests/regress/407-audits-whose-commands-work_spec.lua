-- An audit proposed `rm` for a folder, and the runbook for what keeps the runbook from running. It looked at all
-- tenants before it found that its report could not be written, and then showed nothing. A volume claim that somebody
-- had made larger was in the way of every run.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local paste = require "tests.support.proposed.paste"

local LARGER <const> = '{"spec":{"resources":{"requests":{"storage":"500Gi"}}}}'

describe("an audit", function()
  local lab
  setup(function()
    lab = labs.start()
    ok(lab:o2x { "run", "onboard", "newclient", "--quiet" })
  end)
  teardown(function() lab:stop() end)

  local function findings()
    local result = lab:o2x { "audit", "newclient", "--json" }
    return json.decode(result.stdout).tenants[1].findings
  end

  it("removes a folder as a folder", function()
    local folder = fs.join(lab.env.O2X_PLATFORM, "core/helm_values/newclient/-old")
    fs.mkdir(folder)
    fs.write(folder .. "/x", "")
    local found = findings()
    assert.equal(1, #found)
    paste.works(lab, found[1].mend)
    assert.is_false(fs.exists(folder))
    assert.same({}, findings())
  end)

  it("does not propose the run that what it found keeps from running", function()
    local path = fs.join(lab.env.O2X_PLATFORM, "core/helm_values/newclient/jobs-common.yaml")
    local text = fs.read(path)
    fs.write(path, "{[\n")
    local found = findings()
    assert.is_true(#found > 0)
    for _, finding in ipairs(found) do
      assert.equal("in the way", finding.way)
      assert.is_nil(finding.mend)
      assert.is_string(finding.hint)
    end
    fs.write(path, text)
    assert.same({}, findings())
  end)

  it("has no finding of a claim that was made larger, and neither has a run", function()
    lab:kubectl("patch", "pvc", "newclient-data-pvc", "--patch", LARGER, "-o", "json")
    assert.same({}, findings())
    lab:out("kubectl", "label", "pvc", "newclient-data-pvc", "app.kubernetes.io/managed-by-")
    assert.equal("different", findings()[1].way)
    ok(lab:o2x { "run", "onboard", "newclient", "--quiet" })
    assert.same({}, findings())
    local claim = lab:kubectl("get", "pvc", "newclient-data-pvc", "-o", "json")
    assert.equal("500Gi", claim.spec.resources.requests.storage)
  end)

  it("looks where its report goes before it looks at tenants", function()
    for _, path in ipairs { "", "/nowhere/report.md", lab.env.O2X_PLATFORM } do
      local result = lab:o2x { "audit", "newclient", "--report=" .. path }
      assert.equal(3, result.code, result.stderr)
      assert.equal("", result.stdout)
      assert.matches(path == "" and "%-%-report is empty" or "%-%-report: ", result.stderr)
    end
  end)
end)

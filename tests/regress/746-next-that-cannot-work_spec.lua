-- What was proposed and could not work: words that had just been refused as wrong, for one tenant and for a fleet; and,
-- while the control database is down, commands without --local-lock.

local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local shell = require "o2x.base.shell"

describe("what is proposed after a failure", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function next_of(result) return result.stderr:match "next: %S*o2x ([^\n]*)\n$" end
  local function by_shell(command) return lab:run { "sh", "-c", shell.quote(labs.O2X) .. " " .. command } end

  local WRONG <const> = {
    { "scale", "urbanos", "service=nosuch", "replicas=2" },
    { "scale", "urbanos", "service=service-billing", "replicas=-3" },
    { "scale", "--tenants=urbanos,demo", "service=nosuch", "replicas=2" },
    { "rollback", "urbanos", "--confirm=urbanos" },
    { "rollback", "urbanos", "services=service-billing", "--confirm=urbanos" },
    { "restore", "urbanos", "--confirm=urbanos" },
  }
  for _, words in ipairs(WRONG) do
    it("is not the same again where its words were wrong: " .. table.concat(words, " "), function()
      local result = lab:o2x(words)
      assert.equal(3, result.code, result.stderr)
      assert.is_nil(next_of(result), result.stderr)
    end)
  end

  it("does without the lock what can be done without", function()
    ok(lab:o2x { "run", "maintenance", "urbanos", "mode=on", "--confirm=urbanos" })
    lab:o2x { "lab", "fault", "postgres", "down" }
    lab:o2x { "lab", "fault", "k8s", "500", "times=1000", "match=urbanos-crm-gateway/scale" }
    local words = { "maintenance", "urbanos", "mode=off", "--confirm=urbanos", "--set=retry.seconds=1" }
    local without = lab:o2x(words)
    assert.equal(4, without.code, without.stderr)
    local proposed = next_of(without)
    assert.matches("%-%-local%-lock", proposed)
    local failed = by_shell(proposed)
    assert.equal(1, failed.code, failed.stderr)
    lab:o2x { "lab", "fault", "k8s", "off" }
    local back = failed.stderr:match "to go back: %S*o2x ([^\n]*)"
    assert.matches("^undo .*%-%-local%-lock", back)
    local resumed = ok(by_shell(next_of(failed)))
    assert.matches("done  maintenance urbanos", resumed.stderr)
    local fleet = lab:o2x { "scale", "--tenants=urbanos", "service=service-billing", "replicas=3" }
    assert.equal(4, fleet.code)
    ok(by_shell(next_of(fleet)))
    assert.equal(3, lab:kubectl("get", "deploy", "urbanos-service-billing", "-o", "json").spec.replicas)
    lab:o2x { "lab", "fault", "postgres", "off" }
  end)

  it("begins a severe run again as it is typed: with its confirmation", function()
    lab:o2x { "lab", "fault", "k8s", "500", "times=1000", "match=secrets" }
    local words = { "run", "rollback", "urbanos", "--confirm=urbanos", "--set=retry.seconds=1" }
    assert.equal(4, lab:o2x(words).code)
    lab:o2x { "lab", "fault", "k8s", "off" }
    local again = lab:o2x({ "show" }).stdout:match "to start it again: %S*o2x ([^\n]*)"
    assert.matches("%-%-confirm=urbanos", again)
    local refused = by_shell(again).stderr
    assert.matches("no release with an earlier revision", refused)
    local found = by_shell((refused:match "what is wrong: %S*o2x ([^\n]+)"))
    assert.is_true(found.code == 0 or found.code == 2, found.stderr)
  end)
end)

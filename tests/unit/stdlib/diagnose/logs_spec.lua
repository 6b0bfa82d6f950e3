local chapters = require "tests.support.chapters"

describe("stdlib.diagnose.logs", function()
  local function pod(name, changes)
    local made = {
      metadata = { name = name, namespace = "default", labels = { app = "urbanos-service-billing" } },
      status = { phase = "Running", containerStatuses = { { state = { running = {} } } } },
    }
    for key, value in pairs(changes or {}) do
      made.status[key] = value
    end
    return made
  end

  -- The findings for service-billing with these pods: name → log.
  local function run(logs, pods)
    if not pods then
      pods = {}
      for name in pairs(logs) do
        pods[#pods + 1] = pod(name)
      end
      table.sort(pods, function(a, b) return a.metadata.name < b.metadata.name end)
    end
    return chapters.run("logs", { k8s = { logs = function(name) return logs[name] end } }, { pods = pods })
  end

  local EXHAUSTED = "2026-02-11T11:59:00Z ERROR HikariPool-1 - Connection is not available\n"

  it("finds nothing in a log without errors", function() assert.same({}, run { a = "INFO fine\nno error here\n" }) end)

  it("names a known problem", function()
    local found, rows = run { a = EXHAUSTED }
    assert.same({ "critical service-billing: its log reports: no free database connection" }, found)
    assert.matches("HikariPool", rows[1].evidence)
  end)

  it(
    "reports a problem once, however many lines and pods have it",
    function() assert.equal(1, #run { a = EXHAUSTED .. EXHAUSTED:gsub("59", "58"), b = EXHAUSTED }) end
  )

  it("recognises each known problem", function()
    local lines = {
      ["FATAL: password authentication failed for user app"] = "the database rejects the login",
      ["FATAL: sorry, too many connections"] = "the database has no connections left",
      ["java.lang.OutOfMemoryError: heap"] = "Java is out of memory",
      ["Vault: permission denied"] = "Vault denies access",
      ["QUICKBOOKS: 401 Unauthorized: Token expired"] = "a provider reports that the token has expired",
      ["STRIPE: Invalid credentials"] = "a provider rejects the credentials",
      ["AVALARA: 401 Unauthorized"] = "a provider rejects the credentials",
      ["S3Exception: Access Denied"] = "S3 denies access",
      ["AccessDenied on bucket"] = "S3 denies access",
      ["S3 upload failed"] = "uploads to S3 fail",
      ["Template invoice not found"] = "a template is missing",
      ["Payment P-1 failed"] = "payments fail",
      ["Billing run failed"] = "billing fails",
      ["PDF rendering failed"] = "invoice documents fail",
    }
    for line, problem in pairs(lines) do
      assert.matches("its log reports: " .. problem .. "$", run({ a = "ERROR " .. line .. "\n" })[1])
    end
  end)

  it("counts other errors", function()
    local found = run { a = "ERROR one\nERROR two\n" }
    assert.same({ "warning service-billing: its log has 2 errors" }, found)
  end)

  it(
    "counts a line that several pods have once",
    function()
      assert.same({ "warning service-billing: its log has 1 errors" }, run { a = "ERROR one\n", b = "ERROR one\n" })
    end
  )

  it("ignores errors older than six hours", function()
    assert.same({}, run { a = "2026-02-11T05:59:00Z ERROR old\n" })
    assert.same({}, run { a = '{"timestamp": "2026-02-11T05:00:00Z", "level": "ERROR"}\n' })
  end)

  it("does not take a word that contains ERROR for one", function() assert.same({}, run { a = "TERRORS none\n" }) end)

  it("skips a crashing service, which is a finding of its own", function()
    local waiting = { containerStatuses = { { state = { waiting = {} } } } }
    assert.same({}, run({ a = EXHAUSTED, b = EXHAUSTED }, { pod "a", pod("b", waiting) }))
  end)

  it(
    "skips a pod that is not running",
    function() assert.same({}, run({ a = EXHAUSTED }, { pod("a", { phase = "Pending" }) })) end
  )
end)

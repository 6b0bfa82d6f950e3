local captured = require "tests.support.captured"
local ending = require "o2x.cli.ending"
local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local proposed = require "o2x.report.proposed"

local COUNTS <const> = { created = 2, changed = 0, deleted = 1, unchanged = 3, recalled = 4 }

local function run(fields)
  local this = {
    id = "R-1",
    mode = "apply",
    runbook = { name = "build" },
    tenant_name = "acme",
    report = { counts = COUNTS },
    config = { warnings = function() return {} end },
  }
  for name, value in pairs(fields or {}) do
    this[name] = value
  end
  return this
end

describe("the last line of a run", function()
  -- -> exit code, standard output, standard error
  local function conclude(status, err, options, fields)
    local code
    local stdout, stderr = captured(function() code = ending.conclude(run(fields), status, err, options or {}, 1.5) end)
    return code, stdout, stderr
  end

  it("says what was done, how long it took, and what to type next", function()
    local code, stdout, stderr = conclude "done"
    assert.equal(0, code)
    assert.equal("", stdout)
    assert.equal(
      "done  build acme: 2 created, 0 changed, 1 deleted, 7 unchanged in 1.5 s; next: o2x show R-1\n",
      stderr
    )
  end)

  it("of one that failed comes after the error", function()
    local err = errors.new { kind = "failed", message = "no", step = "Paint" }
    local code, _, stderr = conclude("failed", err, nil, { wrote = true })
    assert.equal(1, code)
    assert.matches("^o2x: Paint: no\nfailed  build acme.*next: o2x resume R%-1\n$", stderr)
  end)

  it("of one that wrote nothing has the command that was typed: there is nothing to go on with", function()
    proposed.called("o2x", { "build", "acme", "size=a b", "--set=x=1" }, { run = true, resume = true })
    local err = errors.new { kind = "failed", message = "no", step = "Paint" }
    local _, _, stderr = conclude("failed", err)
    proposed.called("o2x", {}, {})
    assert.matches("next: o2x run %-%-set=x=1 build acme 'size=a b'\n$", stderr)
  end)

  it("of one that was interrupted is no complaint", function()
    local code, _, stderr = conclude("interrupted", errors.cancelled)
    assert.equal(130, code)
    assert.matches("^interrupted  build", stderr)
  end)

  it(
    "has the exit code that the runbook gave with its output",
    function()
      assert.equal(2, (conclude("done", nil, { json = true }, { output = { columns = {}, rows = {}, exit = 2 } })))
    end
  )

  it("is JSON with the error where there is one", function()
    local err = errors.new { kind = "failed", message = "no", hint = "do that", step = "Paint" }
    local _, stdout = conclude("failed", err, { json = true })
    assert.same({ kind = "failed", message = "no", hint = "do that", step = "Paint" }, json.decode(stdout).error)
  end)

  it("is JSON when asked for", function()
    local _, stdout = conclude("done", nil, { json = true })
    local given = json.decode(stdout)
    assert.same({ "R-1", "done", "build", "acme", "o2x show R-1" }, {
      given.run,
      given.status,
      given.runbook,
      given.tenant,
      given.next,
    })
  end)
end)

describe("ending.counts", function()
  it("always has changed and unchanged, the others where there are some", function()
    assert.equal("0 changed, 0 unchanged", ending.counts { created = 0, changed = 0, deleted = 0, unchanged = 0 })
    assert.equal("2 created, 0 changed, 1 deleted, 7 unchanged", ending.counts(COUNTS))
  end)
end)

describe("the command that starts a run", function()
  local plain = { runbook = {}, tenant_name = "alpha" }

  it(
    "is what a shell takes, values and files with blanks and quotes too",
    function()
      assert.equal(
        "o2x run tend alpha 'note=it'\\''s late' '--secrets=my secrets.yaml'",
        ending.run_command(plain, { "tend", "alpha", "note=it's late" }, { secrets = "my secrets.yaml" })
      )
    end
  )

  it("keeps what the plan was asked with, and confirms a severe runbook", function()
    local severe = { runbook = { severe = true }, tenant_name = "alpha" }
    assert.equal(
      "o2x run tend alpha --standard --confirm=alpha",
      ending.run_command(severe, { "tend", "alpha" }, { standard = true })
    )
  end)
end)

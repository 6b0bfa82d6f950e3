-- An audit finds what is wrong with a tenant, nothing else, and what it proposes mends it.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local paste = require "tests.support.proposed.paste"
local seeds = require "tests.support.seeds"

local HEALTHY <const> = { "newclient", "acme-sbx", "coopeg-prd", "coopeg-sbx", "demo", "dev", "urbanos" }
local TAKES_OVER <const> = { urbanos = "--take-over=monitoring/PrometheusRule/urbanos-alerts" }

describe("an audit", function()
  local lab
  setup(function()
    lab = labs.start()
    local secrets = fs.read(fs.join(lab.env.O2X_SECRETS, "newclient.yaml"))
    for _, name in ipairs(HEALTHY) do
      local path = fs.join(lab.env.O2X_SECRETS, name .. ".yaml")
      if not fs.exists(path) then fs.write(path, secrets, { mode = 384 }) end
      local words = { "run", "onboard", name, TAKES_OVER[name] or "--quiet", "admin=reset" }
      ok(lab:o2x(words))
    end
  end)
  teardown(function() lab:stop() end)

  local function audit(...)
    local result = lab:o2x { "audit", "--json", ... }
    return json.decode(result.stdout).tenants, result
  end

  it("finds nothing in seven healthy tenants, and writes nothing", function()
    local before = lab:snapshot "coredb-newclient"
    local tenants, result = audit("--tenants=" .. table.concat(HEALTHY, ","))
    for _, tenant in ipairs(tenants) do
      assert.same({}, tenant.findings)
      assert.is_true(tenant.as_it_should_be > 60)
    end
    assert.equal(0, result.code, result.stderr)
    assert.equal(#HEALTHY, #tenants)
    assert.equal(before, lab:snapshot "coredb-newclient")
  end)

  local function act(what)
    if type(what) == "function" then return what(lab) end
    lab:out(table.unpack(what))
  end

  local function fits(finding, expected)
    local way, part, kind = table.unpack(expected, 1, 3)
    return finding.way == way and finding.what:find(part, 1, true) ~= nil and (not kind or finding.kind == kind)
  end

  -- Is the finding a check that fails because of a seed?
  local function follows(finding)
    for _, seed in ipairs(seeds) do
      for _, pattern in ipairs(finding.way == "failed check" and seed.also or {}) do
        if finding.what:find(pattern) then return true end
      end
    end
    return false
  end

  -- The findings that nobody expected, and what was expected and not found.
  local function compare(findings)
    local seen, wrong = {}, {}
    for _, seed in ipairs(seeds) do
      for _, expected in ipairs(seed.finds) do
        local found = 0
        for i, finding in ipairs(findings) do
          if fits(finding, expected) and not seen[i] then
            found, seen[i] = found + 1, seed
          end
        end
        if found ~= 1 then wrong[#wrong + 1] = ("%s: %d times %s"):format(seed.what, found, expected[2]) end
      end
    end
    for i, finding in ipairs(findings) do
      if not seen[i] and not follows(finding) then
        wrong[#wrong + 1] = ("nobody did this: %s %s: %s"):format(finding.way, finding.what, finding.diff[1] or "")
      end
    end
    return wrong
  end

  -- Each command once. One that takes over comes first: it is the same run, and nothing is in its way.
  local function commands_of(findings)
    local first, later, seen = {}, {}, {}
    for _, finding in ipairs(findings) do
      local command = finding.mend
      if command and not seen[command] and not command:find "^vault " then
        table.insert(command:find("--take-over", 1, true) and first or later, command)
        seen[command] = true
      end
    end
    return table.move(later, 1, #later, #first + 1, first)
  end

  it("finds what somebody did in each place and each way, and nothing else; its commands mend it", function()
    for _, seed in ipairs(seeds) do
      act(seed.by)
    end
    local tenants, result = audit "newclient"
    assert.equal(2, result.code, result.stderr)
    assert.same({}, compare(tenants[1].findings))
    assert.same({}, tenants[1].unseen)
    assert.is_nil(result.stdout:find("sk_edited_by_hand", 1, true))
    for _, seed in ipairs(seeds) do
      if seed.back then act(seed.back) end
    end
    for _, command in ipairs(commands_of(tenants[1].findings)) do
      paste.works(lab, command)
    end
    assert.same({}, audit("newclient")[1].findings)
    assert.is_true(#seeds >= 40, #seeds .. " seeds")
  end)

  it("counts what was in a database that is gone, and lists it once", function()
    act(seeds.psql("postgres", 'drop database "coredb-acme-sbx" with (force)'))
    local report = audit("acme-sbx")[1]
    assert.equal("missing", report.findings[1].way)
    assert.equal("pg.database", report.findings[1].kind)
    assert.is_true(report.inside > 10, report.inside .. " things in it")
    for _, finding in ipairs(report.findings) do
      assert.is_true(finding == report.findings[1] or finding.way == "failed check" or finding.kind == "vault.secret")
    end
    paste.works(lab, report.findings[1].mend)
    assert.same({}, audit("acme-sbx")[1].findings)
  end)

  it("finds the registry's row under another name, and gives it its name back", function()
    act(seeds.psql("enginedevdb", "update core_config.tenant set name = 'demo-old' where name = 'demo'"))
    local report = audit("demo")[1]
    assert.equal(1, #report.findings)
    assert.equal("renamed", report.findings[1].way)
    assert.matches("name: demo%-old → demo", report.findings[1].diff[1])
    paste.works(lab, report.findings[1].mend)
    assert.same({}, audit("demo")[1].findings)
  end)

  it("finds what is left of a tenant without a file, and nothing of one whose name begins alike", function()
    for _, seed in ipairs(seeds.orphan) do
      act(seed.by)
    end
    local found
    for _, report in ipairs(audit "--all") do
      if report.orphan then
        assert.is_nil(found)
        found = report
      end
    end
    assert.equal("newclient-old", found.tenant)
    assert.equal(#seeds.orphan, #found.findings)
    for _, seed in ipairs(seeds.orphan) do
      local mended
      for _, finding in ipairs(found.findings) do
        if finding.what:find(seed.finds, 1, true) then
          mended = true
          if not seed.back then paste.works(lab, finding.mend) end
        end
      end
      assert.is_true(mended, seed.finds)
      if seed.back then act(seed.back) end
    end
    for _, report in ipairs(audit "--all") do
      assert.is_nil(report.orphan)
    end
  end)

  it("finds what the cluster is deleting, though all of it is still there", function()
    lab:out("kubectl", "delete", "pvc", "coopeg-sbx-data-pvc", "--wait=false")
    local report = audit("coopeg-sbx")[1]
    assert.equal(1, #report.findings)
    assert.matches(
      "coopeg%-sbx%-data%-pvc is being deleted since .* held by kubernetes.io/pvc%-protection",
      report.findings[1].is
    )
    paste.works(lab, report.findings[1].hint:match "kubectl get .- %-o yaml")
  end)
end)

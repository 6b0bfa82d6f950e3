-- An audit finds what somebody did in each place of a tenant and in each way, and what it proposes mends it.

local audits = require "tests.support.audits"

local BATCHES <const> = {
  "structure",
  "cluster",
  "people",
  "rest",
  "lost_migration",
  "registry",
  "registry_renamed",
  "database_renamed",
}
local NAMES <const> = { "newclient", "acme-sbx", "demo" }

describe("an audit of all places", function()
  local lab
  setup(function() lab = audits.healthy(NAMES) end)
  teardown(function() lab:stop() end)
  before_each(function() lab.memory:restore "healthy" end)

  for _, batch in ipairs(BATCHES) do
    local seeds = require("tests.support.seeds." .. batch)
    it(("finds %d things of %s, nothing else, and how they are mended"):format(#seeds, batch), function()
      audits.plays(lab, "newclient", seeds)
      for _, other in ipairs { "acme-sbx", "demo" } do
        assert.same({}, audits.audit(lab, other)[1].findings)
      end
    end)
  end

  it("proposes nothing where the registry has the tenant's id for what may be another tenant", function()
    local sql = "update core_config.tenant set name = 'other', vaultpath = 'tenant/other' where name = 'newclient'"
    lab:sql("enginedevdb", sql)
    local report = audits.audit(lab, "newclient")[1]
    assert.equal(1, #report.findings)
    assert.equal("in the way", report.findings[1].way)
    assert.is_nil(report.findings[1].mend)
    assert.matches("find out whose it is", report.findings[1].hint)
  end)

  it(
    "proposes to drop nothing that was renamed, and nothing where two databases say that they are one tenant's",
    function()
      lab:sql("postgres", 'alter database "coredb-newclient" rename to "coredb-newclient-old"')
      lab:sql("enginedevdb", "update core_config.tenant set name = 'demo-old' where name = 'demo'")
      for _, report in ipairs(audits.audit(lab, "--all")) do
        assert.is_nil(report.orphan)
      end
      lab:sql("postgres", 'create database "before" template "coredb-newclient-old"')
      local report = audits.audit(lab, "newclient")[1]
      assert.equal(2, #report.findings)
      for _, finding in ipairs(report.findings) do
        assert.equal("renamed", finding.way)
        assert.is_nil(finding.mend)
        assert.matches("before, coredb%-newclient%-old", finding.hint)
      end
      lab:sql("postgres", 'drop database "before"')
    end
  )

  it("says in one finding that there is nothing of a tenant", function()
    local fs, folder = require "o2x.base.fs", lab.env.O2X_PLATFORM .. "/tenants/"
    local text = fs.read(folder .. "newclient.yaml"):gsub("newclient", "fresh-one")
    fs.write(folder .. "fresh-one.yaml", text)
    local report = audits.audit(lab, "fresh-one")[1]
    assert.equal(1, #report.findings)
    assert.equal("tenant fresh-one", report.findings[1].what)
    assert.equal("o2x run onboard fresh-one", report.findings[1].mend:match "o2x run.*")
  end)

  for _, fault in ipairs { { "vault", "sealed" }, { "k8s", "403", "times=500" }, { "postgres", "down" } } do
    it(("says what it could not look at, and goes on: %s %s"):format(fault[1], fault[2]), function()
      assert.equal(0, lab:o2x({ "lab", "fault", table.unpack(fault) }).code)
      local reports, result = audits.audit(lab, "newclient")
      lab:o2x { "lab", "fault", fault[1], "off" }
      assert.equal(4, result.code, result.stderr)
      assert.same({}, reports[1].findings)
      assert.is_true(#reports[1].unseen > 0)
    end)
  end
end)

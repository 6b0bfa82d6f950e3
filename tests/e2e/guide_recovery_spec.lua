-- Checklists for bad days: data that are saved and brought back, pods that start anew, histories that are repaired.
-- What is printed is run by bash as it stands, and leaves what the runbook would leave.

local by_hand = require "tests.support.by_hand"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local TENANT <const>, DATABASE <const> = "urbanos", "coredb-urbanos"
local URL <const> = "s3://embrix-development-data/TIDLT-100005/by-hand.dump"

describe("a bad day by hand", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function follow(runbook, ...) return by_hand.follow(lab, by_hand.print(lab, runbook, TENANT, ...)) end

  local function totals(...)
    local plan = json.decode(ok(lab:o2x { "plan", "--json", ... }).stdout)
    assert.same({}, plan.problems)
    return { plan.totals.create, plan.totals.change, plan.totals.delete }
  end

  local function deployed(field)
    return lab:out("kubectl", "get", "deployment", "urbanos-service-sso", "-o", "jsonpath=" .. field)
  end

  local function flags() return lab:sql(DATABASE, "select count(*) from core_config.feature_flags") end

  local function snapshots()
    local text = lab:aws("rds", "describe-db-snapshots", "--output", "json")
    return json.decode(text).DBSnapshots
  end

  it("restarts a service", function()
    local before = deployed "{.spec.template}"
    follow("restart", "services=service-sso")
    assert.are_not.equal(before, deployed "{.spec.template}")
    assert.matches("restartedAt", deployed "{.spec.template.metadata.annotations}")
    assert.equal(deployed "{.status.replicas}", deployed "{.status.readyReplicas}")
  end)

  it("vacuums the tables", function()
    follow "vacuum"
    assert.same({ 0, 0, 0 }, totals("vacuum", TENANT))
  end)

  it("repairs the history of the migrations", function()
    local rows = "select version, checksum from public.flyway_schema_history order by 1"
    local before = lab:sql(DATABASE, rows)
    local sql = "update public.flyway_schema_history set checksum = checksum + 1 where version is not null"
    lab:sql(DATABASE, sql)
    assert.are_not.same({ 0, 0, 0 }, totals("migrations-repair", TENANT))
    follow "migrations-repair"
    assert.same({ 0, 0, 0 }, totals("migrations-repair", TENANT))
    assert.equal(before, lab:sql(DATABASE, rows))
  end)

  it("rolls a release back", function()
    local before = deployed "{.spec.template.spec.containers[0].image}"
    ok(lab:o2x { "run", "deploy", TENANT, "image=v3.0.0", "services=service-sso", "--confirm=urbanos" })
    assert.are_not.equal(before, deployed "{.spec.template.spec.containers[0].image}")
    follow("rollback", "services=service-sso")
    assert.equal(before, deployed "{.spec.template.spec.containers[0].image}")
  end)

  it("takes a snapshot of the server", function()
    local function count() return #snapshots() end
    local before = count()
    follow "backup"
    assert.equal(before + 1, count())
  end)

  it("saves the database in S3, and brings a table back from there", function()
    follow("backup", "to=" .. URL)
    local count = flags()
    assert.are_not.equal("0", count)
    lab:sql(DATABASE, "delete from core_config.feature_flags")
    follow("restore", "archive=" .. URL, "table=core_config.feature_flags")
    assert.equal(count, flags())
  end)

  it("brings the whole database back from S3", function()
    local count = flags()
    lab:sql(DATABASE, "delete from core_config.feature_flags")
    follow("restore", "archive=" .. URL)
    assert.equal(count, flags())
  end)

  it("brings the database back from a snapshot of the server", function()
    local count = flags()
    local all = snapshots()
    local newest = all[#all].DBSnapshotIdentifier
    lab:sql(DATABASE, "delete from core_config.feature_flags")
    follow("restore", "snapshot=" .. newest)
    assert.equal(count, flags())
  end)
end)

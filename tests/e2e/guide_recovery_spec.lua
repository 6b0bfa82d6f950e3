-- Checklists for bad days: data that are saved and brought back, pods that start anew, histories that are repaired.
-- What is printed is run by bash as it stands, and leaves what the runbook would leave.

local by_hand = require "tests.support.by_hand"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local sorted_keys = require "o2x.base.sorted_keys"

local TENANT <const>, DATABASE <const> = "urbanos", "coredb-urbanos"
local URL <const> = "s3://embrix-development-data/TIDLT-100005/%s.dump"

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

  local function lose() lab:sql(DATABASE, "delete from core_config.feature_flags") end

  -- Saves the database in S3. -> what a restore is told
  local function saved(name)
    local url = URL:format(name)
    follow("backup", "to=" .. url)
    return "archive=" .. url
  end

  local function history()
    return lab:sql(
      DATABASE,
      "select script, checksum, success from public.flyway_schema_history order by installed_rank"
    )
  end

  -- The databases that were kept, as o2x finds them.
  local function kept()
    local list = {}
    local listed = ok(lab:o2x { "run", "backup", TENANT, "list=true" })
    for name in (listed.stdout .. listed.stderr):gmatch(DATABASE:gsub("%-", "%%-") .. "%-%-before%-[%w-]+") do
      list[name] = true
    end
    return sorted_keys(list)
  end

  it("saves the database in S3, and brings a table back from there", function()
    local given, count = saved "a-table", flags()
    local script = by_hand.print(lab, "restore", TENANT, given, "table=core_config.feature_flags")
    assert.are_not.equal("0", count)
    for _ = 1, 2 do
      lose()
      by_hand.follow(lab, script)
      assert.equal(count, flags())
    end
    local tables = "select count(*) from pg_tables where schemaname = 'o2x' and tablename like 'by-hand-%feature_flags'"
    assert.equal("2", lab:sql(DATABASE, tables))
  end)

  -- A copy that an attempt before has left goes; what an earlier restore has kept stays.
  it("brings the whole database back from S3", function()
    local rows, count, before, given = history(), flags(), #kept(), saved "all"
    lab:out("createdb", DATABASE .. "--restore-by-hand")
    lose()
    follow("restore", given)
    assert.equal(count, flags())
    assert.equal(rows, history())
    assert.equal(before + 1, #kept())
    assert.equal(deployed "{.spec.replicas}", deployed "{.status.readyReplicas}")
  end)

  it("brings the database back from a snapshot of the server", function()
    follow "backup"
    local all, count, before = snapshots(), flags(), #kept()
    lose()
    follow("restore", "snapshot=" .. all[#all].DBSnapshotIdentifier)
    assert.equal(count, flags())
    assert.equal(before + 1, #kept())
  end)
end)

-- The restore of a tenant's database, of a table, and a backup are undone, looked at with psql.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local DATABASE <const> = "coredb-urbanos"
local TABLE <const> = "core_config.tenant_property_defaults"
local COUNT <const> = "select count(*) from " .. TABLE

describe("undo of a restore", function()
  local lab, folder
  setup(function()
    lab, folder = labs.start(), fs.temp_folder()
    ok(lab:o2x { "run", "backup", "urbanos", "to=" .. fs.join(folder, "u.dump") })
    lab:sql("postgres", ([[comment on database "%s" is 'of the platform team']]):format(DATABASE))
    lab:sql(DATABASE, "delete from " .. TABLE)
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function newest() return json.decode(lab:o2x({ "show", "--json" }).stdout).id end

  local function undo() return ok(lab:o2x { "undo", newest(), "--confirm=urbanos" }) end

  local function names()
    local sql = "select datname, datconnlimit, shobj_description(oid, 'pg_database') from pg_database "
      .. "where datname like 'coredb-urbanos%' order by 1"
    return lab:sql("postgres", sql)
  end

  local function replicas()
    local path = "jsonpath={.items[*].spec.replicas}"
    return lab:out("kubectl", "get", "deploy", "-l", "tenant=urbanos", "-o", path)
  end

  local function restore(...)
    return ok(lab:o2x { "run", "restore", "urbanos", "--confirm=urbanos", "archive=" .. folder .. "/u.dump", ... })
  end

  it("gives the old database its name and comment back", function()
    local before, running = names(), replicas()
    restore()
    assert.equal("2", lab:sql(DATABASE, COUNT))
    undo()
    assert.equal("0", lab:sql(DATABASE, COUNT))
    assert.equal(before, names())
    assert.equal(running, replicas())
    local again = lab:o2x { "undo", newest() }
    assert.truthy(again.stdout:find("the copy was dropped: restore it from its archive again", 1, true), again.stdout)
    assert.truthy(again.stdout:find("which would get its name, is gone", 1, true), again.stdout)
  end)

  it("replaces a table by what it held", function()
    local before = names()
    restore("table=" .. TABLE)
    assert.equal("2", lab:sql(DATABASE, COUNT))
    undo()
    assert.equal("0", lab:sql(DATABASE, COUNT))
    assert.equal(before, names())
  end)

  it("says that the old database is gone", function()
    restore()
    local kept = "coredb-urbanos--before-" .. newest()
    lab:sql("postgres", ('drop database "%s"'):format(kept))
    local plan = ok(lab:o2x { "undo", newest() }).stdout
    assert.truthy(plan:find(kept .. ", which would get its name, is gone", 1, true), plan)
  end)

  it("removes a backup and its note", function()
    local file = fs.join(folder, "second.dump")
    ok(lab:o2x { "run", "backup", "urbanos", "to=" .. file })
    undo()
    assert.is_false(fs.exists(file))
    assert.is_false(fs.exists(file .. ".json"))
  end)
end)

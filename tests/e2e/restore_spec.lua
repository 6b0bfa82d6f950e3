-- Backup and restore of one tenant, looked at with psql, pg_restore and the AWS command line.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local DATABASE = "coredb-urbanos"
local COUNT = "select count(*) from core_config.tenant_property_defaults"
local OTHERS = [[select string_agg(datname || ' ' || oid, ',' order by 1) from pg_database
  where datname <> 'coredb-urbanos' and datname not like 'coredb-urbanos--%']]
local RIGHTS = [[select pg_get_userbyid(datdba), datconnlimit, pg_encoding_to_char(encoding),
  has_database_privilege('appuser', oid, 'connect'), has_database_privilege('appuser', oid, 'create'),
  (select string_agg(setconfig::text, ',' order by 1) from pg_db_role_setting s where setdatabase = d.oid)
  from pg_database d where datname = 'coredb-urbanos']]
local REPLICAS = "jsonpath={.items[*].spec.replicas}"

describe("backup and restore", function()
  local lab, folder
  setup(function()
    lab, folder = labs.start(), fs.temp_folder()
    lab:sql(
      DATABASE,
      [[alter database "coredb-urbanos" set timezone = 'America/Chicago';
      alter role appuser in database "coredb-urbanos" set search_path = core_config, public;
      revoke temporary on database "coredb-urbanos" from public]]
    )
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function refused(result, words)
    assert.equal(3, result.code, result.stdout .. result.stderr)
    assert.is_nil(result.stderr:find("traceback", 1, true))
    assert.truthy(result.stderr:find(words, 1, true), result.stderr)
  end

  local function restore(...) return lab:o2x { "run", "restore", "urbanos", "--confirm=urbanos", ... } end
  local function copies()
    return lab:sql("postgres", "select count(*) from pg_database where datname like 'coredb-urbanos--restore-%'")
  end
  local function spoil() lab:sql(DATABASE, "delete from core_config.tenant_property_defaults") end
  local function aws(...) return lab:aws("rds", ...) end
  local function path(name) return fs.join(folder, name) end

  it("saves into a file that says what is in it, and never over another", function()
    ok(lab:o2x { "run", "backup", "urbanos", "to=" .. path "u.dump" })
    assert.truthy(lab:out("pg_restore", "-l", path "u.dump"):find("TABLE DATA core_config users", 1, true))
    assert.equal(0x180, fs.stat(path "u.dump").mode & 0x1ff)
    local note = json.decode(fs.read(path "u.dump.json"))
    assert.equal(tonumber(lab:sql(DATABASE, "select count(*) from public.account")), note.tables["public.account"].rows)
    local again = lab:o2x { "run", "backup", "urbanos", "to=" .. path "u.dump" }
    assert.equal(1, again.code)
    assert.truthy(again.stderr:find("the file already exists", 1, true))
    refused(lab:o2x { "run", "backup", "urbanos", "to=" .. path "no/such/u.dump" }, "the folder does not exist")
  end)

  it("is killed while it saves, and goes on: one whole archive", function()
    for _, at in ipairs { 2, 3 } do
      local file = path("killed-" .. at)
      local killed = lab:o2x({ "run", "backup", "urbanos", "to=" .. file }, { env = { O2X_KILL_AT = tostring(at) } })
      assert.equal(9, killed.signal)
      ok(lab:o2x { "resume" })
      lab:out("pg_restore", "-f", "/dev/null", file)
      assert.is_false(fs.exists(file .. ".part"))
    end
  end)

  it("can be seen beforehand: the plan reads only", function()
    spoil()
    local before = lab:snapshot(DATABASE)
    local plan = ok(lab:o2x { "plan", "restore", "urbanos", "archive=" .. path "u.dump" })
    assert.equal(before, lab:snapshot(DATABASE))
    assert.truthy(plan.stdout:find("is kept as coredb-urbanos--before-plan", 1, true))
    assert.truthy(plan.stderr:find("the restore takes about", 1, true))
  end)

  it("brings the data back, keeps what was there, and leaves the others alone", function()
    local others, rights = lab:sql("postgres", OTHERS), lab:sql("postgres", RIGHTS)
    local replicas = lab:out("kubectl", "get", "deploy", "-l", "tenant=urbanos", "-o", REPLICAS)
    ok(restore("archive=" .. path "u.dump"))
    assert.equal("2", lab:sql(DATABASE, COUNT))
    assert.equal(rights, lab:sql("postgres", RIGHTS))
    assert.equal(others, lab:sql("postgres", OTHERS))
    assert.equal(replicas, lab:out("kubectl", "get", "deploy", "-l", "tenant=urbanos", "-o", REPLICAS))
    local kept = lab:sql("postgres", "select datname from pg_database where datname like 'coredb-urbanos--before-%'")
    assert.equal("0", lab:sql(kept, COUNT))
    assert.equal("0", copies())
    assert.truthy(lab:o2x({ "run", "backup", "urbanos", "list=true" }).stdout:find(kept, 1, true))
  end)

  -- From here on in maintenance, which is then not the restore's to begin and to end.
  it("leaves a maintenance alone that is on", function()
    ok(lab:o2x { "run", "maintenance", "urbanos", "mode=on", "--confirm=urbanos" })
    spoil()
    ok(restore("archive=" .. path "u.dump"))
    assert.equal("2", lab:sql(DATABASE, COUNT))
    assert.truthy(lab:names("configmap"):find("urbanos-maintenance", 1, true))
  end)

  it("ends sessions that are in the way, those of the tenant's database only", function()
    local password = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json"))).appuser_password
    local function session(database)
      return proc.start {
        argv = { "psql", "-X", "-d", database, "-c", "select pg_sleep(60)" },
        env = {
          PGHOST = lab.env.PGHOST,
          PGPORT = lab.env.PGPORT,
          PGUSER = "appuser",
          PGPASSWORD = password,
        },
      }
    end
    local mine <close> = session(DATABASE)
    local other <close> = session "coredb-shm"
    eventually(
      "both sessions",
      function()
        return lab:sql(
          "postgres",
          [[select count(*) from pg_stat_activity
        where usename = 'appuser' and application_name = 'psql']]
        ) == "2"
      end
    )
    spoil()
    ok(restore("archive=" .. path "u.dump"))
    assert.equal("2", lab:sql(DATABASE, COUNT))
    assert.is_true((mine:status()))
    assert.is_false((other:status()))
  end)

  it("is killed in the middle of its writes and resumed", function()
    for _, at in ipairs { 2, 3, 5, 6, 7 } do -- its effects are the restored copy and the swap
      spoil()
      local killed = lab:o2x(
        { "run", "restore", "urbanos", "--confirm=urbanos", "archive=" .. path "u.dump" },
        { env = { O2X_KILL_AT = tostring(at) } }
      )
      assert.equal(9, killed.signal, "at " .. at)
      ok(lab:o2x { "resume" })
      assert.equal("2", lab:sql(DATABASE, COUNT), "killed at " .. at)
      assert.equal("0", copies(), "killed at " .. at)
    end
  end)

  it("takes an archive of pg_dump's own, without a note", function()
    lab:out("pg_dump", "-Fc", "-d", DATABASE, "-f", path "plain.dump")
    spoil()
    ok(restore("archive=" .. path "plain.dump"))
    assert.equal("2", lab:sql(DATABASE, COUNT))
  end)

  it("brings one table back and nothing else; triggers do not touch it", function()
    spoil()
    lab:sql(
      DATABASE,
      [[update core_config.users set email = 'spoilt@urbanos.example';
      insert into core_config.users (id, userid, password, email)
      values ('new', 'new', '$2b$x', 'new@urbanos.example')]]
    )
    local stamp = lab:sql(DATABASE, "select max(updated_at) from core_config.tenant")
    ok(restore("archive=" .. path "u.dump", "table=core_config.users"))
    assert.equal("admin@urbanos.example", lab:sql(DATABASE, "select string_agg(email, ',') from core_config.users"))
    assert.equal("0", lab:sql(DATABASE, COUNT))
    assert.equal(stamp, lab:sql(DATABASE, "select max(updated_at) from core_config.tenant"))
    local kept = lab:sql(
      DATABASE,
      [[select format('%I.%I', schemaname, tablename) from pg_tables
      where schemaname = 'o2x' and tablename like 'R-%']]
    )
    assert.equal("2", lab:sql(DATABASE, "select count(*) from " .. kept))
    assert.equal("0", copies())
  end)

  -- The step read the copy's fingerprint after it had dropped the copy: killed at 7 and 11, it could never be resumed.
  -- A service that writes to the table between commit and read-back had the same effect. One that writes before the
  -- restore is no reason to stop either: what it wrote is kept with the rest.
  it("brings one table back wherever it is killed, with a service that writes meanwhile", function()
    local words = {
      "run",
      "restore",
      "urbanos",
      "--confirm=urbanos",
      "archive=" .. path "u.dump",
      "table=core_config.tenant_property_defaults",
    }
    local at, stride = 1, build.sanitized and 4 or 1
    while true do
      spoil()
      local killed = lab:o2x(words, { env = { O2X_KILL_AT = tostring(at) } })
      if killed.code == 0 then break end
      assert.equal(9, killed.signal, killed.stderr)
      local restored = lab:sql(DATABASE, COUNT) == "2"
      if restored then
        lab:sql(DATABASE, "update core_config.tenant_property_defaults set property_value = property_value || '!'")
      else
        lab:sql(DATABASE, "insert into core_config.tenant_property_defaults values ('TIDLT-100005', 'late', '1')")
      end
      local resumed = lab:o2x { "resume" }
      assert.equal(0, resumed.code, ("killed at %d: %s"):format(at, resumed.stderr))
      assert.equal("2", lab:sql(DATABASE, COUNT), "killed at " .. at)
      assert.equal("0", copies(), "killed at " .. at)
      at = at + stride
    end
    assert.is_true(at > 12, "only " .. at .. " kill points")
  end)

  it("refuses what is not whole, not this tenant's, not there", function()
    local whole = fs.read(path "u.dump")
    fs.write(path "cut", whole:sub(1, 3000))
    fs.write(path "late", whole:sub(1, -400))
    fs.write(path "changed", whole:sub(1, 20000) .. string.char(whole:byte(20001) ~ 1) .. whole:sub(20002))
    fs.write(path "changed.json", fs.read(path "u.dump.json"))
    fs.write(path "text", "no archive")
    local others = lab:sql("postgres", "select string_agg(datname, ',' order by 1) from pg_database")
    refused(restore("archive=" .. path "cut"), "incomplete or damaged")
    refused(restore("archive=" .. path "late"), "incomplete or damaged")
    refused(restore("archive=" .. path "changed"), "the archive does not match its note")
    refused(restore("archive=" .. path "text"), "incomplete or damaged")
    refused(restore("archive=" .. path "missing"), "the archive does not exist")
    refused(restore("archive=" .. folder), "is a folder")
    refused(restore(), "exactly one of archive=FILE")
    refused(restore("archive=" .. path "u.dump", "table=no.such"), "no table no.such")
    refused(
      lab:o2x { "run", "restore", "shm", "--confirm=shm", "archive=" .. path "u.dump" },
      "holds the data of urbanos (TIDLT-100005), not of shm"
    )
    refused(lab:o2x { "run", "restore", "urbanos", "archive=" .. path "u.dump" }, "--confirm")
    refused(
      lab:o2x { "run", "restore", "dev", "--confirm=dev", "archive=" .. path "u.dump" },
      "registry of all tenants"
    )
    assert.equal("2", lab:sql(DATABASE, COUNT))
    assert.equal(others, lab:sql("postgres", "select string_agg(datname, ',' order by 1) from pg_database"))
  end)

  it("saves to S3 and restores from there, within the tenant's own part of it", function()
    local url = "s3://embrix-development-data/TIDLT-100005/backups/u.dump"
    ok(lab:o2x { "run", "backup", "urbanos", "to=" .. url })
    lab:aws("s3", "cp", url, path "from-s3.dump")
    lab:out("pg_restore", "-f", "/dev/null", path "from-s3.dump")
    assert.equal(1, lab:o2x({ "run", "backup", "urbanos", "to=" .. url }).code)
    ok(lab:o2x { "plan", "restore", "urbanos", "archive=" .. url })
    spoil()
    ok(restore("archive=" .. url))
    assert.equal("2", lab:sql(DATABASE, COUNT))
    refused(
      lab:o2x { "run", "backup", "urbanos", "to=s3://embrix-development-data/TIDLT-100004/u.dump" },
      "is outside what this run may touch"
    )
    refused(restore("archive=s3://embrix-development-data/TIDLT-1000050/u.dump"), "is outside what this run may touch")
    refused(restore("archive=s3://embrix-development-data/TIDLT-100005/none.dump"), "the object does not exist")
    refused(restore("archive=ftp://somewhere/u.dump"), "is not an S3 object")
  end)

  -- ---- from a snapshot ----

  local function snapshots()
    local answer = aws("describe-db-snapshots", "--db-instance-identifier", "embrix-rds-dev-db", "--output", "json")
    return json.decode(answer).DBSnapshots
  end

  local function instances()
    return aws("describe-db-instances", "--query", "DBInstances[].DBInstanceIdentifier", "--output", "text")
  end

  it("takes a snapshot by the guide's name", function()
    ok(lab:o2x { "run", "backup", "urbanos" })
    local one = snapshots()[1]
    assert.matches("^urbanos%-manual%-%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d$", one.DBSnapshotIdentifier)
    assert.equal("available", one.Status)
  end)

  it("brings one tenant back from a snapshot of all, and throws the server away", function()
    local id = snapshots()[1].DBSnapshotIdentifier
    spoil()
    lab:sql("coredb-shm", "update core_config.tenant_profile set city = 'Dallas'")
    ok(restore("snapshot=" .. id))
    assert.equal("2", lab:sql(DATABASE, COUNT))
    assert.equal("Dallas", lab:sql("coredb-shm", "select city from core_config.tenant_profile"))
    assert.equal("embrix-rds-dev-db", instances())
  end)

  it("is killed while the server is made, and finds it again", function()
    spoil()
    local run = lab:start { "run", "restore", "urbanos", "--confirm=urbanos", "at=2099-01-01T00:00:00Z" }
    eventually("the server is being made", function() return instances():find("o2x-restore", 1, true) end)
    run:kill(9)
    proc.wait(run, 60)
    run:close()
    ok(lab:o2x { "resume" })
    assert.equal("2", lab:sql(DATABASE, COUNT))
    assert.equal("embrix-rds-dev-db", instances())
  end)

  it("refuses a snapshot of another tenant, of no tenant, from after", function()
    local id = snapshots()[1].DBSnapshotIdentifier
    refused(lab:o2x { "run", "restore", "shm", "--confirm=shm", "snapshot=" .. id }, "is not named after shm")
    refused(restore("snapshot=nosuch"), "unknown snapshot nosuch")
    refused(restore("at=yesterday"), 'parameter at: "yesterday" is not a time')
    refused(lab:o2x { "run", "restore", "urbanos", "at=yesterday" }, 'parameter at: "yesterday" is not a time')
    refused(restore("at=2020-01-01T00:00:00Z"), "no snapshot from before")
    assert.equal("embrix-rds-dev-db", instances())
  end)
end)

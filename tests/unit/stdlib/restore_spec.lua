local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

describe("stdlib.restore", function()
  local tenant = stdlib.tenant "urbanos"

  describe("check", function()
    local restore = stdlib.new().require "restore"

    it("accepts one source", function() restore.check(tenant, { archive = "u.dump" }) end)

    it("refuses no source, and two", function()
      assert.matches("exactly one of", raised(restore.check, tenant, {}).message)
      assert.matches("exactly one of", raised(restore.check, tenant, { archive = "u", at = "t" }).message)
    end)

    it("refuses the control database", function()
      local problem = raised(restore.check, stdlib.tenant "dev", { archive = "u.dump" })
      assert.equal("input", problem.kind)
      assert.matches("holds the registry of all tenants", problem.message)
    end)
  end)

  describe("find_snapshot", function()
    local SNAPSHOT = { id = "urbanos-manual-1", created = "2026-02-11T09:00:00Z", status = "available" }

    local function new(snapshot)
      return stdlib.new {
        rds = { find = function() return SNAPSHOT end, newest_before = function() return snapshot end },
      }
    end

    it("takes a snapshot by name", function()
      local std = new()
      local found = std.require("restore").find_snapshot(tenant, { snapshot = "urbanos-manual-1" })
      assert.same({ id = SNAPSHOT.id, created = SNAPSHOT.created }, found)
    end)

    it("logs its age", function()
      local std = new()
      std.require("restore").find_snapshot(tenant, { snapshot = "urbanos-manual-1" })
      assert.matches("is from 2026%-02%-11T09:00:00Z, 3 h", std.logs[1])
    end)

    it("takes the newest before a time", function()
      local std = new(SNAPSHOT)
      std.require("restore").find_snapshot(tenant, { at = "2026-02-11T10:00:00Z" })
      assert.equal(stdlib.NOW - 7200, std.called("rds.newest_before")[1][1])
    end)

    it("refuses a time before the first snapshot", function()
      local problem = raised(new(nil).require("restore").find_snapshot, tenant, { at = "2020-01-01T00:00:00Z" })
      assert.matches("urbanos has no snapshot from before 2020", problem.message)
    end)
  end)

  it("creates a temporary server from the snapshot", function()
    local std = stdlib.new { rds = { ensure_server = function() return { address = "a", port = 1, more = {} } end } }
    assert.same({ address = "a", port = 1 }, std.require("restore").create_server(tenant, { id = "S" }))
    assert.same({ { "S" } }, std.called "rds.ensure_server")
  end)

  it("tells URLs from paths", function()
    local restore = stdlib.new().require "restore"
    assert.is_true(restore.is_url "s3://bucket/u.dump")
    assert.is_false(restore.is_url "/backups/u.dump")
  end)

  describe("inspect", function()
    local function new(found)
      return stdlib.new { archive = { examine = function() return found end } }
    end

    local function archive()
      return { database = "coredb-urbanos", created = "2026-02-11T11:00:00Z", tables = 3, rows = 40, bytes = 2 ^ 20 }
    end

    it("asks for a table, and not for an owner: that is the platform's to say", function()
      local std = new(archive())
      std.require("restore").inspect(tenant, "u.dump", "core_config.users")
      assert.same({ { "u.dump", "core_config.users" } }, std.called "archive.examine")
    end)

    it("logs database, age and size", function()
      local std = new(archive())
      std.require("restore").inspect(tenant, "u.dump")
      assert.matches("u.dump holds coredb%-urbanos as of 2026%-02%-11T11:00:00Z, 1 h", std.logs[1])
      assert.matches("3 tables, 40 rows, 1.0 MB compressed", std.logs[2])
    end)

    it("gives the archive the age of its snapshot", function()
      local snapshot = { id = "S", created = "2026-02-11T06:00:00Z" }
      local found = new(archive()).require("restore").inspect(tenant, "u.dump", nil, snapshot)
      assert.equal("2026-02-11T06:00:00Z", found.created)
    end)

    it("copes with a plan, in which there is no dump yet", function()
      local found = new(nil).require("restore").inspect(tenant, "u.dump", "a.b")
      assert.same({ path = "u.dump", table = "a.b" }, found)
    end)
  end)

  describe("check_migrations", function()
    local function check(current, archived)
      local std = stdlib.new {
        pg = { tenant = { rows = function() return current end } },
        archive = { rows = function() return archived end },
      }
      std.require("restore").check_migrations(tenant)
      return std
    end

    local V1, V2 = { script = "V1__a.sql", checksum = 1 }, { script = "V2__b.sql", checksum = 2 }

    it(
      "accepts an archive of an older release",
      function() assert.matches("has 1 migrations, the database 2", check({ V1, V2 }, { V1 }).logs[1]) end
    )

    it(
      "fails for an archive of a newer release",
      function()
        assert.matches(
          "the archive has migration V2__b.sql, which coredb%-urbanos",
          raised(check, { V1 }, { V1, V2 }).message
        )
      end
    )

    it("fails for a migration with another checksum", function()
      local changed = { script = "V1__a.sql", checksum = 9 }
      assert.matches("V1__a.sql", raised(check, { V1 }, { changed }).message)
    end)

    it("has nothing to compare if the database is lost", function() assert.same({}, check({}, { V2 }).logs) end)
  end)

  it("knows whether the tenant is in maintenance", function()
    local restore = stdlib.new().require "restore"
    assert.is_false(restore.in_maintenance(tenant))
  end)

  it("returns the name of the database that the swap keeps", function()
    local std = stdlib.new { archive = { swap = function() return "coredb-urbanos--before-R-1" end } }
    assert.equal("coredb-urbanos--before-R-1", std.require("restore").swap(tenant))
    assert.matches("the old database is kept as coredb%-urbanos%-%-before%-R%-1", std.logs[1])
  end)

  it("restores a single table, and drops the copy in a step of its own", function()
    local std = stdlib.new()
    std.require("restore").restore_table(tenant, { table = "core_config.users" })
    assert.same({ { "core_config.users" } }, std.called "archive.restore_table")
    assert.equal(1, #std.calls)
    std.require("restore").drop_copy()
    assert.equal(1, #std.called "archive.drop_copy")
  end)
end)

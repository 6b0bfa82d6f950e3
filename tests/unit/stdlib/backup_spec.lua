local stdlib = require "tests.support.stdlib"

describe("stdlib.backup", function()
  local tenant = stdlib.tenant "urbanos"
  local MADE = { path = "/tmp/made.dump", at = "2026-02-11T12:00:00Z", bytes = 1000, tables = 3, rows = 40 }

  local function new()
    return stdlib.new { archive = { dump = function() return MADE end, dump_own = function() return MADE end } }
  end

  -- The names of all calls, in order.
  local function story(std)
    local names = {}
    for i, call in ipairs(std.calls) do
      names[i] = call.name
    end
    return table.concat(names, " ")
  end

  it("names a snapshot after the tenant and the time", function()
    local std = stdlib.new { runs = { stamp = function() return "20260211-120000" end } }
    assert.equal("urbanos-manual-20260211-120000", std.require("backup").snapshot(tenant))
    assert.same({ { "urbanos-manual-20260211-120000" } }, std.called "rds.ensure_snapshot")
  end)

  it("dumps into a file", function()
    local std = new()
    local archive = std.require("backup").archive(tenant, "/backups/u.dump")
    assert.same({ { "/backups/u.dump" } }, std.called "archive.dump")
    assert.same({ path = "/backups/u.dump", at = MADE.at, bytes = 1000, tables = 3, rows = 40 }, archive)
  end)

  it("checks the URL before it dumps for S3, and deletes the local file after the upload", function()
    local std = new()
    std.require("backup").archive(tenant, "s3://bucket/TIDLT-100005/u.dump")
    assert.equal("s3.check archive.dump_own s3.upload archive.drop_own", story(std))
  end)

  it("lists snapshots, archives and kept databases", function()
    local std = stdlib.new {
      rds = { snapshots = function() return { { type = "manual", id = "S", created = "C", status = "on" } } end },
      s3 = { list = function() return { { url = "s3://u", modified = "M", size = 2 ^ 20 } } end },
      archive = { kept = function() return { { what = "before", name = "K", at = "A", size = 2 ^ 21 } } end },
    }
    std.require("backup").list(tenant)
    local names = {}
    for i, row in ipairs(std.run.output.rows) do
      names[i] = row.name
    end
    assert.same({ "S", "s3://u", "K" }, names)
    assert.same({ "what", "name", "from", "state" }, std.run.output.columns)
    assert.same({ what = "manual snapshot", name = "S", from = "C", state = "on" }, std.run.output.rows[1])
    assert.equal("archive", std.run.output.rows[2].what)
    assert.equal("database replaced by a restore", std.run.output.rows[3].what)
  end)
end)

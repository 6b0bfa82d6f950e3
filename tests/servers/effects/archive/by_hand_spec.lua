-- Commands that bring data back, followed by bash on a real server: as often as people need, whatever an attempt
-- before has left.

local by_hand = require "o2x.effects.archive.by_hand"
local copies = require "o2x.client.pg.copies"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local servers = require "tests.support.servers"

-- the name of the database
local NAMES <const> = { "coredb-newclient", "a$b_C", ("long"):rep(15) }

describe("data brought back by hand", function()
  local server, folder
  setup(function()
    server, folder = servers.start "postgres", fs.temp_folder()
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(folder)
  end)

  local function quoted(name) return '"' .. name .. '"' end

  local function sql(database, text) return server.client("psql", "-X", "-At", "-q", "-d", database, "-c", text) end

  local function run(lines)
    for _, line in ipairs(lines) do
      server.client("bash", "-e", "-o", "pipefail", "-c", ('cd "%s"\n%s'):format(folder, line))
    end
  end

  local function target_of(name)
    local path = fs.join(folder, "x.dump")
    local defaults = { user = "appuser", connection_limit = 7 }
    return {
      name = copies.restore(name, "by-hand"),
      copy = copies.restore(name, "by-hand"),
      database = name,
      path = path,
      defaults = defaults,
    }
  end

  local function saved(name)
    sql("postgres", ("CREATE DATABASE %s OWNER admin"):format(quoted(name)))
    sql(name, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
    local target = target_of(name)
    fs.remove(target.path)
    run(by_hand.dump({}, target))
    return target
  end

  -- Names say the second in which something was kept.
  local function next_second()
    local now = os.time()
    eventually("the next second", function() return os.time() > now end)
  end

  local function kept(name)
    local query = [[SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database
WHERE shobj_description(oid, 'pg_database') LIKE '{%']]
    local list = {}
    for line in sql("postgres", query):gmatch "[^\n]+" do
      local database, note = line:match "^(.-)|(.*)$"
      note = json.decode(note)
      if note.of == name then list[#list + 1] = { name = database, note = note } end
    end
    return list
  end

  for _, name in ipairs(NAMES) do
    it("replace a database, and again with what the first time has kept: " .. name, function()
      local target = saved(name)
      for _ = 1, 2 do
        next_second()
        sql(name, "DELETE FROM t")
        sql("postgres", ("CREATE DATABASE %s"):format(quoted(target.copy))) -- an attempt that was cut short
        run(by_hand.restore("postgres", target))
        run(by_hand.swap("postgres", target, "by-hand"))
        assert.equal("2", sql(name, "SELECT count(*) FROM t"):match "%d+")
      end
      local all = kept(name)
      assert.equal(2, #all)
      for _, one in ipairs(all) do
        assert.equal(copies.before(name, one.note.run), one.name)
        assert.equal("before", one.note.o2x)
        assert.equal("0", sql(one.name, "SELECT count(*) FROM t"):match "%d+")
      end
    end)
  end

  it("replace a database that is lost", function()
    local target = saved "lost"
    run(by_hand.restore("postgres", target))
    sql("postgres", "DROP DATABASE lost")
    run(by_hand.swap("postgres", target, nil))
    assert.equal("2", sql("lost", "SELECT count(*) FROM t"):match "%d+")
    assert.equal(0, #kept "lost")
  end)

  it("replace the rows of a table, twice", function()
    local target = saved "rows"
    local one = { database = "rows", copy = target.copy, table = "public.t", kept = "o2x.x" }
    for _ = 1, 2 do
      next_second()
      sql("rows", "DELETE FROM t WHERE id = 1")
      run(by_hand.restore("postgres", target, "public.t"))
      run(by_hand.replace_table(one, "by-hand"))
      assert.equal("2", sql("rows", "SELECT count(*) FROM t"):match "%d+")
      run(by_hand.drop("postgres", target.copy))
    end
    local count = sql("rows", "SELECT count(*) FROM pg_tables WHERE schemaname = 'o2x' AND tablename LIKE 'by-hand-%'")
    assert.equal("2", count:match "%d+")
  end)
end)

local pg = require "o2x.client.pg"
local raised = require "tests.support.raised"
local pools = require "o2x.client.pg.pool"
local task = require "o2x.base.task"

describe("a pool", function()
  local connect, made, pool

  before_each(function()
    connect, made = pg.connect, {}
    pg.connect = function(options)
      local db = { dbname = options.dbname, password = options.password, is_idle = true }
      function db:idle() return self.is_idle end
      function db:close() self.closed = true end
      function db:leave()
        self.resets = (self.resets or 0) + 1
        return not self.is_stained
      end
      made[#made + 1] = db
      return db
    end
    pool = pools.new({ host = "db", password = "x" }, { "coredb-acme", "enginedb" })
  end)
  after_each(function() pg.connect = connect end)

  it("keeps a connection for the next one who needs it", function()
    local first = pool:with("coredb-acme", function(db) return db end)
    assert.equal(first, pool:with("coredb-acme", function(db) return db end))
    assert.equal(1, #made)
  end)

  it("has connections of its own for each database", function()
    pool:with("coredb-acme", function() end)
    pool:with("enginedb", function(db) assert.equal("enginedb", db.dbname) end)
    assert.equal(2, #made)
  end)

  it("connects to no database but those that were granted", function()
    local ok, err = pcall(pool.with, pool, "coredb-other", error)
    assert.is_false(ok)
    assert.equal("refused", err.kind)
    assert.is_false((pcall(pool.connect, pool, "coredb-other")))
    assert.is_false((pcall(pool.options_for, pool, "coredb-other")))
    assert.same({}, made)
  end)

  it("closes a connection that was left in the middle of something", function()
    pool:with("coredb-acme", function(db) db.is_idle = false end)
    assert.is_true(made[1].closed)
    pool:with("coredb-acme", function() end)
    assert.equal(2, #made)
  end)

  it("resets a connection before it is used again, and closes one that cannot be", function()
    pool:with("coredb-acme", function() end)
    assert.equal(1, made[1].resets)
    pool:with("coredb-acme", function(db) db.is_stained = true end)
    pool:with("coredb-acme", function(db) assert.equal(made[2], db) end)
  end)

  it("connects ahead, once, to what is expected, and closes what nobody took", function()
    pool:expect "coredb-acme"
    pool:expect "coredb-acme"
    pool:with("coredb-acme", function(db) assert.equal(made[1], db) end)
    assert.equal(1, #made)
    pool:expect "coredb-acme" -- is there
    pool:expect "enginedb"
    pool:close()
    assert.equal(2, #made)
    assert.is_true(made[1].closed and made[2].closed)
  end)

  it("connects again where that was in vain, and says why in the end", function()
    pool:expect "coredb-other"
    assert.equal("refused", raised(pool.with, pool, "coredb-other", error).kind)
    local refuse = pg.connect
    pg.connect = function() error("gone", 0) end
    pool:expect "coredb-acme"
    task.sleep(0)
    pg.connect = refuse
    pool:with("coredb-acme", function(db) assert.equal(made[1], db) end)
  end)

  it("passes an error on, and the connection stays usable", function()
    local ok, err = pcall(pool.with, pool, "coredb-acme", function() error("oops", 0) end)
    assert.same({ false, "oops" }, { ok, err })
    pool:with("coredb-acme", function() end)
    assert.equal(1, #made)
  end)

  it("replaces a connection that has died since", function()
    pool:with("coredb-acme", function() end)
    made[1].is_idle = false
    pool:with("coredb-acme", function(db) assert.equal(made[2], db) end)
    assert.is_true(made[1].closed)
  end)

  it("has at most eight to one database; the others wait their turn", function()
    local busy, most, items = 0, 0, {}
    for i = 1, 20 do
      items[i] = i
    end
    task.each(items, function()
      pool:with("coredb-acme", function()
        busy = busy + 1
        most = math.max(most, busy)
        task.sleep(0.001)
        busy = busy - 1
      end)
    end)
    assert.equal(8, most)
    assert.equal(8, #made)
  end)

  it("closes what is idle at its end", function()
    pool:with("coredb-acme", function() end)
    pool:close()
    assert.is_true(made[1].closed)
  end)

  it(
    "gives a program the same options, with its own on top",
    function()
      assert.same(
        { host = "db", password = "x", dbname = "enginedb", statement_timeout = 0 },
        pool:options_for("enginedb", { statement_timeout = 0 })
      )
    end
  )
end)

--- What a row of o2x.lock does, against a server of any version.

local holders = require "o2x.client.pg.holders"
local pg = require "o2x.client.pg"
local raised = require "tests.support.raised"
local relay = require "tests.support.relay"
local servers = require "tests.support.servers"

local BY <const> = { user = "ben", host = "vm2", reason = "her laptop is gone" }

local function words(run, more)
  local holder = { tenant = "acme", run = run, runbook = "deploy", user = "ada", host = "vm", seconds = 60 }
  for name, value in pairs(more or {}) do
    holder[name] = value
  end
  return holder
end

--- The tests.
---@param spec table the words of the spec's file: setup, teardown, before_each, it, assert
---@param options { programs: string? }? of servers.start
return function(spec, options)
  local setup, teardown, before_each = spec.setup, spec.teardown, spec.before_each
  local it, assert = spec.it, spec.assert
  local server, db
  setup(function()
    server = servers.start("postgres", options)
    db = pg.connect(server.options "postgres")
    server.sql("postgres", "ALTER DATABASE postgres OWNER TO admin")
    db:pipeline(holders.tables())
  end)
  teardown(function()
    db:close()
    server.stop()
  end)
  before_each(function() db:query "DELETE FROM o2x.lock" end)

  it("is taken by one, who is named to the next", function()
    local number, before = holders.take(db, words "R-1")
    assert.is_true(number >= 1)
    assert.is_nil(before)
    local none, holder = holders.take(db, words "R-2")
    assert.is_nil(none)
    assert.equal("R-1 ada vm deploy", table.concat({ holder.run, holder.user, holder.host, holder.runbook }, " "))
    assert.is_false(holder.expired)
    assert.is_true(holder.age >= 0 and holder.age < 60)
  end)

  -- A handshake of its own, and one round trip for all that is asked then.
  it("is taken in one round trip, the first of its connection, with what is read along", function()
    local far <close> = relay.open { port = server.port, seconds = 0.05 }
    local first <close> = pg.connect(server.options("postgres", { port = far.port }))
    local before = far.turns
    local along = { { "SELECT 1 AS one" }, { "SELECT $1 AS word", "two" } }
    local number, _, rows = holders.take(first, words "R-1", nil, along)
    assert.is_true(number >= 1)
    assert.same({ { { one = 1 } }, { { word = "two" } } }, rows)
    assert.equal(1, far.turns - before)
    local none, holder, read = holders.take(first, words "R-2", nil, { { "SELECT run FROM o2x.lock" } })
    assert.is_nil(none)
    assert.same({ "R-1", { { { run = "R-1" } } } }, { holder.run, read })
  end)

  it("is taken also where what is read along fails", function()
    local number, _, rows = holders.take(db, words "R-1", nil, { { "SELECT 1" }, { "SELECT none FROM nowhere" } })
    assert.is_true(number >= 1)
    assert.is_nil(rows)
    assert.equal("R-1", holders.list(db, "acme")[1].run)
  end)

  it("gives each holder a higher number, also where the rows were lost", function()
    local first = holders.take(db, words "R-1")
    assert.is_true(holders.release(db, words "R-1", first))
    local second = holders.take(db, words "R-2")
    assert.is_true(second > first)
    db:query "DELETE FROM o2x.lock"
    assert.is_true(holders.take(db, words "R-3") > second)
    assert.equal(1, #db:rows("SELECT 1 FROM o2x.fence WHERE tenant = 'acme'"))
  end)

  it("is not touched by the same run, started again while its holder is not known to have ended", function()
    local number = holders.take(db, words "R-1")
    for _ = 1, 2 do
      assert.is_nil((holders.take(db, words "R-1")))
    end
    assert.is_true(holders.renew(db, words "R-1", number))
    local again = holders.take(db, words "R-1", { run = "R-1", number = number })
    assert.is_true(again > number)
    assert.is_false(holders.renew(db, words "R-1", number))
    assert.is_true(holders.renew(db, words "R-1", again))
  end)

  it("is renewed and given back by its holder only", function()
    local number = holders.take(db, words "R-1")
    assert.is_true(holders.renew(db, words "R-1", number))
    assert.is_false(holders.renew(db, words "R-1", number + 1))
    assert.is_false(holders.renew(db, words "R-2", number))
    assert.is_false(holders.release(db, words "R-2", number))
    assert.is_true(holders.release(db, words "R-1", number))
    assert.is_false(holders.renew(db, words "R-1", number))
    assert.same({}, holders.list(db))
  end)

  it("is another's when its time is over, by the server's clock, or when its holder has ended", function()
    local number = holders.take(db, words "R-1")
    local found = holders.list(db, "acme")[1]
    assert.is_false(holders.expire(db, found, BY))
    db:query "UPDATE o2x.lock SET heartbeat = now() - interval '61 seconds'"
    assert.is_true(holders.list(db)[1].expired)
    local second, before = holders.take(db, words "R-2")
    assert.is_true(second > number)
    assert.equal("R-1", before.run)
    assert.is_nil((holders.take(db, words "R-3", { run = "R-1", number = number })))
    local third = holders.take(db, words "R-3", { run = "R-2", number = second })
    assert.is_true(third > second)
    db:query "UPDATE o2x.lock SET heartbeat = now() - interval '61 seconds'"
    assert.is_true(holders.expire(db, holders.list(db)[1], BY))
    local released = holders.released(db, "acme")
    assert.same({ "R-3", "ben", "her laptop is gone" }, { released.run, released.user, released.reason })
    local number4, none, _, told = holders.take(db, words "R-4")
    assert.same({ third + 2, nil, "her laptop is gone" }, { number4, none, told.reason })
    assert.is_nil(select(4, holders.take(db, words "R-5")))
    holders.release(db, words "R-4", number4)
    assert.is_nil(holders.released(db, "acme"))
  end)

  it("is taken as well where its table is of an older o2x, whose columns are added when they are needed", function()
    for _, column in ipairs { "released", "seconds" } do
      holders.take(db, words "R-1")
      db:query "UPDATE o2x.lock SET heartbeat = NULL"
      db:query(("ALTER TABLE o2x.lock DROP COLUMN %s"):format(column))
      if column == "seconds" then assert.equal("42703", raised(holders.take, db, words "R-2").code) end
      db:pipeline(holders.columns())
      assert.is_true(holders.expire(db, holders.list(db)[1], BY))
    end
  end)

  it("belongs to the database's owner, and so to all its members", function()
    server.sql(
      "postgres",
      "DROP SCHEMA o2x CASCADE; CREATE ROLE ann LOGIN PASSWORD 'x' IN ROLE admin; CREATE ROLE ben LOGIN PASSWORD 'x' "
        .. "IN ROLE admin; CREATE ROLE eve LOGIN PASSWORD 'x'"
    )
    local ann <close> = pg.connect(server.options("postgres", { user = "ann", password = "x" }))
    local ben <close> = pg.connect(server.options("postgres", { user = "ben", password = "x" }))
    local eve <close> = pg.connect(server.options("postgres", { user = "eve", password = "x" }))
    ann:pipeline(holders.tables())
    assert.equal("admin", ann:one("SELECT tableowner AS o FROM pg_tables WHERE tablename = 'lock'").o)
    local number = holders.take(ann, words "R-1")
    assert.is_nil((holders.take(ben, words "R-2")))
    holders.release(ann, words "R-1", number)
    assert.is_true(holders.take(ben, words "R-2") > number)
    assert.equal("42501", raised(holders.take, eve, words "R-3").code)
  end)
end

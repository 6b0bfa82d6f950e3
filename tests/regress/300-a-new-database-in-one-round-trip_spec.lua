-- To migrate a new database took four round trips after the login: a look, a look under the lock, the scripts, and a
-- look at what they made; an id took three, and the question for a pooler one more.

local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local relay = require "tests.support.relay"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

describe("a new database", function()
  local server, tree
  setup(function()
    server, tree = servers.start "postgres", fs.temp_folder "/tmp/o2x-test-"
    fs.write(fs.join(tree, "engine/V1__a.sql"), "CREATE TABLE t (id text, name text)", { parents = true })
    fs.write(fs.join(tree, "engine/V2__b.sql"), "INSERT INTO t VALUES ('a', 'b')")
    server.sql("postgres", "CREATE DATABASE d OWNER admin")
  end)
  teardown(function()
    server.stop()
    fs.remove_tree(tree)
  end)

  it("is migrated in two round trips, and an id is allocated in two", function()
    local far <close> = relay.open { port = server.port, seconds = 0.05 }
    local api, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        platform = tree,
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = far.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = "d", control = "none", admin = "postgres" }, files = { read = { "engine/" } } },
    }
    assert.equal("created", api.tenant:ensure_migrated "engine")
    assert.is_true(far.turns <= 3 + 2 + 1, "turns: " .. far.turns) -- the login; and the reset, for which nobody waits
    assert.equal("unchanged", (select(2, api.tenant:ensure_row("public.t", { id = "a" }, { name = "b" }))))
    assert.is_true(far.turns <= 3 + 2 + 1 + 1, "turns: " .. far.turns) -- the columns are known
    api.tenant:ensure_allocated { table = "public.t", key = { name = "n" }, column = "id" }
    local before = far.turns
    assert.equal("000002", api.tenant:ensure_allocated({ table = "public.t", key = { name = "m" }, column = "id" }).id)
    assert.equal(2, far.turns - before)
    assert.equal(1, far.connections)
    run.close()
  end)
end)

-- Real servers that are full, restarted, standby or in a cluster: a read and a write of the clients, tried again by the
-- rules, and what the servers have in the end.

local daemon = require "lab.daemon"
local fs = require "o2x.base.fs"
local pg_server = require "lab.pg_server"
local pool = require "o2x.client.pg.pool"
local postgres = require "lab.postgres"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local redis = require "o2x.client.redis"
local redis_server = require "lab.redis"
local retry = require "o2x.base.retry"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"

-- Tries fn by the rules; calls mend once, before the second try. -> results, the first error
local function mended(mend, fn, ...)
  local first
  local function on_retry(_, err)
    if not first then
      first = err
      mend()
    end
  end
  local results = table.pack(retry.read({ seconds = 60, first_pause = 0.01, on_retry = on_retry }, fn, ...))
  return first, table.unpack(results, 1, results.n)
end

describe("PostgreSQL", function()
  local server, connections

  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", "create database coredb")
    server.sql("coredb", "create table t (n int); grant all on t to admin")
  end)
  teardown(function() server.stop() end)

  before_each(
    function()
      connections = pool.new(server.options("coredb", { sslmode = "disable", connect_timeout = 2 }), { "coredb" })
    end
  )
  after_each(function()
    connections:close()
    server.sql("coredb", "delete from t")
  end)

  local function add(n)
    return connections:with("coredb", function(db)
      return db:transaction(function(tx) tx:query("insert into t values ($1)", n) end)
    end)
  end

  local function rows() return server.sql("coredb", "select count(*) from t") end

  local function restart()
    postgres.sweep(server.lab)
    postgres.start(server.lab)
  end

  it("whose role has no connection left takes the write once it has one", function()
    server.sql("postgres", "alter role admin connection limit 0")
    local first = mended(function() server.sql("postgres", "alter role admin connection limit -1") end, add, 1)
    assert.same({ "unreachable", "53300", true }, { first.kind, first.code, first.answered })
    assert.matches("^PostgreSQL at 127.0.0.1:%d+ has no free connections for role admin$", first.message)
    assert.matches("close idle sessions", first.hint)
    assert.equal("1", rows())
  end)

  it("that is full takes the write once there is room", function()
    server.sql("postgres", "alter database coredb connection limit 0")
    local first = mended(function() server.sql("postgres", "alter database coredb connection limit -1") end, add, 1)
    assert.equal("53300", first.code)
    assert.equal("1", rows())
  end)

  it("that stops in the middle of a transaction has nothing of it, and all of the next try", function()
    local stopped = false
    local function two_rows()
      return connections:with("coredb", function(db)
        return db:transaction(function(tx)
          tx:query "insert into t values (1)"
          if not stopped then
            stopped = true
            postgres.sweep(server.lab)
          end
          tx:query "insert into t values (2)"
        end)
      end)
    end
    local first = mended(function() postgres.start(server.lab) end, two_rows)
    assert.is_true(first.retryable)
    assert.equal("2", rows())
  end)

  it("whose session an administrator ends has nothing of the transaction", function()
    local ended = false
    local function one_row()
      return connections:with("coredb", function(db)
        return db:transaction(function(tx)
          tx:query "insert into t values (1)"
          if not ended then
            ended = true
            local pid = tx:query("select pg_backend_pid() as pid")[1].pid
            server.sql("postgres", ("select pg_terminate_backend(%d, 5000)"):format(pid))
          end
          tx:query "insert into t values (2)"
        end)
      end)
    end
    local first = mended(function() end, one_row)
    assert.equal("unreachable", first.kind)
    assert.matches("^PostgreSQL at ", first.message)
    assert.equal("2", rows())
  end)

  it("that is restarted answers a read again", function()
    local function count()
      return connections:with("coredb", function(db) return db:one "select 1 as n".n end)
    end
    assert.equal(1, count())
    restart()
    assert.equal(1, (select(2, mended(function() end, count))) or count())
  end)

  it("that another session keeps waiting says who to look for, and goes on", function()
    local holder = server.connect "coredb"
    holder:query "begin"
    holder:query "lock table t"
    connections.options.lock_timeout = 0.1
    local first = mended(function() holder:close() end, add, 1)
    assert.same({ "timeout", "55P03" }, { first.kind, first.code })
    assert.equal("1", rows())
  end)

  it("that is a standby refuses a write by that name, and gives a read", function()
    local user = daemon.user(pg_server.USERS)
    local data = fs.join(daemon.path(server.lab, "postgres", user), "data")
    local signal = fs.join(data, "standby.signal")
    postgres.sweep(server.lab)
    daemon.write(signal, "", user)
    pg_server.launch({ user = user, data = data, log = fs.join(data, "log") }, server.port)
    local err = raised(add, 1)
    assert.same({ "failed", false }, { err.kind, err.retryable })
    assert.matches("^PostgreSQL at .*standby", err.message)
    assert.matches("primary", err.hint)
    local function without_transaction()
      return connections:with("coredb", function(db) db:query "insert into t values (1)" end)
    end
    assert.matches("^PostgreSQL at .*standby", raised(without_transaction).message)
    assert.equal(0, connections:with("coredb", function(db) return db:one "select count(*) as n from t".n end))
    fs.remove(signal)
    restart()
    assert.equal("0", rows())
  end)
end)

describe("Redis", function()
  local server, client

  setup(function() server = servers.start "redis" end)
  teardown(function() server.stop() end)
  before_each(function() client = redis.connect { url = server.url } end)
  after_each(function() client:close() end)

  local function cli(...) return server.client("redis-cli", "-p", tostring(server.port), "--no-auth-warning", ...) end

  it("with no connection left takes the command once there is one", function()
    local function clients(n) return cli("config", "set", "maxclients", tostring(n)) end
    local held <close> = redis.connect { url = server.url }
    held:ping()
    held:command("CONFIG", "SET", "maxclients", 1)
    local first, answer = mended(
      function() held:command("CONFIG", "SET", "maxclients", 100) end,
      client.command,
      client,
      "SET",
      "t:a",
      "1"
    )
    assert.same({ "unreachable", true }, { first.kind, first.answered })
    assert.matches("maxclients", first.hint)
    assert.equal("OK", answer)
    clients(10000)
  end)

  it("that is restarted keeps what it has, and answers", function()
    assert.equal("OK", client:command("SET", "t:b", "2"))
    redis_server.sweep(server.lab)
    local first, answer = mended(function() redis_server.start(server.lab) end, client.command, client, "GET", "t:b")
    assert.equal("unreachable", first.kind)
    assert.equal("2", answer)
  end)

  it("whose memory is full says so, and takes the write once there is room", function()
    cli("config", "set", "maxmemory", "1")
    local first = mended(
      function() cli("config", "set", "maxmemory", "0") end,
      client.command,
      client,
      "SET",
      "t:c",
      "3"
    )
    assert.equal("OOM", first.code)
    assert.equal("3", cli("get", "t:c"))
  end)

  it("that a script blocks is waited for", function()
    cli("config", "set", "busy-reply-threshold", "10")
    local script = task.spawn(
      function()
        proc.run {
          argv = { "redis-cli", "-p", tostring(server.port), "eval", "while true do end", "0" },
          env = server.env,
          timeout = 60,
        }
      end
    )
    local function busy()
      local ok, err = pcall(client.ping, client)
      return not ok and err.code == "BUSY"
    end
    while not busy() do
      task.sleep(0.01)
    end
    local first, answer = mended(function() cli("script", "kill") end, client.ping, client)
    script:join()
    assert.same({ "BUSY", true }, { first.code, answer })
  end)

  it("that is a cluster is refused by that name", function()
    local folder = fs.temp_folder()
    local free_port = require("lab.context").free_port
    local port = free_port()
    local handle = task.spawn(function()
      proc.run {
        argv = {
          "redis-server",
          "--port",
          tostring(port),
          "--cluster-enabled",
          "yes",
          -- Left alone, it takes the port + 10000, where somebody's connection may begin.
          "--cluster-port",
          tostring(free_port()),
          "--dir",
          folder,
          "--save",
          "",
          "--bind",
          "127.0.0.1",
        },
        timeout = 120,
      }
    end)
    local cluster = redis.connect { url = ("redis://127.0.0.1:%d/0"):format(port) }
    retry.read({ seconds = 20, first_pause = 0.01 }, cluster.ping, cluster)
    local first = mended(
      function() cluster:command("CLUSTER", "ADDSLOTSRANGE", 0, 16383) end,
      cluster.command,
      cluster,
      "GET",
      "t:a"
    )
    assert.equal("CLUSTERDOWN", first.code)
    local err = raised(cluster.command, cluster, "UNLINK", "a", "b")
    assert.same({ "failed", "CROSSSLOT", false }, { err.kind, err.code, err.retryable })
    assert.matches("it is a Redis cluster", err.message)
    assert.matches("cluster mode disabled", err.hint)
    pcall(cluster.command, cluster, "SHUTDOWN", "NOSAVE")
    cluster:close()
    handle:join()
    fs.remove_tree(folder)
  end)
end)

-- A connection that breaks at any byte: the migrations that were committed are in the history, the others have left
-- nothing, and the next call does the rest.

local errors = require "o2x.base.error"
local eventually = require "tests.support.eventually"
local migrate = require "o2x.client.flyway.migrate"
local relay = require "tests.support.relay"
local resolve = require("o2x.client.flyway.folder").resolve
local servers = require "tests.support.servers"

local OPTIONS <const> = { schemas = { "public" } }
local CUTS <const> = 12 -- for each way and folder; 40 pass as well

-- All of these go in one batch.
local PLAIN <const> = {
  ["V1__a.sql"] = "CREATE TABLE t (n int);\nINSERT INTO t VALUES (1);",
  ["V2__b.sql"] = "INSERT INTO t VALUES (2);\nSELECT repeat('x', 3000);",
  ["V3__c.sql"] = "INSERT INTO t VALUES (3);",
  ["R__d.sql"] = "INSERT INTO t VALUES (4);",
}

-- One by one: a script with a setting of its session is between the others.
local MIXED <const> = {
  ["V1__a.sql"] = "CREATE TABLE t (n int);\nINSERT INTO t VALUES (1);",
  ["V2__b.sql"] = "SET work_mem = '5MB';\nINSERT INTO t VALUES (2);",
  ["V3__c.sql"] = "INSERT INTO t VALUES (3);",
  ["R__d.sql"] = "INSERT INTO t VALUES (4);",
}

describe("a connection that breaks during a migration", function()
  local server
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  local function fresh()
    server.sql("postgres", "DROP DATABASE IF EXISTS tried WITH (FORCE)")
    server.sql("postgres", "CREATE DATABASE tried OWNER admin")
  end

  local function attempt(files, port)
    local function connect() return server.connect("tried", { port = port }) end
    return pcall(migrate.migrate, connect, resolve(files), OPTIONS)
  end

  -- The session of the broken connection still runs what it was sent: the lock of the next call waits for it.
  local function quiet()
    local others = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'tried' AND pid <> pg_backend_pid()"
    eventually("no session is left", function() return server.sql("tried", others) == "0" end)
  end

  local DONE <const> = "SELECT coalesce(string_agg(script, ' ' ORDER BY installed_rank), '') "
    .. "FROM flyway_schema_history WHERE success AND version IS DISTINCT FROM '0'"
  local EXISTS <const> = "SELECT to_regclass('flyway_schema_history') IS NOT NULL"
  local NUMBERS <const> = "SELECT coalesce(string_agg(n::text, ' ' ORDER BY n), '') FROM t"
  local LEFT <const> = {
    [""] = "",
    ["V1__a.sql"] = "1",
    ["V1__a.sql V2__b.sql"] = "1 2",
    ["V1__a.sql V2__b.sql V3__c.sql"] = "1 2 3",
    ["V1__a.sql V2__b.sql V3__c.sql R__d.sql"] = "1 2 3 4",
  }

  -- What the history has, and what the scripts left.
  local function left()
    local done = server.sql("tried", EXISTS) == "t" and server.sql("tried", DONE) or ""
    local there = server.sql("tried", "SELECT to_regclass('public.t') IS NOT NULL") == "t"
    return done, there and server.sql("tried", NUMBERS) or ""
  end

  local function sizes(files)
    fresh()
    local through <close> = relay.open { port = server.port }
    assert(attempt(files, through.port))
    return through.passed
  end

  local function try(files, way, after)
    fresh()
    do
      local through <close> = relay.open { port = server.port }
      through.cut = { way = way, after = after }
      local ok, problem = attempt(files, through.port)
      if not ok then assert.is_not.equal("bug", errors.wrap(problem).kind, tostring(problem)) end
    end
    quiet()
    local done, numbers = left()
    assert.equal(LEFT[done], numbers, ("%s %d: %s"):format(way, after, done))
    local ok, problem = attempt(files, server.port)
    assert(ok, ("%s %d: %s"):format(way, after, tostring(problem)))
    assert.same({ "V1__a.sql V2__b.sql V3__c.sql R__d.sql", "1 2 3 4" }, { left() })
    return done
  end

  for name, files in pairs { batch = PLAIN, ["one by one"] = MIXED } do
    for _, way in ipairs { "up", "down" } do
      it(("leaves no script half done or done twice: %s, %s"):format(name, way), function()
        local whole, ends = sizes(files)[way], {}
        for i = 1, CUTS do
          ends[try(files, way, math.max(1, whole * i // (CUTS + 1)))] = true
        end
        assert.is_true(ends[""], "no cut came before the first commit")
        assert.is_truthy(next(ends, next(ends)), "no cut came after a commit")
      end)
    end
  end
end)

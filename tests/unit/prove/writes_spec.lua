local writes = require "o2x.prove.writes"

local function http(identity, status, content)
  return { service = "k8s", write = true, identity = identity, content = content, status = status }
end

-- "SESSION STATEMENT", "SESSION! STATEMENT" for one that failed, "SESSION? …" for a read
local function sql(line)
  local session, mark, text = line:match "^(%d+)([!?]?) (.*)$"
  return {
    service = "postgres",
    session = session,
    target = "db",
    text = text,
    method = text:match "^%a+",
    write = mark ~= "?" and not text:find "^BEGIN" and not text:find "^COMMIT" and not text:find "^ROLLBACK",
    status = mark == "!" and "ERROR" or "OK",
  }
end

local function statements(...)
  local list = {}
  for i, line in ipairs { ... } do
    list[i] = sql(line)
  end
  return list
end

local INSERT <const> = "INSERT INTO t VALUES (1)"

-- Name → log, what is done twice, if anything.
local CASES <const> = {
  ["a request"] = { { http "a", http "a" }, "done 2 times: a" },
  ["a request that was refused once"] = { { http("a", 503), http("a", 200) } },
  ["a request whose answer was lost, and that was sent again"] = { { http("a", "lost"), http("a", 200) }, "a" },
  ["a request that was sent again with another id"] = {
    { http("key 1", 200, "POST /charge x"), http("key 2", 200, "POST /charge x") },
    "done 2 times: POST /charge x",
  },
  ["two requests with contents of their own"] = { { http("key 1", 200, "x"), http("key 2", 200, "y") } },
  ["a statement"] = { statements("1 " .. INSERT, "2 " .. INSERT), "done 2 times: postgres db INSERT" },
  ["a statement that failed first"] = { statements("1! " .. INSERT, "2 " .. INSERT) },
  ["a statement of two transactions"] = {
    statements("1 BEGIN", "1 " .. INSERT, "1 COMMIT", "2 BEGIN", "2 " .. INSERT, "2 COMMIT"),
    "done 2 times",
  },
  ["a statement of a transaction that was cut"] = {
    statements("1 BEGIN", "1 " .. INSERT, "2 BEGIN", "2 " .. INSERT, "2 COMMIT"),
  },
  ["a statement of a transaction that was taken back"] = {
    statements("1 BEGIN", "1 " .. INSERT, "1 ROLLBACK", "1 BEGIN", "1 " .. INSERT, "1 COMMIT"),
  },
  ["a statement of a transaction that failed"] = {
    statements("1 BEGIN", "1 " .. INSERT, "1! UPDATE t SET a = 1", "1 COMMIT", "2 " .. INSERT),
  },
  ["a transaction goes on after a savepoint"] = {
    statements("1 BEGIN", "1 " .. INSERT, "1 ROLLBACK TO SAVEPOINT s", "1 COMMIT", "2 " .. INSERT),
    "done 2 times",
  },
  ["a statement with markers of its own"] = {
    statements(
      "1 INSERT INTO m VALUES ('" .. ("ab"):rep(16) .. "')",
      "1 INSERT INTO m VALUES ('" .. ("cd"):rep(16) .. "')"
    ),
    "done 2 times",
  },
  ["a table that is made if it is not there"] = {
    statements("1 CREATE TABLE IF NOT EXISTS t (a int)", "2 create table if not exists t (a int)"),
  },
  ["a table in a database that was dropped in between"] = {
    statements("1 " .. INSERT, '2 DROP DATABASE "db"', "3 " .. INSERT),
  },
  ["a database that was dropped and made again"] = {
    statements(
      '1 CREATE DATABASE "db"',
      "2 " .. INSERT,
      '3 DROP DATABASE IF EXISTS "db" WITH (FORCE)',
      '4 CREATE DATABASE "db"',
      "5 " .. INSERT
    ),
  },
  ["a database that was made again where another one was dropped"] = {
    statements('1 CREATE DATABASE "db"', '3 DROP DATABASE IF EXISTS "db2" WITH (FORCE)', '4 CREATE DATABASE "db"'),
    "done 2 times",
  },
  ["a table in another database than the one that was dropped"] = {
    statements("1 " .. INSERT, "2 DROP DATABASE db2", "3 " .. INSERT),
    "done 2 times",
  },
  ["a role of its own that a second attempt makes and drops again"] = {
    statements('1 CREATE ROLE "r" LOGIN', '2 DROP ROLE "r"', '3 CREATE ROLE "r" LOGIN', '4 DROP ROLE "r"'),
  },
  ["a role that is dropped again, and was not made again"] = {
    statements('1 DROP ROLE "r"', '2 CREATE ROLE "r2"', '3 DROP ROLE "r"'),
    "done 2 times",
  },
  ["a role that is made again, and was not dropped"] = {
    statements('1 CREATE ROLE "r"', '2 DROP ROLE "r2"', '3 CREATE ROLE "r"'),
    "done 2 times",
  },
  ["a read"] = { statements("1? SELECT 1", "1? SELECT 1") },
}

describe("what was done twice", function()
  for name, case in pairs(CASES) do
    it((case[2] and "counts: " or "does not count: ") .. name, function()
      local said = writes.twice({}, case[1])
      if not case[2] then return assert.is_nil(said) end
      assert.matches(case[2], said or "nothing", 1, true)
    end)
  end

  it("may be as often as in the undisturbed run", function()
    local log = statements("1 " .. INSERT, "2 " .. INSERT)
    assert.is_nil(writes.twice(log, log))
    log[3] = sql("3 " .. INSERT)
    assert.matches("done 3 times", writes.twice({ log[1], log[2] }, log), 1, true)
  end)

  local function object(method, id)
    return { service = "k8s", method = method, write = true, identity = id, status = 200, object = "/services/a" }
  end

  it("is no object that the run has taken back, where the undisturbed run takes nothing away", function()
    local made = { object("POST", "make a"), object("PATCH", "change a") }
    local back = { object("DELETE", "delete a"), table.unpack(made) }
    local log = table.move(back, 1, #back, 3, { made[1], made[2] })
    assert.is_nil(writes.twice(made, log))
    assert.is_nil(writes.twice(made, table.move(back, 1, #back, #log + 1, table.move(log, 1, #log, 1, {}))))
    assert.matches("done 2 times: change a", writes.twice(back, log), 1, true)
    assert.matches("done 2 times: make a", writes.twice(made, { made[1], made[1], made[2] }), 1, true)
  end)

  it("is not what helm wrote again, where a release had to be repaired", function()
    local change = object("PATCH", "change a")
    change.target = "/services/a?fieldManager=helm"
    local other = object("PATCH", "change b")
    assert.is_nil(writes.twice({ change }, { change, change }, true))
    assert.matches("done 2 times: change a", writes.twice({ change }, { change, change }), 1, true)
    assert.matches("done 2 times: change b", writes.twice({ other }, { other, other }, true), 1, true)
  end)

  it("is an object that was there before the run, and is deleted twice", function()
    local gone = object("DELETE", "delete a")
    assert.matches("done 2 times: delete a", writes.twice({}, { gone, object("POST", "make a"), gone, gone }), 1, true)
  end)

  it("is a write among reads", function()
    assert.is_nil(writes.first { { write = false, method = "GET", target = "/" } })
    assert.equal("sent a write: PUT /x", writes.first { { write = true, method = "PUT", target = "/x" } })
    assert.matches("sent a write: INSERT", writes.first(statements("1? SELECT 1", "1 " .. INSERT)), 1, true)
  end)

  it("is not that a command holds its tenant", function()
    local list = statements(
      "1 INSERT INTO o2x.lock AS l VALUES (1)",
      "1 UPDATE o2x.lock SET run = NULL",
      "1 INSERT INTO o2x.fence AS f VALUES (1)"
    )
    assert.is_nil(writes.first(list))
    table.move(list, 1, #list, #list + 1)
    assert.is_nil(writes.twice({}, list))
  end)
end)

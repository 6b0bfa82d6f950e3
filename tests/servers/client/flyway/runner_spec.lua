local raised = require "tests.support.raised"
local runner = require "o2x.client.flyway.runner"
local script = require "o2x.client.flyway.script"
local servers = require "tests.support.servers"

describe("a script", function()
  local server
  setup(function()
    server = servers.start "postgres"
    server.sql("postgres", "CREATE DATABASE tried OWNER admin")
  end)
  teardown(function() server.stop() end)
  before_each(
    function()
      server.sql("tried", "DROP TABLE IF EXISTS t; CREATE TABLE t (a int, b text); ALTER TABLE t OWNER TO admin")
    end
  )

  local function run(text, around)
    local prepared = script.prepare({ script = "V1__x.sql", text = text, conf = { transaction = true } }, {})
    local db <close> = server.connect "tried"
    return db:transaction(function(tx) return runner.run(tx, prepared, around) end, { attempts = 1 })
  end

  local function rows() return server.sql("tried", "SELECT a, b FROM t ORDER BY 1") end

  it("is run statement by statement", function()
    local calls = {}
    run("INSERT INTO t VALUES (1); SELECT * FROM t;\n-- end\nINSERT INTO t VALUES (2)", {
      before = function() calls[#calls + 1] = "before" end,
      after = function() calls[#calls + 1] = "after" end,
    })
    assert.equal("1|\n2|", rows())
    assert.equal("before after before after before after", table.concat(calls, " "))
  end)

  it("gives COPY its data", function()
    run "COPY t FROM stdin;\n1\ta;b\n2\t\\N\n\\.\nCOPY t (a) FROM stdin;\n\\.\n"
    assert.equal("1|a;b\n2|", rows())
    assert.equal("22P02", raised(run, "COPY t FROM stdin;\nx\ta\n\\.\n").code)
  end)

  it("may end its transaction; the next statement begins another", function()
    assert.is_true(
      run("INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); ROLLBACK; INSERT INTO t VALUES (3)").committed
    )
    assert.equal("1|\n3|", rows())
    raised(run, "INSERT INTO t VALUES (4); COMMIT; INSERT INTO t VALUES (5); SELECT 1/0")
    assert.equal("1|\n3|\n4|", rows())
  end)

  it("that fails says at which line, also after letters beyond ASCII", function()
    for text, line in pairs {
      ["SELECT 1;\n\nSELECT 'ä',\n'ö', nosuch;"] = 4,
      ["SELECT 1;\nSELECT 1/0;"] = 2,
      ["/* ä */\nSELEKT 1;"] = 2,
    } do
      assert.equal("V1__x.sql:" .. line, raised(run, text).where)
    end
  end)

  it("that would have to run outside says how", function()
    local problem = raised(run, "REINDEX TABLE CONCURRENTLY t")
    assert.equal("write executeInTransaction=false into V1__x.sql.conf", problem.hint)
  end)
end)

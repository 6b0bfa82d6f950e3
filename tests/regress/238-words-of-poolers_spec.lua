-- What pgbouncer and RDS Proxy say was passed on in libpq's words and never tried again; why they ended a session was
-- lost; a pooler with one session and a short wait was taken for one in transaction mode.

local pg_error = require "o2x.client.pg.error"
local pooler = require "o2x.client.pg.pooler"
local raised = require "tests.support.raised"

local OPTIONS <const> = { host = "db", port = "6432", user = "admin", dbname = "toy" }

-- what the pooler says; SQLSTATE; is it tried again?; what o2x says
local SAID <const> = {
  { "no more connections allowed (max_client_conn)", "53300", true, "no more clients" },
  { "query_wait_timeout", "53300", true, "without a free session for database toy" },
  { "Timed-out waiting to acquire database connection", "53300", true, "without a free session" },
  {
    "server login has been failing, try again later (server_login_retry)",
    "57P03",
    true,
    "cannot log in to the server",
  },
  { "pgbouncer cannot connect to server", "57P03", true, "cannot reach the server behind it" },
  { "client_login_timeout", "57P03", true, "does not finish the login" },
  { "no such database: toy", "3D000", false, "has no database toy" },
  { "no such user: admin", "28000", false, "has no role admin" },
  { "This RDS proxy has no credentials for the role admin.", "28000", false, "without credentials of role admin" },
  { "SASL authentication failed", "28P01", false, "rejected the password of role admin" },
  { "SSL required", "08P01", false, "with TLS only" },
  { "This RDS Proxy requires TLS connections", "08P01", false, "with TLS only" },
}

describe("a pooler", function()
  for _, case in ipairs(SAID) do
    it("is understood: " .. case[1], function()
      local form = 'connection to server at "10.0.0.1", port 6432 failed: FATAL:  %s\n'
      local err = pg_error.connecting(OPTIONS, form:format(case[1]))
      assert.same({ case[2], case[3] }, { err.code, err.retryable == true })
      assert.matches("PostgreSQL at db:6432 .*" .. case[4], err.message)
      assert.is_string(err.hint)
      assert.is_nil(tostring(err):find("\n", 1, true))
    end)
  end

  it("that ends a session has its reason told", function()
    local text = "FATAL:  query timeout\nserver closed the connection unexpectedly\n\tThis probably means"
    local err = pg_error.broken(OPTIONS, text)
    assert.matches("closed the connection (query timeout) (database toy)", err.message, 1, true)
    err = pg_error.broken(OPTIONS, "server closed the connection unexpectedly")
    assert.matches("closed the connection (database toy)", err.message, 1, true)
  end)

  it("without a second session is not taken for one in transaction mode", function()
    local db, other = { core = {} }, { core = {}, options = OPTIONS }
    for text, told in pairs {
      ["FATAL:  query_wait_timeout\nserver closed the connection"] = "gives no second session",
      ["no answer in time"] = "gives no second session",
      ["FATAL:  server conn crashed?\nserver closed the connection"] = "server conn crashed",
    } do
      local function ask(_, sql)
        if sql == "BEGIN" then error(pg_error.broken(OPTIONS, text), 0) end
        return { pid = 1 }
      end
      assert.matches(told, raised(pooler.is_transactional, ask, db, other).message, 1, true)
    end
    local function ask(_, sql)
      local text = "FATAL:  transaction blocks not allowed in statement pooling mode\nserver closed the connection"
      if sql == "BEGIN" then error(pg_error.broken(OPTIONS, text), 0) end
      return { pid = 1 }
    end
    assert.is_true(pooler.is_transactional(ask, db, other))
  end)
end)

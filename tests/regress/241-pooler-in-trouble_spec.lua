-- A pooler without free connections, or whose server was away for a moment, failed the run at once; so did a
-- connection that broke while it was made.

local context = require "lab.context"
local pg = require "o2x.client.pg"
local pg_error = require "o2x.client.pg.error"
local pgbouncer = require "tests.support.pgbouncer"
local raised = require "tests.support.raised"
local servers = require "tests.support.servers"

local OPTIONS <const> = { host = "h", port = 6432, user = "u", dbname = "d" }

-- What libpq says, the state that it is, whether it is worth another try.
local WORDS <const> = {
  { "FATAL:  no more connections allowed (max_client_conn)", "53300", true },
  { "FATAL:  query_wait_timeout", "53300", true },
  { "FATAL:  Timed-out waiting to acquire database connection", "53300", true },
  { "FATAL:  server login has been failing, try again later (server_login_retry)", "57P03", true },
  { "FATAL:  server login has been failing, cached error: password authentication failed", "28P01", false },
  { "FATAL:  pgbouncer cannot connect to server", "57P03", true },
  { "FATAL:  server conn crashed?", "57P03", true },
  { "FATAL:  no such database: d", "3D000", false },
  { "FATAL:  no such user: u", "28000", false },
  { "FATAL:  This RDS Proxy has no credentials for the role u. Check the credentials", "28000", false },
  { "FATAL:  SASL authentication failed", "28P01", false },
  { 'FATAL:  LDAP authentication failed for user "u"', "28P01", false },
  { "could not receive data from server: Connection reset by peer", "08006", true },
  { "could not send startup packet: Broken pipe", "08006", true },
  { "SSL SYSCALL error: EOF detected", "08006", true },
  { "SSL error: unexpected eof while reading", "08006", true },
  { "SSL connection has been closed unexpectedly", "08006", true },
  { "FATAL:  something new", "08001", false },
}

describe("a connection that does not come about", function()
  it("is tried again where that can help", function()
    for _, case in ipairs(WORDS) do
      local err = pg_error.connecting(OPTIONS, ('connection to server at "h", port 6432 failed: %s'):format(case[1]))
      assert.same({ case[2], case[3] }, { err.code, err.retryable }, case[1])
    end
  end)

  it("is tried again where a pooler says so at the first statement", function()
    local function of(text, uncertain)
      local err = pg_error.statement(OPTIONS, { code = "08P01", message = text }, uncertain)
      return { err.kind, err.retryable == true }
    end
    assert.same({ "unreachable", true }, of "query_wait_timeout")
    assert.same({ "unreachable", true }, of "pgbouncer cannot connect to server")
    assert.same({ "unreachable", true }, of "server login has been failing, try again later (server_login_retry)")
    assert.same({ "unreachable", true }, of "server conn crashed?")
    assert.same({ "unknown", false }, of("server conn crashed?", true))
    assert.same({ "unreachable", false }, of "invalid message format")
  end)

  it("because of a pooler says so", function()
    if not pgbouncer.is_installed() then return pending "pgbouncer is not installed: run vendor/bootstrap" end
    local server = servers.start "postgres"
    local ok, problem = pcall(function()
      do
        local pooler <close> = pgbouncer.start(server, "session", "max_client_conn = 1")
        local err = raised(pg.connect, server.options("postgres", { port = pooler.port }))
        assert.same({ "53300", true }, { err.code, err.retryable }, tostring(err))
      end
      local nobody = setmetatable({ port = context.free_port() }, { __index = server })
      local pooler <close> = pgbouncer.start(nobody, "session", "query_wait_timeout = 1")
      local err = raised(pg.connect, server.options("postgres", { port = pooler.port }))
      assert.is_true(err.retryable, tostring(err))
      assert.matches("pooler", tostring(err))
    end)
    server.stop()
    if not ok then error(problem, 0) end
  end)
end)

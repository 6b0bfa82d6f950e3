-- A text with a NUL for a jsonb column was "unsupported Unicode escape sequence", without the column.

local gate = require "tests.support.gate"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

describe("a text with a NUL for a column of JSON", function()
  it("is refused with the column where it is jsonb, and stored where it is json", function()
    local server = servers.start "postgres"
    server.sql("postgres", "CREATE DATABASE toy OWNER admin")
    server.sql("toy", "SET ROLE admin; CREATE TABLE public.t (id int, a json, b jsonb)")
    local api, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = "toy", admin = "postgres" } },
    }
    finally(function()
      run.close()
      server.stop()
    end)
    for _, doc in ipairs { { x = "a\0b" }, { x = { "\0" } }, { ["\0"] = 1 } } do
      local err = raised(api.tenant.ensure_row, api.tenant, "t", { id = 1 }, { b = doc })
      assert.equal("input", err.kind)
      assert.matches("t.b: a text with a NUL, which jsonb cannot have", tostring(err), 1, true)
    end
    local fine = { x = "\\u0000", y = "\\\\u0000" } -- no NUL: backslashes
    assert.equal("created", (select(2, api.tenant:ensure_row("t", { id = 1 }, { a = { x = "a\0b" }, b = fine }))))
    assert.equal("unchanged", (select(2, api.tenant:ensure_row("t", { id = 1 }, { a = { x = "a\0b" }, b = fine }))))
    assert.equal("\\u0000|\\\\u0000", server.sql("toy", "SELECT b->>'x', b->>'y' FROM t"))
  end)
end)

-- PostgreSQL takes alias.name for name(alias) where the alias is the value of a function in FROM: a read could wait,
-- lock and make large objects with it. And the role that may read all data may read the passwords of all roles.

local query = require "o2x.client.pg.query"
local raised = require "tests.support.raised"

describe("a read", function()
  it("does not call a function in the form of a column", function()
    local problem = raised(query.check, "select x.lo_creat from generate_series(-1, -1) x")
    assert.equal("refused", problem.kind)
    assert.truthy(problem.message:find("lo_creat in the form of a column", 1, true), problem.message)
    query.check "select x.lo_count, pg_catalog.lower('A') from t x"
  end)

  it("does not read passwords", function()
    local problem = raised(query.check, "select rolname, rolpassword from pg_catalog.pg_authid")
    assert.equal("refused", problem.kind)
    assert.truthy(problem.message:find("pg_authid", 1, true), problem.message)
  end)
end)

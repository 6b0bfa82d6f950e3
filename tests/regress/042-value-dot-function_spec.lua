-- PostgreSQL takes (value).name for name(value), so a function could be called without a parenthesis behind its name.

local query = require "o2x.client.pg.query"
local raised = require "tests.support.raised"

describe("a function in the form of a column", function()
  it("is refused", function()
    assert.equal("refused", raised(query.check, "select (5::bigint).pg_advisory_lock").kind)
    assert.equal("refused", raised(query.check, "select (t.a)[1].pg_sleep from t").kind)
    query.check "select t.a, t.* from t"
  end)
end)

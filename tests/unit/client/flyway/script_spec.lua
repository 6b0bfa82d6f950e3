local conf = require "o2x.client.flyway.conf"
local raised = require "tests.support.raised"
local script = require "o2x.client.flyway.script"

local function prepare(text, configuration)
  local file = { script = "sub/V1__x.sql", text = text, conf = conf.parse(configuration or "", "x.conf") }
  return script.prepare(file, { name = "acme" })
end

local OUTSIDE <const> = "executeInTransaction=false"

describe("a script", function()
  it("has its placeholders replaced, and the name of its file", function()
    assert.equal("select 'acme V1__x.sql'", prepare("select '${NAME} ${flyway:filename}'").statements[1].text)
    assert.equal("select '${x}'", prepare("select '${x}'", "placeholderReplacement=false").statements[1].text)
  end)

  it("loses byte order marks in its middle", function()
    local list = prepare("select 1;\n\xEF\xBB\xBFselect 2").statements
    assert.same({ "select 1", "select 2" }, { list[1].text, list[2].text })
  end)

  it("runs in a transaction unless its statements or its configuration say otherwise", function()
    for _, case in ipairs {
      { "select 1", nil, true },
      { "", nil, true },
      { "vacuum t; vacuum u", nil, false },
      { "select 1", OUTSIDE, false },
      { "select 1; vacuum t", OUTSIDE, false },
      { "vacuum t", "executeInTransaction=true", true },
      { "create function f() returns int language plpgsql as $$ begin return 1; end; $$;", nil, true },
    } do
      assert.equal(case[3], prepare(case[1], case[2]).transaction, case[1])
    end
  end)

  it("may commit by itself", function()
    assert.is_true(prepare("select 1; commit; select 2").commits)
    assert.is_false(prepare("select 1; rollback; begin; select 2").commits)
    assert.is_false(prepare("begin; select 1; commit", OUTSIDE).commits)
  end)

  it("is refused where it could not run, with its line", function()
    for _, case in ipairs {
      { "select 1;\nvacuum t", nil, "sub/V1__x.sql:2", "a migration of its own" },
      { "vacuum t;\n\nselect 1", nil, "sub/V1__x.sql:3", "a migration of its own" },
      { "select 1;\nselect '${nosuch}'", nil, "sub/V1__x.sql:2", "no value for the placeholder" },
      { "select 1;\nselect 'a", nil, "sub/V1__x.sql:2", "does not end" },
      { "select 1;\nbegin; select 2", OUTSIDE, "sub/V1__x.sql:2", "is not committed" },
      { "begin; commit;\nstart transaction; commit and chain", OUTSIDE, "sub/V1__x.sql:2", "is not committed" },
    } do
      local problem = raised(prepare, case[1], case[2])
      assert.equal(case[3], problem.where)
      assert.matches(case[4], problem.message)
    end
  end)

  it("is refused when it is a program", function()
    local problem = raised(script.prepare, { script = "V1__x.sh", text = "", conf = {}, program = true }, {})
    assert.matches("a program, not SQL", problem.message)
  end)
end)

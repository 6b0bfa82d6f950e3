local sql = require "o2x.client.flyway.sql"

local function texts(script)
  local list = {}
  for i, statement in ipairs(sql.statements(script)) do
    list[i] = statement.text:match "^%s*(.-)%s*$"
  end
  return list
end

local function refused(script, where, message)
  local ok, err = pcall(sql.transactional, script, "V1__x.sql")
  assert.is_false(ok, script)
  assert.equal(where, err.where)
  assert.matches(message, err.message)
end

describe("sql.statements", function()
  it(
    "ends a statement at its semicolon",
    function() assert.same({ "select 1", "select 2" }, texts "select 1; select 2;") end
  )

  it("does not end one in a text, a name, a comment or a function's body", function()
    for _, script in ipairs {
      "select ';'",
      "select 'it''s;'",
      [[select E'\';']],
      'select ";"',
      "select 1 -- ; no",
      "select /* ; /* ; */ ; */ 1",
      "do $$ begin; end $$",
      "do $a$ $$; $a$",
    } do
      assert.same({ script }, texts(script))
    end
  end)

  it("gives each its line and its words in capitals", function()
    local second = sql.statements("-- head\nselect 1;\n\n  update t\n set a = 'x';")[2]
    assert.equal(4, second.line)
    assert.equal("UPDATE T SET A = ''", second.code)
  end)

  it("does not give what is only a comment", function() assert.same({}, texts "-- nothing\n;/* here */;") end)
end)

describe("sql.transactional", function()
  it("is true for ordinary statements", function() assert.is_true(sql.transactional("create table t (a int)", "x")) end)

  it("is false for what PostgreSQL runs outside only", function()
    for _, script in ipairs { "CREATE INDEX CONCURRENTLY i ON t (a)", "vacuum t", "create database x" } do
      assert.is_false(sql.transactional(script, "x"), script)
    end
  end)

  it(
    "is what the file beside it says",
    function() assert.is_false(sql.transactional("select 1", "x", "executeInTransaction=false")) end
  )

  it(
    "refuses a script that needs both",
    function()
      refused("create table t (a int);\ncreate index concurrently i on t (a);", "V1__x.sql:2", "migration of its own")
    end
  )

  it("refuses a script that begins or ends transactions itself", function()
    refused("begin;\nselect 1;\ncommit;", "V1__x.sql:1", "transaction")
    refused("select 1;\nrollback;", "V1__x.sql:2", "transaction")
  end)

  it("lets a function's body have its own begin and end", function()
    assert.is_true(sql.transactional("do $$ begin perform 1; end $$", "x"))
    assert.is_true(sql.transactional("create function f() returns int begin atomic; select 1; end", "x"))
  end)

  it(
    "refuses data that would come by standard input",
    function() refused("copy t from stdin", "V1__x.sql:1", "COPY FROM STDIN") end
  )
end)

describe("sql.concurrent_index", function()
  local function name(text) return sql.concurrent_index(sql.statements(text)[1]) end

  it("is the index's name as it is written", function()
    assert.equal("i", name "create index concurrently i on t (a)")
    assert.equal('"My I"', name 'create unique index concurrently if not exists "My I" on t (a)')
  end)

  it("is nil for one without a name, and for any other statement", function()
    assert.is_nil(name "create index concurrently on t (a)")
    assert.is_nil(name "create index i on t (a)")
  end)
end)

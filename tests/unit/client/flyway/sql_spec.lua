local sql = require "o2x.client.flyway.sql"

local function texts(script)
  local list = {}
  for i, statement in ipairs(assert(sql.statements(script))) do
    list[i] = statement.text
  end
  return list
end

describe("sql.statements", function()
  it("ends a statement at its semicolon", function()
    for script, expected in pairs {
      ["select 1; select 2;"] = { "select 1", "select 2" },
      ["select 1;\nselect 2"] = { "select 1", "select 2" },
      [";; select 1 ;;"] = { "select 1" },
      ["select 1 -- ;\n;select 2"] = { "select 1", "select 2" },
      ["select 1 -- ;\rfrom t;select 2"] = { "select 1 -- ;\rfrom t", "select 2" },
      ["select 'a\\'; select 2"] = { "select 'a\\'", "select 2" },
      ["select a$b$; select $b$;$b$"] = { "select a$b$", "select $b$;$b$" },
      ["select $1; select 2$"] = { "select $1", "select 2$" },
      ["begin; select 1; end;"] = { "begin", "select 1", "end" },
      ["select 1; /* a; select 2;"] = { "select 1" },
      ["/* a"] = {},
      ["select 1;\r\n\x1a"] = { "select 1" },
      ["\x01select 1\x1a;\0"] = { "select 1" },
      ["\u{3000}select 1;\u{2028} -- a\n\u{2003}select 2"] = { "select 1", "select 2" },
      ["select\u{3000}1; select '\x1a'"] = { "select\u{3000}1", "select '\x1a'" },
    } do
      assert.same(expected, texts(script), script)
    end
  end)

  it("does not end one in a text, a name, a comment, parentheses or a function's body", function()
    for _, script in ipairs {
      "select ';'",
      "select 'it''s;'",
      [[select E'\';']],
      [[select e'\\\';']],
      "select U&';', u&\";\", B'1', x';', n';'",
      'select ";"',
      'select "a"";"',
      "select /* ; /* ; */ ; */ 1",
      "do $$ begin; end $$",
      "do $a$ $$; $a$",
      "do $ä$ ; $ä$",
      "create rule r as on insert to t do also (select 1; select 2)",
      "create function f() returns int begin atomic select 1; select 2; end",
      "create function f() returns int BEGIN /* c */ ATOMIC select case when true then 1 end; select 2; END",
    } do
      assert.same({ script }, texts(script))
    end
  end)

  it("gives each its line and its first words in capitals, without names that have dots or quotes", function()
    local second = sql.statements("-- head\nselect 1;\n\n  update public.t\n set \"only\" = 'x', e1 = (select 2);")[2]
    assert.equal(4, second.line)
    assert.equal("UPDATE SET", second.code)
  end)

  it("gives COPY its data", function()
    local script =
      "COPY t FROM stdin; -- rest\n1\ta;b\n\\N\n\\.\nselect 1;\ncopy t (a) from stdin with (format csv);\r\n\\.\r\n"
    local list = sql.statements(script)
    assert.same({ "COPY t FROM stdin", "1\ta;b\n\\N\n" }, { list[1].text, list[1].data })
    assert.equal("select 1", list[2].text)
    assert.equal("", list[3].data)
    assert.is_nil(list[4])
    assert.is_nil(sql.statements("copy t from 'stdin'; select 1")[1].data)
  end)

  it("reads a long script in a time that grows with its length", function()
    local lines = {}
    for i = 1, 20000 do
      lines[i] = ("INSERT INTO t (a, b) VALUES (%d, 'text; %d'); -- comment"):format(i, i)
    end
    local began = os.clock()
    local list = sql.statements(table.concat(lines, "\n"))
    assert.same({ 20000, 20000 }, { #list, list[#list].line })
    assert.is_true(os.clock() - began < 20, "too slow")
  end)

  it("says where what does not end begins", function()
    for script, expected in pairs {
      ["select 1;\nselect 'a"] = "a quoted text or name does not end",
      ["\nselect $$ a"] = "a quoted text or name does not end",
      ['\nselect "a'] = "a quoted text or name does not end",
      ["\nselect 'a\0b'"] = "a byte of zero, which PostgreSQL takes nowhere",
      ["select\n1\0 + 1"] = "a byte of zero, which PostgreSQL takes nowhere",
      ["\nselect 1 /* a"] = "a comment does not end",
      ["\nselect (1; select 2;"] = "a parenthesis in the statement does not end",
      ["\ncreate function f() begin atomic select 1;"] = "BEGIN ATOMIC does not end",
      ["\ncopy t from stdin;\n1\n"] = "the data of COPY do not end with a line of \\. alone",
      ["\ncopy t from stdin"] = "the data of COPY do not end with a line of \\. alone",
    } do
      local list, problem, line = sql.statements(script)
      assert.same({ nil, expected, 2 }, { list, problem, line })
    end
  end)

  it("does not give what is only a comment", function() assert.same({}, texts "-- nothing\n;/* here */;") end)
end)

local function first(script) return sql.statements(script)[1] end

describe("a statement", function()
  it("may have to run outside a transaction", function()
    for _, script in ipairs {
      "CREATE INDEX CONCURRENTLY i ON t (a)",
      "create unique /* c */ index concurrently if not exists i on t (a)",
      "drop index concurrently i",
      "vacuum t",
      "VACUUM (ANALYZE) t",
      "create database x",
      "alter system set work_mem = '1MB'",
      "reindex (verbose) schema s",
      "discard all",
    } do
      assert.is_true(sql.outside(first(script)), script)
    end
    for _, script in ipairs {
      "create index i on t (concurrently)",
      "create table vacuum_log (a int)",
      "select 'vacuum'",
      "vacuumx t",
      "reindex table concurrently t",
    } do
      assert.is_false(sql.outside(first(script)), script)
    end
  end)

  it("may begin or end a transaction", function()
    for script, expected in pairs {
      ["begin"] = { "begin" },
      ["BEGIN ISOLATION LEVEL SERIALIZABLE"] = { "begin" },
      ["start transaction"] = { "begin" },
      ["commit"] = { "commit", false },
      ["commit work and chain"] = { "commit", true },
      ["end transaction"] = { "commit", false },
      ["prepare transaction 'x'"] = { "commit", false },
      ["rollback"] = { "roll back", false },
      ["abort and chain"] = { "roll back", true },
      ["rollback to a"] = {},
      ["rollback work to savepoint a"] = {},
      ["commit prepared 'x'"] = {},
      ["savepoint a"] = {},
      ["endless"] = {},
      ["do $$ begin commit; end $$"] = {},
    } do
      assert.same(expected, { sql.control(first(script)) }, script)
    end
  end)
end)

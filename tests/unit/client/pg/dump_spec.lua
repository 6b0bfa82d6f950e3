local dump = require "o2x.client.pg.dump"
local raised = require "tests.support.raised"

-- "1 CREATE TABLE t|rows 2": the statements with their lines, and the rows after each
local function read(text)
  local seen, rows = {}, 0
  local splitter = dump.new("a.dump", {
    statement = function(s)
      seen[#seen + 1] = ("%d %s"):format(s.line, s.text:gsub("%s+", " "))
      return s.tokens[1].text == "copy"
    end,
    row = function() rows = rows + 1 end,
    rows_end = function()
      seen[#seen + 1] = "rows " .. rows
      rows = 0
    end,
  })
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    splitter:line(line)
  end
  splitter:finish()
  return table.concat(seen, "|")
end

describe("the SQL of an archive", function()
  for text, expected in pairs {
    ["SET a = 1;"] = "1 SET a = 1",
    ["--\n-- Name: t; Type: TABLE; Schema: a; Ow\n--\n\nCREATE TABLE t (\n a int\n);"] = "5 CREATE TABLE t ( a int )",
    ["a; b;\nc;"] = "1 a|1  b|2 c",
    ["a ';' \"b;\" /* ; */ -- ;\n$$;$$;"] = "1 a ';' \"b;\" /* ; */ -- ; $$;$$",
    ["COPY t (a) FROM stdin;\n1;\n\\\\.\n\\.\nb;"] = "1 COPY t (a) FROM stdin|rows 2|5 b",
    ["COPY t (a) FROM stdin;\n\\.\nb;"] = "1 COPY t (a) FROM stdin|rows 0|3 b",
    ["CREATE RULE r AS ON DELETE TO v DO (a; b);"] = "1 CREATE RULE r AS ON DELETE TO v DO (a; b)",
    ["f BEGIN ATOMIC\n a;\n CASE b END;\nEND;\nc;"] = "1 f BEGIN ATOMIC a; CASE b END; END|5 c",
    ["f $x$ begin\n a;\nend; $x$;"] = "1 f $x$ begin a; end; $x$",
    ["\\restrict abc\na;\n\\unrestrict abc"] = "2 a",
    ["-- x\rDROP;"] = "1 -- x\rDROP",
    [";;"] = "",
    [""] = "",
  } do
    it(("is split: %q"):format(text), function() assert.equal((expected:gsub("\r", " ")), read(text)) end)
  end

  for _, text in ipairs {
    "a",
    "a 'x;",
    "CREATE TABLE t (a;",
    "a );",
    "COPY t (a) FROM stdin;\n1",
    "COPY t (a) FROM stdin; b;\n\\.",
    "\\! ls",
    "\\connect x",
    "\\restrict a b",
    "a \\restrict b",
    "a \\g;",
    'U&"x";',
    "/* x",
  } do
    it(("is refused: %q"):format(text), function()
      local problem = raised(read, text)
      assert.equal("refused", problem.kind)
      assert.equal("a.dump", problem.where)
      assert.matches("line %d", problem.message)
    end)
  end
end)

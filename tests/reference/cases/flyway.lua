-- Folders of migrations, and what is done with them. A case has files, or steps with files each; sql runs before a step
-- as a superuser; command = "repair" repairs instead of migrating. differs: why o2x does something else on purpose;
-- ours: a pattern of what it does.

local T = "CREATE TABLE t (id int, x text);"

-- One script and the table that it writes.
local function one(name, text, more)
  local case = { name = name, files = { ["V1__t.sql"] = T, ["V2__x.sql"] = text } }
  for key, value in pairs(more or {}) do
    case[key] = value
  end
  return case
end

-- One script that is refused before it runs.
local function alone(name, text, more)
  local case = one(name, nil, more)
  case.files = { ["V1__x.sql"] = text }
  return case
end

-- A script and its configuration.
local function configured(name, conf, text, more)
  local case = one(name, text, more)
  case.files["V2__x.sql.conf"] = conf
  return case
end

-- The same folder several times, with changes between.
local function again(name, files, ...)
  local case = { name = name, steps = { { files = files } } }
  local now = files
  for _, step in ipairs { ... } do
    local next_files = {}
    for path, text in pairs(now) do
      next_files[path] = text
    end
    for path, text in pairs(step.change or {}) do
      next_files[path] = text or nil
    end
    table.insert(case.steps, { files = next_files, sql = step.sql, command = step.command })
    case.differs, case.ours = step.differs, step.ours
    now = next_files
  end
  return case
end

return {
  -- ---- names and versions ----
  {
    name = "names: suffix in any case, subfolders, stray files",
    files = {
      ["V1__t.sql"] = T,
      ["V2__upper.SQL"] = "INSERT INTO t VALUES (2)",
      ["V3__Mixed.SqL"] = "INSERT INTO t VALUES (3)",
      ["sub/deep/V4__four.sql"] = "INSERT INTO t VALUES (4)",
      [".hidden/V5__five.sql"] = "INSERT INTO t VALUES (5)",
      ["README.md"] = "no SQL",
      ["notes.sql"] = "SELECT nonsense",
      ["v6__six.sql"] = "SELECT nonsense",
      ["V7_x.sql"] = "SELECT nonsense",
      ["V__none.sql"] = "SELECT nonsense",
      ["Vx__none.sql"] = "SELECT nonsense",
      ["V1..2__dots.sql"] = "SELECT nonsense",
      ["V1.__dot.sql"] = "SELECT nonsense",
      ["V.sql"] = "SELECT nonsense",
      ["R.sql"] = "SELECT nonsense",
      ["R1__x.sql"] = "SELECT nonsense",
      ["r__x.sql"] = "SELECT nonsense",
      ["U2__undo.sql"] = "SELECT nonsense",
      ["afterMigratex.sql"] = "SELECT nonsense",
      ["AfterMigrate.sql"] = "SELECT nonsense",
      ["V8__x.sql.bak"] = "SELECT nonsense",
    },
  },
  {
    name = "names: without description, with underscores, twice the separator",
    files = {
      ["V1.sql"] = T,
      ["V2__.sql"] = "INSERT INTO t VALUES (2)",
      ["V3__a__b.sql"] = "INSERT INTO t VALUES (3)",
      ["V4___c.sql"] = "INSERT INTO t VALUES (4)",
      ["V5__a_b-c d.e.sql"] = "INSERT INTO t VALUES (5)",
      ["R__.sql"] = "INSERT INTO t VALUES (6)",
      ["R__x_y.sql"] = "INSERT INTO t VALUES (7)",
    },
  },
  {
    name = "versions: dots, underscores, leading zeros, large numbers, in order",
    files = {
      ["V1__t.sql"] = "CREATE TABLE t (id serial, x text)",
      ["V1_1__a.sql"] = "INSERT INTO t (x) VALUES ('1.1')",
      ["V1.2__a.sql"] = "INSERT INTO t (x) VALUES ('1.2')",
      ["V1.10__a.sql"] = "INSERT INTO t (x) VALUES ('1.10')",
      ["V002__a.sql"] = "INSERT INTO t (x) VALUES ('2')",
      ["V2.0.1__a.sql"] = "INSERT INTO t (x) VALUES ('2.0.1')",
      ["V20250101120000__a.sql"] = "INSERT INTO t (x) VALUES ('date')",
      ["V9223372036854775808__a.sql"] = "INSERT INTO t (x) VALUES ('2^63')",
      ["V99999999999999999999__a.sql"] = "INSERT INTO t (x) VALUES ('20 digits')",
      ["V100000000000000000000__a.sql"] = "INSERT INTO t (x) VALUES ('21 digits')",
    },
  },
  { name = "versions: the same in two forms", files = { ["V1__a.sql"] = T, ["V1.0__b.sql"] = "" } },
  {
    name = "versions: the same in 20 digits",
    files = { ["V10000000000000000000__a.sql"] = T, ["sub/V10000000000000000000.0__b.sql"] = "" },
  },
  {
    name = "versions: two that differ in the 20th digit",
    files = { ["V10000000000000000000__a.sql"] = T, ["V10000000000000000001__b.sql"] = "INSERT INTO t VALUES (1)" },
  },
  { name = "repeatables: the same description twice", files = { ["R__a.sql"] = "", ["sub/R__a.sql"] = "" } },
  {
    name = "versions: with a sign",
    files = { ["V+1__t.sql"] = T },
    differs = "a version with a sign is refused by name",
    ours = "a version with a sign is not supported",
  },
  {
    name = "descriptions: longer than the column",
    files = { ["V1__" .. ("long_"):rep(44) .. "name.sql"] = T },
  },
  {
    name = "names: a program",
    files = { ["V1__t.sql"] = T, ["V2__p.sh"] = "true" },
    differs = "o2x runs no programs",
    ours = "a program, not SQL",
  },
  -- ---- statements ----
  one(
    "statements: quotes, comments, dollars",
    [==[
-- a comment; with a semicolon
INSERT INTO t VALUES (1, 'a;b'), (2, 'it''s;'), (3, E'\';'), (4, $$;$$), (5, $a$ $$; $a$);
/* ; /* nested; */ ; */
INSERT INTO t VALUES (6, ';' /* ; */) -- ;
;
INSERT INTO t VALUES (7, U&'d\0061t;') ; ; ;
CREATE TABLE "odd;name" (";" int); INSERT INTO "odd;name" VALUES (1)]==]
  ),
  one("statements: none at all", "-- only a comment\n/* and another */\n;;\n"),
  one("statements: an empty file", ""),
  one(
    "statements: a DO block and functions",
    [==[
DO $do$ BEGIN INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); END $do$;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2;';
INSERT INTO t VALUES (f(), 'f'), (g(), 'g');]==]
  ),
  one(
    "statements: BEGIN ATOMIC",
    [==[
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT a + 1; END;
CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC
  INSERT INTO t VALUES (1);
  INSERT INTO t VALUES (2);
END;
CALL p();
INSERT INTO t VALUES (f(2), 'f');]==]
  ),
  one(
    "statements: BEGIN ATOMIC with CASE",
    [==[
CREATE FUNCTION f(a int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END; END;
INSERT INTO t VALUES (1, f(2));]==],
    { differs = "Flyway takes the END of CASE for that of the body", ours = "%(1,x%)" }
  ),
  one(
    "statements: a rule with several commands",
    [==[
CREATE RULE r AS ON INSERT TO t DO ALSO (UPDATE t SET x = 'r' WHERE id = 1; NOTIFY n);
INSERT INTO t VALUES (1, 'a');]==]
  ),
  one("statements: lower-case e before a string", [[INSERT INTO t SELECT 1, e'a\'; b'; INSERT INTO t VALUES (2);]], {
    differs = "Flyway knows only the capital E",
    ours = '%(1,"a\'; b"%)',
  }),
  one("statements: a parenthesis that stays open", "INSERT INTO t VALUES (1; INSERT INTO t VALUES (2);", {
    differs = "o2x looks at all pending scripts before it runs the first",
    ours = "^step 1: unfinished",
  }),
  one(
    "statements: a dollar in a name",
    "CREATE TABLE a$b (id int); INSERT INTO a$b VALUES (1); CREATE TABLE c$ (i int);"
  ),
  one("statements: CR and LF", "INSERT INTO t VALUES (1, 'a');\r\n-- comment; 1\r\nINSERT INTO t VALUES (2, 'b');\r\n"),
  one("statements: only CR", "INSERT INTO t VALUES (1, 'a');\r-- comment; 1\rINSERT INTO t VALUES (2, 'b');\r"),
  one("statements: a byte order mark", "\xEF\xBB\xBFINSERT INTO t VALUES (1, 'ü');"),
  one("statements: a byte order mark inside", "INSERT INTO t VALUES (1);\n\xEF\xBB\xBFINSERT INTO t VALUES (2);"),
  one(
    "statements: letters beyond ASCII",
    "CREATE TABLE größe (länge int); INSERT INTO größe VALUES (1); -- ü;ü"
  ),
  one(
    "statements: results that nobody reads",
    "SELECT 1; SELECT * FROM generate_series(1, 1000); INSERT INTO t VALUES (1);"
  ),
  one("statements: an error in the middle", "INSERT INTO t VALUES (1); SELECT 1/0; INSERT INTO t VALUES (2);"),
  one("statements: a syntax error", "INSERT INTO t VALUES (1); SELEKT 1;"),
  one("statements: psql's own commands", "\\set x 1\nINSERT INTO t VALUES (1);"),
  one("statements: a comment that never ends", "INSERT INTO t VALUES (1); /* the end; INSERT INTO t VALUES (2);"),
  one("statements: the ^Z of old editors", "INSERT INTO t VALUES (1);\x1aINSERT INTO t VALUES (2)\x01;\r\n\x1a\0"),
  one("statements: wide blanks between", "INSERT INTO t VALUES (1);\u{3000}INSERT INTO t VALUES (2);\u{2003}\u{3000}"),
  one("statements: a byte of zero inside", "INSERT INTO t VALUES (1, 'a\0b');", {
    differs = "o2x looks at all pending scripts before it runs the first",
    ours = "^step 1: unfinished",
  }),
  -- ---- COPY ----
  one(
    "COPY: text with semicolons, tabs, nulls",
    "COPY t (id, x) FROM stdin;\n1\thello; world\n2\t\\N\n3\t'quote\n\\.\n\nINSERT INTO t VALUES (4, 'after');"
  ),
  one("COPY: CSV with options", 'COPY public.t FROM STDIN WITH (FORMAT csv, HEADER);\nid,x\n1,"a;b"\n\\.\nSELECT 1;'),
  one("COPY: no rows", "COPY t FROM stdin;\n\\.\nINSERT INTO t VALUES (1);"),
  one("COPY: twice, with CR and LF", "copy t from stdin;\r\n1\ta\r\n\\.\r\ncopy t from stdin;\r\n2\tb\r\n\\.\r\n"),
  one("COPY: a row that does not fit", "COPY t FROM stdin;\n1\ta\nx\tb\n\\.\n"),
  one("COPY: the end of the data is the end of the file", "COPY t FROM stdin;\n1\ta\n\\."),
  -- ---- transactions ----
  one("transactions: BEGIN and COMMIT around all", "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n"),
  one("transactions: COMMIT in the middle", "INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2);"),
  one("transactions: ROLLBACK in the middle", "INSERT INTO t VALUES (1); ROLLBACK; INSERT INTO t VALUES (2);"),
  one(
    "transactions: START TRANSACTION and END",
    "START TRANSACTION; INSERT INTO t VALUES (1); END; INSERT INTO t VALUES (2);"
  ),
  one("transactions: COMMIT AND CHAIN", "INSERT INTO t VALUES (1); COMMIT AND CHAIN; INSERT INTO t VALUES (2);"),
  one(
    "transactions: savepoints",
    "INSERT INTO t VALUES (1); SAVEPOINT a; INSERT INTO t VALUES (2); ROLLBACK TO SAVEPOINT a; RELEASE a;"
  ),
  one(
    "transactions: an error after COMMIT",
    "INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); SELECT 1/0;",
    {
      differs = "what a script has committed cannot be rolled back, so its row says that it failed",
      ours = "2|2|x|SQL|V2__x.sql|%-?%d+|admin|false",
    }
  ),
  one("transactions: an error before COMMIT", "INSERT INTO t VALUES (1); SELECT 1/0; COMMIT;"),
  one(
    "transactions: deferred constraints",
    [[
ALTER TABLE t ADD CONSTRAINT u UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
INSERT INTO t VALUES (1), (1); DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t);]]
  ),
  one("transactions: two that need to be outside", "VACUUM t; VACUUM ANALYZE t;"),
  one("transactions: CREATE INDEX CONCURRENTLY", "CREATE INDEX CONCURRENTLY i ON t (id);"),
  one("transactions: a unique one, IF NOT EXISTS", "create unique index concurrently if not exists i on t (id);"),
  one("transactions: DROP INDEX CONCURRENTLY", "DROP INDEX CONCURRENTLY IF EXISTS nosuch;"),
  alone("transactions: both kinds in one script", "INSERT INTO t VALUES (1); VACUUM t;"),
  alone("transactions: both kinds, the other way round", "VACUUM t; INSERT INTO t VALUES (1);"),
  one("transactions: REINDEX CONCURRENTLY", "REINDEX TABLE CONCURRENTLY t;"),
  one("transactions: ALTER TYPE ADD VALUE", "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e ADD VALUE 'b';"),
  one(
    "transactions: a word that only looks like one",
    "CREATE TABLE vacuum_log (id int); INSERT INTO vacuum_log VALUES (1);"
  ),
  one(
    "transactions: a constraint that fails at the end",
    [[
ALTER TABLE t ADD CONSTRAINT u UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
INSERT INTO t VALUES (1), (1);]]
  ),
  one("transactions: an isolation level", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; INSERT INTO t VALUES (1);", {
    differs = "nothing of o2x comes before the script in its transaction",
    ours = "%(1,%)",
  }),
  configured(
    "transactions: one that is left open outside",
    "executeInTransaction=false",
    "BEGIN; INSERT INTO t VALUES (1);",
    {
      differs = "o2x refuses what would be lost or committed by chance",
      ours = "is not committed",
    }
  ),
  {
    name = "transactions: DISCARD ALL, which gives up locks and settings",
    files = { ["V1__t.sql"] = T, ["V2__d.sql"] = "DISCARD ALL;", ["V3__x.sql"] = "INSERT INTO t VALUES (3);" },
    differs = "o2x has the lock in a session of its own, so that a script cannot give it up",
    ours = "%(3,%)",
  },
  -- ---- a script's configuration ----
  configured("conf: executeInTransaction=false", "executeInTransaction=false", "INSERT INTO t VALUES (1); VACUUM t;"),
  configured("conf: in a comment", "# executeInTransaction=false", "INSERT INTO t VALUES (1); SELECT 1/0;"),
  configured(
    "conf: in the other kind of comment",
    "! executeInTransaction=false",
    "INSERT INTO t VALUES (1); SELECT 1/0;"
  ),
  configured("conf: colon and blanks", "  executeInTransaction : FALSE  ", "INSERT INTO t VALUES (1); VACUUM t;"),
  configured("conf: a blank between", "executeInTransaction false", "INSERT INTO t VALUES (1); VACUUM t;"),
  configured(
    "conf: several lines, CR and LF",
    "# c\r\n\r\nexecuteInTransaction=\\\r\nfalse\r\n",
    "VACUUM t; SELECT 1;"
  ),
  configured("conf: the last of two", "executeInTransaction=true\nexecuteInTransaction=false", "VACUUM t; SELECT 1;"),
  configured("conf: no boolean", "executeInTransaction=maybe", "SELECT 1;"),
  configured("conf: an empty value", "executeInTransaction=", "SELECT 1;"),
  configured("conf: an unknown key", "executeInTransactions=false", "SELECT 1;"),
  configured("conf: an unknown key with a prefix", "flyway.executeInTransaction=false", "SELECT 1;"),
  configured("conf: shouldExecute", "shouldExecute=false", "SELECT 1;"),
  configured("conf: in a transaction what cannot be", "executeInTransaction=true", "VACUUM t;"),
  configured(
    "conf: both kinds, said to be outside",
    "executeInTransaction=false",
    "VACUUM t; INSERT INTO t VALUES (1);"
  ),
  configured("conf: placeholderReplacement=false", "placeholderReplacement=false", "INSERT INTO t VALUES (1, '${y}');"),
  configured("conf: placeholderReplacement=true", "placeholderReplacement=true", "INSERT INTO t VALUES (1, '${y}');", {
    placeholders = { y = "replaced" },
  }),
  configured("conf: Latin 1", "encoding=ISO-8859-1", "INSERT INTO t VALUES (1, 'gr\xfc\xdfe');"),
  configured("conf: windows-1252", "encoding=windows-1252", "INSERT INTO t VALUES (1, '\x80 \x93\x94');"),
  configured("conf: ISO8859_1, as Java names it", "encoding=ISO8859_1", "INSERT INTO t VALUES (1, 'gr\xfc\xdfe');"),
  configured(
    "conf: ISO-8859-15",
    "encoding=ISO-8859-15",
    "INSERT INTO t VALUES (1, '\xa4 \xa6\xa8\xb4\xb8\xbc\xbd\xbe');"
  ),
  configured(
    "conf: a byte order mark",
    "\xEF\xBB\xBFexecuteInTransaction=false",
    "INSERT INTO t VALUES (1); VACUUM t;"
  ),
  configured("conf: not UTF-8", "# gr\xfc\xdfe\nexecuteInTransaction=false", "INSERT INTO t VALUES (1); VACUUM t;"),
  configured("conf: UTF-16", "encoding=UTF-16", "\xfe\xff" .. ("INSERT INTO t VALUES (1);"):gsub(".", "\0%0")),
  one("encoding: not UTF-8", "INSERT INTO t VALUES (1, 'gr\xfc\xdfe');"),
  {
    name = "conf: its name in another case",
    files = {
      ["V1__t.sql"] = T,
      ["V2__X.SQL"] = "INSERT INTO t VALUES (1); VACUUM t;",
      ["v2__x.sql.conf"] = "executeInTransaction=false",
    },
  },
  {
    name = "conf: begin and commit outside a transaction",
    files = {
      ["V1__t.sql"] = T,
      ["V2__x.sql"] = "BEGIN; INSERT INTO t VALUES (1); COMMIT; VACUUM t; BEGIN; INSERT INTO t VALUES (2); ROLLBACK;",
      ["V2__x.sql.conf"] = "executeInTransaction=false",
    },
  },
  -- ---- placeholders ----
  one(
    "placeholders: in any case, in strings and comments",
    "-- ${NAME}\nINSERT INTO t VALUES (1, '${name} ${Name}');",
    {
      placeholders = { name = "acme" },
    }
  ),
  one(
    "placeholders: those of Flyway itself",
    [[INSERT INTO t VALUES
    (1, '${flyway:database}'), (2, '${flyway:user}'), (3, '${flyway:filename}'), (4, '${flyway:table}'),
    (5, '${flyway:defaultSchema}'), (6, '${FLYWAY:DATABASE}'), (7, '${flyway:environment}');]]
  ),
  one(
    "placeholders: a dollar sign takes the next character along",
    "INSERT INTO t VALUES (1, 'a$x${a} $${a} $$${a} $');",
    {
      placeholders = { a = "b" },
    }
  ),
  one("placeholders: without a value, after a dollar sign", "INSERT INTO t VALUES (1, '$${nosuch}');"),
  one("a text in dollars that ends early", "DO $$ BEGIN PERFORM '$$x'; END $$;", {
    differs = "the last $$ begins a text that does not end: o2x says so before the first script runs",
    ours = "unfinished",
  }),
  {
    name = "placeholders: a repeatable migration's checksum, with a dollar sign before",
    files = { ["V1__t.sql"] = T, ["R__r.sql"] = "INSERT INTO t VALUES (1, '$${name}')" },
    placeholders = { name = "acme" },
  },
  alone("placeholders: without a value", "INSERT INTO t VALUES (1, '${nosuch}');"),
  alone("placeholders: without a value, in a comment", "-- ${nosuch}\nINSERT INTO t VALUES (1);"),
  alone("placeholders: an empty name", "INSERT INTO t VALUES (1, '${}');"),
  alone("placeholders: that does not end", "INSERT INTO t VALUES (1, '${name');", { placeholders = { name = "x" } }),
  one("placeholders: dollars that are none", "INSERT INTO t VALUES (1, '$name {name} $$ $ {name}');"),
  one("placeholders: a name of one letter", "INSERT INTO t VALUES (1, '${a}');", { placeholders = { a = "b" } }),
  {
    name = "placeholders: a file in a folder",
    files = { ["sub/V1__t.sql"] = T .. "INSERT INTO t VALUES (1, '${flyway:filename}')" },
  },
  {
    name = "placeholders: a repeatable migration's checksum has the value",
    files = { ["V1__t.sql"] = T, ["R__r.sql"] = "INSERT INTO t VALUES (1, '${name}')" },
    placeholders = { name = "acme" },
  },
  {
    name = "placeholders: a repeatable migration that replaces none",
    files = {
      ["V1__t.sql"] = T,
      ["R__r.sql"] = "INSERT INTO t VALUES (1, '${name}')",
      ["R__r.sql.conf"] = "placeholderReplacement=false",
    },
    placeholders = { name = "acme" },
  },
  -- ---- settings ----
  {
    name = "settings: SET ROLE ends with the script",
    files = {
      ["V1__a.sql"] = "GRANT CREATE ON SCHEMA public TO other; SET ROLE other; CREATE TABLE owned (id int);",
      ["V2__b.sql"] = "CREATE TABLE who AS SELECT current_user::text AS u;",
    },
  },
  {
    name = "settings: the search path ends with the script",
    files = {
      ["V1__a.sql"] = "CREATE SCHEMA s; SET search_path = s; CREATE TABLE a (id int);",
      ["V2__b.sql"] = "CREATE TABLE b AS SELECT current_setting('search_path') AS p;",
      ["V3__c.sql"] = "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.c (id int);",
      ["V4__d.sql"] = "CREATE TABLE d (id int);",
    },
  },
  {
    name = "settings: others stay for the scripts of the same run",
    files = {
      ["V1__a.sql"] = "SET work_mem = '5MB'; SET my.own = 'x'; CREATE TEMP TABLE tmp (id int);",
      ["V2__b.sql"] = [[CREATE TABLE b AS SELECT current_setting('work_mem') AS w, current_setting('my.own', true) AS o,
        to_regclass('tmp') IS NOT NULL AS tmp;]],
    },
  },
  {
    name = "settings: what is only the session's is there for a script that sets something",
    files = {
      ["V1__a.sql"] = "CREATE TEMPORARY TABLE tmp (id int);",
      ["V2__b.sql"] = [[SET my.own = 'x'; CREATE TABLE b AS SELECT current_setting('my.own', true) AS o,
        to_regclass('tmp') IS NOT NULL AS tmp;]],
      ["V3__c.sql"] = [[CREATE TABLE c AS SELECT current_setting('my.own', true) AS o,
        to_regclass('tmp') IS NULL AS tmp;]],
    },
  },
  {
    name = "settings: SET LOCAL ends with the transaction",
    files = {
      ["V1__a.sql"] = "SET LOCAL work_mem = '5MB'; SET LOCAL ROLE other; SELECT 1;",
      ["V2__b.sql"] = "CREATE TABLE b AS SELECT current_setting('work_mem') AS w, current_user::text AS u;",
    },
  },
  {
    name = "settings: several schemas, the first is the default one",
    schemas = { "public", "extra", "Odd_Name" },
    files = {
      ["V1__a.sql"] = 'CREATE TABLE a (id int); CREATE TABLE extra.b (id int); CREATE TABLE "Odd_Name".c (id int);',
      ["V2__b.sql"] = "CREATE TABLE p AS SELECT current_setting('search_path') AS p;",
    },
  },
  {
    name = "settings: the history in a schema that is made first",
    schemas = { "app", "public" },
    files = {
      ["V1__a.sql"] = "CREATE TABLE a AS SELECT current_setting('search_path') AS p;",
      ["R__b.sql"] = "CREATE TABLE IF NOT EXISTS b AS SELECT '${flyway:defaultSchema}' AS s;",
    },
  },
  {
    name = "settings: a schema with capitals",
    schemas = { "App" },
    files = { ["V1__a.sql"] = "CREATE TABLE a AS SELECT current_setting('search_path') AS p;" },
  },
  one("settings: another encoding of the client", "SET client_encoding = 'LATIN1'; INSERT INTO t VALUES (1, 'ü');"),
  one("settings: SET NAMES", "INSERT INTO t VALUES (1); SET NAMES 'SQL_ASCII';"),
  one("settings: the encoding that it has", "SET client_encoding = 'UTF8'; INSERT INTO t VALUES (1, 'ü');"),
  one(
    "settings: another style of dates",
    "SET DateStyle = 'German'; INSERT INTO t VALUES (1, '01.02.2024'::date::text);"
  ),
  one(
    "settings: another order of dates",
    "SET DateStyle = 'ISO, DMY'; INSERT INTO t VALUES (1, '01.02.2024'::date::text);"
  ),
  configured(
    "settings: another encoding, outside a transaction",
    "executeInTransaction=false",
    "INSERT INTO t VALUES (1); SET client_encoding = 'LATIN1'; INSERT INTO t VALUES (2, 'ü');",
    {
      differs = "Flyway loses its connection, and with it the row that says that the script failed",
      ours = "2|2|x|SQL|V2__x.sql|%-?%d+|admin|false",
    }
  ),
  again("settings: a database with another style of dates", { ["V1__t.sql"] = T }, {
    sql = "ALTER DATABASE tried SET DateStyle = 'German, DMY'",
    change = { ["V2__x.sql"] = "INSERT INTO t VALUES (1, '2024-02-01'::date::text);" },
  }),
  -- ---- what is applied ----
  again("twice: nothing to do", { ["V1__t.sql"] = T, ["R__r.sql"] = "INSERT INTO t VALUES (1)" }, {}),
  again(
    "later: new versions and a changed repeatable",
    { ["V1__t.sql"] = T, ["R__r.sql"] = "INSERT INTO t VALUES (1)" },
    {
      change = { ["V2__n.sql"] = "INSERT INTO t VALUES (2)", ["R__r.sql"] = "INSERT INTO t VALUES (3)" },
    },
    { change = { ["V3__n.sql"] = "INSERT INTO t VALUES (4)", ["R__s.sql"] = "INSERT INTO t VALUES (5)" } }
  ),
  again("later: a changed script", { ["V1__t.sql"] = T }, { change = { ["V1__t.sql"] = T .. "-- changed" } }),
  again("later: only its line ends changed", { ["V1__t.sql"] = T .. "\nSELECT 1;\n" }, {
    change = { ["V1__t.sql"] = T .. "\r\nSELECT 1;" },
  }),
  again("later: a renamed script", { ["V1__t.sql"] = T }, { change = { ["V1__t.sql"] = false, ["V1__u.sql"] = T } }),
  again("later: the same version in another form", { ["V1__t.sql"] = T }, {
    change = { ["V1__t.sql"] = false, ["sub/V01.0__t.sql"] = T },
  }),
  again(
    "later: a missing script",
    { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 1" },
    { change = { ["V1__t.sql"] = false } }
  ),
  again("later: the newest script is missing", { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 1" }, {
    change = { ["V2__x.sql"] = false },
  }),
  again(
    "later: the newest script is missing, and an older one is new",
    { ["V1__t.sql"] = T, ["V3__x.sql"] = "SELECT 1" },
    {
      change = { ["V3__x.sql"] = false, ["V2__x.sql"] = "SELECT 2" },
    }
  ),
  again(
    "later: a missing repeatable",
    { ["V1__t.sql"] = T, ["R__r.sql"] = "SELECT 1" },
    { change = { ["R__r.sql"] = false } }
  ),
  again("later: out of order", { ["V1__t.sql"] = T, ["V3__x.sql"] = "SELECT 1" }, {
    change = { ["V2__x.sql"] = "INSERT INTO t VALUES (2)" },
  }),
  again("later: all files are gone", { ["V1__t.sql"] = T }, { change = { ["V1__t.sql"] = false } }),
  again("applied: what would not run today is not looked at", { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 1;" }, {
    sql = "UPDATE flyway_schema_history SET checksum = NULL WHERE version = '2'",
    change = { ["V2__x.sql"] = "INSERT INTO t VALUES (1); VACUUM t; SELECT '${nosuch}'; COPY t FROM stdin" },
  }),
  again("repeatable: back to an earlier text", { ["V1__t.sql"] = T, ["R__r.sql"] = "INSERT INTO t VALUES (1)" }, {
    change = { ["R__r.sql"] = "INSERT INTO t VALUES (2)" },
  }, { change = { ["R__r.sql"] = "INSERT INTO t VALUES (1)" } }),
  {
    name = "repeatables run in the order of their descriptions, after the versions",
    files = {
      ["R__b.sql"] = "INSERT INTO t (x) VALUES ('b')",
      ["R__a_2.sql"] = "INSERT INTO t (x) VALUES ('a 2')",
      ["R__a.sql"] = "INSERT INTO t (x) VALUES ('a')",
      ["R__B.sql"] = "INSERT INTO t (x) VALUES ('B')",
      ["R__\u{1F600}.sql"] = "INSERT INTO t (x) VALUES ('two units of UTF-16')",
      ["R__\u{FFFD}.sql"] = "INSERT INTO t (x) VALUES ('one')",
      ["V1__t.sql"] = "CREATE TABLE t (id serial, x text)",
    },
  },
  -- ---- a database of others ----
  {
    name = "content: a table by hand",
    steps = { { sql = "CREATE TABLE by_hand (id int)", files = { ["V1__t.sql"] = T } } },
  },
  {
    name = "content: a function by hand",
    steps = { { sql = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", files = { ["V1__t.sql"] = T } } },
  },
  {
    name = "content: a type by hand",
    steps = { { sql = "CREATE TYPE e AS ENUM ('a')", files = { ["V1__t.sql"] = T } } },
  },
  {
    name = "content: an extension",
    steps = { { sql = "CREATE EXTENSION pg_trgm", files = { ["V1__t.sql"] = T } } },
  },
  {
    name = "content: in a schema of others",
    steps = { { sql = "CREATE SCHEMA s; CREATE TABLE s.a ()", files = { ["V1__t.sql"] = T } } },
  },
  {
    name = "content: by hand, with a schema to be made",
    schemas = { "public", "extra" },
    steps = { { sql = "CREATE TABLE by_hand (id int)", files = { ["V1__t.sql"] = T } } },
    differs = "Flyway forgets to look when it makes a schema first",
    ours = "not empty",
  },
  -- ---- failures and repair ----
  again("failed: outside a transaction, refused until repaired", {
    ["V1__t.sql"] = T,
    ["V2__x.sql"] = "INSERT INTO t VALUES (1); SELECT 1/0;",
    ["V2__x.sql.conf"] = "executeInTransaction=false",
  }, {}, { change = { ["V2__x.sql"] = "INSERT INTO t VALUES (2);" } }, { command = "repair" }, {}),
  again("failed: a unique index, refused until repaired", {
    ["V1__t.sql"] = T .. "INSERT INTO t VALUES (1), (1);",
    ["V2__x.sql"] = "CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);",
  }, {}, { command = "repair" }, { sql = "DROP INDEX i; DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)" }),
  again(
    "failed: a repeatable outside a transaction, refused until repaired",
    { ["V1__t.sql"] = T, ["R__r.sql"] = "VACUUM nosuch;" },
    {},
    { change = { ["R__r.sql"] = "VACUUM t;" } },
    { command = "repair" },
    {}
  ),
  again("failed: an applied repeatable fails later", { ["V1__t.sql"] = T, ["R__r.sql"] = "VACUUM t;" }, {
    change = { ["R__r.sql"] = "VACUUM nosuch;" },
  }, { change = { ["R__r.sql"] = "VACUUM t;" } }, { command = "repair" }, {}),
  again(
    "failed: in a transaction, corrected, without a repair",
    { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 1/0;" },
    {
      change = { ["V2__x.sql"] = "INSERT INTO t VALUES (1);" },
    }
  ),
  again("failed: a later script is not run", {
    ["V1__t.sql"] = T,
    ["V2__x.sql"] = "SELECT 1/0;",
    ["V3__y.sql"] = "INSERT INTO t VALUES (3);",
  }, {}),
  again(
    "failed: the file is gone",
    { ["V1__t.sql"] = T, ["V2__x.sql"] = "VACUUM nosuch;" },
    { change = { ["V2__x.sql"] = false } },
    { change = { ["V3__y.sql"] = "INSERT INTO t VALUES (3)" } },
    { command = "repair" },
    {}
  ),
  again(
    "repair: a changed script",
    { ["V1__t.sql"] = T },
    { change = { ["V1__t.sql"] = T .. "-- c" } },
    { command = "repair" },
    {}
  ),
  again("repair: a renamed script", { ["V1__t.sql"] = T }, {
    change = { ["V1__t.sql"] = false, ["V1__other_name.sql"] = T },
  }, { command = "repair" }, {}),
  again(
    "repair: a missing script, and back again",
    { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 1", ["V3__y.sql"] = "" },
    {
      change = { ["V2__x.sql"] = false },
    },
    { command = "repair" },
    {},
    { change = { ["V2__x.sql"] = "SELECT 1" } }
  ),
  again(
    "repair: a missing repeatable, and back again",
    { ["V1__t.sql"] = T, ["R__r.sql"] = "INSERT INTO t VALUES (1)" },
    {
      change = { ["R__r.sql"] = false },
    },
    { command = "repair" },
    {},
    { change = { ["R__r.sql"] = "INSERT INTO t VALUES (1)" } }
  ),
  again("repair: nothing to do", { ["V1__t.sql"] = T }, { command = "repair" }, {}),
  again("repair: no history yet", {}, { command = "repair" }),
  again("repair: a newer script is not missing", { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 1" }, {
    change = { ["V2__x.sql"] = false },
    command = "repair",
  }, {}),
  again("repair: a checksum that is null", { ["V1__t.sql"] = T }, {
    sql = "UPDATE flyway_schema_history SET checksum = NULL",
  }, { command = "repair" }, {}),
  -- ---- rows that others wrote ----
  again("rows: a baseline", { ["V2__t.sql"] = T }, {
    sql = [[DROP TABLE t; DELETE FROM flyway_schema_history;
      INSERT INTO flyway_schema_history VALUES (1, '1.5', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>',
        NULL, 'admin', now(), 0, true)]],
    change = { ["V1__a.sql"] = "SELECT nonsense", ["V1.5__b.sql"] = "SELECT nonsense" },
  }),
  again("rows: a baseline above what is applied", { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT 2" }, {
    sql = [[INSERT INTO flyway_schema_history VALUES (3, '3', '<< Flyway Baseline >>', 'BASELINE',
      '<< Flyway Baseline >>', NULL, 'admin', now(), 0, true)]],
    change = {
      ["V1__t.sql"] = T .. "-- changed",
      ["V3__n.sql"] = "SELECT nonsense",
      ["V4__n.sql"] = "INSERT INTO t VALUES (4)",
    },
  }),
  again("rows: a schema that is made later", { ["V1__t.sql"] = T }, { change = {} }),
  again("rows: a script of the shell", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history VALUES (2, '2', 's', 'SCRIPT', 'V2__s.sh', 0, 'admin', now(), 0, true)]],
    change = { ["V2__s.sh"] = "", ["V3__x.sql"] = "INSERT INTO t VALUES (3)" },
  }),
  again("rows: a class of Java that is not there", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history VALUES (2, '2', 'j', 'JDBC', 'db.V2__j', NULL, 'admin', now(), 0, true)]],
    change = { ["V3__x.sql"] = "INSERT INTO t VALUES (3)" },
  }),
  again("rows: a class of Java above the folder", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history VALUES (2, '2', 'j', 'JDBC', 'db.V2__j', NULL, 'admin', now(), 0, true)]],
    change = { ["R__x.sql"] = "INSERT INTO t VALUES (3)" },
  }),
  again("rows: one that was deleted and one that came again", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history VALUES
      (2, '0.5', 'x', 'SQL', 'V0.5__x.sql', 5, 'admin', now(), 0, true),
      (3, '0.5', 'x', 'DELETE', 'V0.5__x.sql', 5, 'admin', now(), 0, true)]],
    change = { ["V2__y.sql"] = "INSERT INTO t VALUES (2)" },
  }),
  again("rows: a version in another form", { ["V1__t.sql"] = T }, {
    sql = "UPDATE flyway_schema_history SET version = '01.0'",
    change = { ["V2__y.sql"] = "INSERT INTO t VALUES (2)" },
  }),
  again("rows: a version that is none", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history VALUES (2, 'abc', 'x', 'SQL', 'x.sql', 5, 'admin', now(), 0, true)]],
    change = { ["V2__y.sql"] = "INSERT INTO t VALUES (2)" },
  }, { command = "repair" }),
  again("rows: an undone one, which only other editions know", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history
      VALUES (2, '1', 't', 'UNDO_SQL', 'U1__t.sql', 0, 'admin', now(), 0, true)]],
    change = { ["V2__y.sql"] = "INSERT INTO t VALUES (2)" },
  }),
  again("rows: two failed ones above the folder", { ["V1__t.sql"] = T }, {
    sql = [[INSERT INTO flyway_schema_history VALUES
      (2, '8', 'x', 'SQL', 'V8__x.sql', 5, 'admin', now(), 0, false),
      (3, '9', 'y', 'SQL', 'V9__y.sql', 5, 'admin', now(), 0, false)]],
    change = { ["R__y.sql"] = "INSERT INTO t VALUES (2)" },
  }),
  -- ---- baseline migrations ----
  {
    name = "baseline files: a new database begins with the newest",
    files = {
      ["V1__t.sql"] = "SELECT nonsense",
      ["V2__x.sql"] = "SELECT nonsense",
      ["B1__old.sql"] = "SELECT nonsense",
      ["B2__base.sql"] = T .. "INSERT INTO t VALUES (2)",
      ["V3__y.sql"] = "INSERT INTO t VALUES (3)",
      ["R__r.sql"] = "INSERT INTO t VALUES (9)",
    },
  },
  again("baseline files: one that comes later is not run", { ["V1__t.sql"] = T }, {
    change = { ["B2__base.sql"] = "SELECT nonsense", ["V2__x.sql"] = "INSERT INTO t VALUES (2)" },
  }, { change = { ["B3__base.sql"] = "SELECT nonsense", ["V3__x.sql"] = "INSERT INTO t VALUES (3)" } }),
  again("baseline files: applied, and then changed", { ["B2__base.sql"] = T, ["V2__x.sql"] = "SELECT 1" }, {}, {
    change = { ["V3__y.sql"] = "INSERT INTO t VALUES (3)", ["V2__x.sql"] = "SELECT nonsense" },
  }, { change = { ["B2__base.sql"] = T .. "-- changed" } }),
  { name = "baseline files: two of one version", files = { ["B1__a.sql"] = T, ["B1.0__b.sql"] = T } },
  -- ---- callbacks ----
  {
    name = "callbacks: the order of the events",
    files = {
      ["V1__t.sql"] = "SELECT 1;",
      ["V2__u.sql"] = "SELECT 2;",
      ["R__r.sql"] = "SELECT 3;",
      ["beforeMigrate.sql"] = "CREATE TABLE log (n serial, e text); INSERT INTO log (e) VALUES ('beforeMigrate');",
      ["beforeMigrate__b.sql"] = "INSERT INTO log (e) VALUES ('beforeMigrate b');",
      ["beforeMigrate__a.sql"] = "INSERT INTO log (e) VALUES ('beforeMigrate a');",
      ["sub/beforeEachMigrate.sql"] = "INSERT INTO log (e) VALUES ('beforeEachMigrate');",
      ["beforeEachMigrateStatement.sql"] = "INSERT INTO log (e) VALUES ('beforeEachMigrateStatement');",
      ["afterEachMigrateStatement.sql"] = "INSERT INTO log (e) VALUES ('afterEachMigrateStatement');",
      ["afterEachMigrate.SQL"] = "INSERT INTO log (e) VALUES ('afterEachMigrate');",
      ["afterVersioned.sql"] = "INSERT INTO log (e) VALUES ('afterVersioned');",
      ["beforeRepeatables.sql"] = "INSERT INTO log (e) VALUES ('beforeRepeatables');",
      ["afterMigrateApplied.sql"] = "INSERT INTO log (e) VALUES ('afterMigrateApplied');",
      ["afterMigrate.sql"] = "INSERT INTO log (e) VALUES ('afterMigrate ${flyway:filename}');",
      ["afterMigrateOperationFinish.sql"] = "INSERT INTO log (e) VALUES ('afterMigrateOperationFinish');",
      ["afterMigrateError.sql"] = "INSERT INTO log (e) VALUES ('afterMigrateError');",
      ["beforeClean.sql"] = "SELECT nonsense",
      ["beforeInfo.sql"] = "SELECT nonsense",
      ["beforeUndo.sql"] = "SELECT nonsense",
      ["beforeConnect.sql"] = "SELECT nonsense",
    },
  },
  again("callbacks: validation and schemas", { ["V1__t.sql"] = "CREATE TABLE log (n serial, e text);" }, {
    change = {
      ["V2__x.sql"] = "SELECT 1",
      ["beforeValidate.sql"] = "INSERT INTO log (e) VALUES ('beforeValidate');",
      ["afterValidate.sql"] = "INSERT INTO log (e) VALUES ('afterValidate');",
      ["createSchema.sql"] = "INSERT INTO log (e) VALUES ('createSchema');",
      ["beforeCreateSchema.sql"] = "INSERT INTO log (e) VALUES ('beforeCreateSchema');",
      ["afterValidateError.sql"] = "INSERT INTO log (e) VALUES ('afterValidateError');",
    },
  }),
  again("callbacks: of a validation that fails", { ["V1__t.sql"] = "CREATE TABLE log (n serial, e text);" }, {
    change = {
      ["V1__t.sql"] = "SELECT 'changed'",
      ["beforeValidate.sql"] = "INSERT INTO log (e) VALUES ('beforeValidate');",
      ["afterValidateError.sql"] = "INSERT INTO log (e) VALUES ('afterValidateError');",
    },
    differs = "what is refused is refused before anything runs, callbacks too",
    ours = "step 2: changed",
  }),
  again("callbacks: of an error", { ["V1__t.sql"] = "CREATE TABLE log (n serial, e text);" }, {
    change = {
      ["V2__x.sql"] = "SELECT 1/0",
      ["afterMigrate.sql"] = "INSERT INTO log (e) VALUES ('afterMigrate');",
      ["afterMigrateApplied.sql"] = "INSERT INTO log (e) VALUES ('afterMigrateApplied');",
      ["afterMigrateError.sql"] = "INSERT INTO log (e) VALUES ('afterMigrateError');",
    },
  }),
  again("callbacks: of a repair", { ["V1__t.sql"] = "CREATE TABLE log (n serial, e text);" }, {
    change = {
      ["beforeRepair.sql"] = "INSERT INTO log (e) VALUES ('beforeRepair');",
      ["afterRepair.sql"] = "INSERT INTO log (e) VALUES ('afterRepair');",
      ["V1__t.sql"] = "SELECT 'changed'",
    },
    command = "repair",
  }),
  {
    name = "callbacks: one that fails",
    files = { ["V1__t.sql"] = T, ["beforeEachMigrate.sql"] = "SELECT 1/0;" },
  },
  {
    name = "callbacks: one that fails at the end",
    files = { ["V1__t.sql"] = T, ["afterMigrate.sql"] = "INSERT INTO t VALUES (1); SELECT 1/0;" },
  },
  {
    name = "callbacks: outside a transaction",
    files = { ["V1__t.sql"] = T, ["afterMigrate.sql"] = "VACUUM t;" },
  },
  {
    name = "callbacks: the same twice",
    files = { ["V1__t.sql"] = T, ["afterMigrate.sql"] = "SELECT 1", ["sub/afterMigrate.sql"] = "SELECT 2" },
  },
  {
    name = "callbacks: with nothing to apply",
    differs = "o2x runs callbacks when there is something to apply, so that a second run changes nothing",
    steps = {
      { files = { ["V1__t.sql"] = T } },
      { files = { ["V1__t.sql"] = T, ["afterMigrate.sql"] = "INSERT INTO t VALUES (1);" } },
    },
  },
  again("callbacks: of an error outside a transaction", { ["V1__t.sql"] = "CREATE TABLE log (n serial, e text);" }, {
    change = {
      ["V2__x.sql"] = "VACUUM nosuch",
      ["beforeEachMigrate.sql"] = "INSERT INTO log (e) VALUES ('beforeEachMigrate');",
      ["afterEachMigrate.sql"] = "INSERT INTO log (e) VALUES ('afterEachMigrate');",
      ["afterEachMigrateError.sql"] = "INSERT INTO log (e) VALUES ('afterEachMigrateError');",
      ["afterMigrateError.sql"] = "INSERT INTO log (e) VALUES ('afterMigrateError');",
    },
  }),
  {
    name = "callbacks: one that fails before a script outside a transaction",
    files = { ["V1__x.sql"] = "VACUUM", ["beforeEachMigrate.sql"] = "SELECT 1/0;" },
  },
  {
    name = "callbacks: one that fails after a script outside a transaction",
    files = { ["V1__x.sql"] = "VACUUM", ["afterEachMigrate.sql"] = "SELECT 1/0;" },
    differs = "what has run has a row, so that it does not run again",
    ours = "1|1|x|SQL|V1__x.sql|%-?%d+|admin|false",
  },
  -- ---- before anything runs ----
  {
    name = "beforehand: the second script cannot be read",
    files = { ["V1__t.sql"] = T, ["V2__x.sql"] = "SELECT '${nosuch}'" },
    differs = "o2x looks at all pending scripts before it runs the first",
    ours = "step 1: placeholder",
  },
}

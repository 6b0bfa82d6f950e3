local body_check = require "o2x.client.pg.body_check"
local lexer = require "o2x.client.pg.lexer"

local function problem(body, language)
  local text = ("CREATE FUNCTION f() RETURNS void LANGUAGE %s AS $body$%s$body$"):format(language or "plpgsql", body)
  return body_check.problem(assert(lexer.tokens(text)), text)
end

describe("the body of a function", function()
  for _, body in ipairs {
    "begin new.updated_at := now(); return new; end",
    "begin insert into log (what) values ('alter'); update role set x = 1; return null; end",
    "begin execute format('create table if not exists %I partition of t for values in (%L)', a, b); end",
    "begin execute 'delete from t where a = $1' using x; end",
    "begin execute 'select count(*) from ' || quote_ident(t) into n; end",
    "begin perform set_config('search_path', 'x', true); end",
    "begin raise exception 'please execute this: %', x; end",
    "declare role text; begin select database into role from t; end",
    "begin execute 'refresh materialized view ' || v; end",
    "begin perform pg_advisory_xact_lock(1); perform nextval('s'); perform pg_notify('a', x); end",
    "begin insert into pg_temp.work select * from t; grant select on t to appuser; x := E'\\n'; end",
    "begin delete from t where a = 1; copy := 1; select load, copy into a, b from t; end",
  } do
    it("may be: " .. body, function() assert.is_nil(problem(body)) end)
  end

  for body, words in pairs {
    ["begin alter database x owner to y; end"] = "ALTER DATABASE",
    ["begin alter/**/role x superuser; end"] = "ALTER ROLE",
    ["begin execute 'alter system set fsync = off'; end"] = "SQL that is put together\0ALTER SYSTEM",
    ["begin execute $$create role x$$; end"] = "SQL that is put together\0CREATE ROLE",
    ["begin execute 'al' || 'ter role x'; end"] = "put together",
    ["begin execute x; end"] = "put together",
    ["begin execute (select t from x); end"] = "put together",
    ["begin execute format(x, y); end"] = "put together",
    ["begin execute 'select 1; alter role x superuser'; end"] = "ALTER ROLE",
    ["begin execute format('select 1; %s', 'drop database x'); end"] = "DROP DATABASE",
    ["begin set role admin; end"] = "SET ROLE",
    ["begin reset role; end"] = "RESET ROLE",
    ["begin set session authorization x; end"] = "SET SESSION AUTHORIZATION",
    ["begin perform set_config('role', 'admin', false); end"] = "set_config",
    ["begin perform set_config(x, 'admin', false); end"] = "set_config",
    ["begin perform set_config('Session_Authorization', 'x', false); end"] = "set_config",
    ["begin copy t to program 'x'; end"] = "PROGRAM",
    ["begin perform dblink_exec('x', 'y'); end"] = "dblink_exec",
    ['begin perform pg_catalog."pg_read_file"(x); end'] = "pg_read_file",
    ["begin perform pg_terminate_backend(1); end"] = "pg_terminate_backend",
    ["begin create extension dblink; end"] = "CREATE EXTENSION",
    ["begin reassign owned by a to b; end"] = "REASSIGN OWNED",
    ["begin execute 'select 1' || '; alter' || ' system reset all'; end"] = "ALTER SYSTEM",
    ["begin execute 'select 1; ' || x; end"] = "several statements",
    ["begin update pg_catalog.pg_authid set rolsuper = true; end"] = "writes pg_catalog",
    ["begin insert into pg_auth_members values (1); end"] = "writes pg_auth_members",
    ["begin delete from only pg_database; end"] = "writes pg_database",
    ["begin grant admin to appuser; end"] = "GRANT of a role",
    ["begin if a then grant pg_monitor, b to appuser; end if; end"] = "GRANT of a role",
    ["begin create or replace function g() returns int language c as 'x', 'y'; end"] = "LANGUAGE C",
    ["begin create function g() returns int language sql as $$select 1$$; end"] = "CREATE FUNCTION",
    ["begin copy t from '/etc/passwd'; end"] = "file of the server",
    ["begin copy (select 1) to '/tmp/x'; end"] = "file of the server",
    ["begin load 'x'; end"] = "LOAD",
    ["begin security label on role x is 'y'; end"] = "SECURITY LABEL",
    ["begin set local session_replication_role = replica; end"] = "SESSION_REPLICATION_ROLE",
    ["begin perform set_config('ro' || 'le', 'admin', false); end"] = "set_config",
    ["begin perform x.pg_terminate_backend from unnest(array[1]) x; end"] = "pg_terminate_backend",
    ["begin perform lo_export(1, '/tmp/x'); end"] = "lo_export",
    ["begin perform pg_reload_conf(); end"] = "pg_reload_conf",
    ['begin perform U&"lo_\\0065xport"(1, 2); end'] = "cannot be read",
    ["begin perform x(E'\\141lter system'); end"] = "hides its letters",
  } do
    it("may not be: " .. body, function()
      local found = problem(body)
      assert.truthy(found, "nothing was found")
      local matches = false
      for one in words:gmatch "[^\0]+" do
        matches = matches or found:find(one, 1, true) ~= nil
      end
      assert.is_true(matches, found)
    end)
  end
end)

describe("a body", function()
  local function of(body)
    local text = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS " .. body
    return body_check.problem(assert(lexer.tokens(text)), text)
  end

  for _, body in ipairs {
    [[E'begin lo_\\x65xport; end']],
    [[U&'begin \\0061lter system; end']],
    "'begin al'\n'ter system; end'",
  } do
    it("is one plain text: " .. body:gsub("%c", " "), function() assert.is_string(of(body)) end)
  end

  it("may have quotes", function() assert.is_nil(of "'begin raise notice ''x''; end'") end)
end)

describe("an expression", function()
  local function problem_of(text, by_name)
    local tokens = assert(lexer.tokens(text))
    return body_check.expression(tokens, by_name or false)
  end

  it("may not call what acts on the server", function()
    assert.equal("it calls lo_export", problem_of "CREATE TABLE a.x (b int DEFAULT pg_catalog.lo_export(1, '/tmp/x'))")
    assert.equal("it names pg_read_file", problem_of("CREATE AGGREGATE a.x(text) (SFUNC = pg_read_file)", true))
    assert.is_nil(problem_of "CREATE TABLE a.x (b int DEFAULT nextval('s'), c timestamp DEFAULT now(), dblink text)")
  end)
end)

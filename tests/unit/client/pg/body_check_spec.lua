local body_check = require "o2x.client.pg.body_check"
local lexer = require "o2x.client.pg.lexer"

local function problem(body, language)
  local text = "CREATE FUNCTION f() RETURNS void LANGUAGE %s AS $body$%s$body$"
  return body_check.problem(assert(lexer.tokens(text:format(language or "plpgsql", body))))
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

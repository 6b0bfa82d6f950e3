local query = require "o2x.client.pg.query"
local raised = require "tests.support.raised"

describe("a read may", function()
  for _, sql in ipairs {
    "select 1",
    "SELECT 1;",
    "  -- why\n select 1 ; ",
    "(select 1) union (select 2)",
    "table core_config.tenant",
    "values (1), (2)",
    "show server_version",
    "explain select 1",
    "explain analyze verbose select 1",
    "explain (analyze, buffers) select 1",
    "with a (x) as (select 1), b (y, z) as not materialized (values (1, 2)) select * from a, b",
    "with recursive t (n) as (select 1 union all select n + 1 from t where n < 9) select sum(n) from t",
    "select count(*) filter (where status = 'FAILED') as failed, count(*) as all from payment",
    "select extract(epoch from last_run)::bigint, x::numeric(10, 2), cast(y as varchar(3)) from job_schedule",
    "select row_number() over (partition by a order by b), rank() over w from t window w as (order by a)",
    'select a.b, t."Odd Name", s.t.c from s.t, t as a where a.x in (1, 2) and exists (select) and not (a.y)',
    "select * from generate_series(1, 3) as g (i) left join lateral (select i) l on (true)",
    "select percentile_cont(0.5) within group (order by x) from t group by rollup (a, b), grouping sets ((a), ())",
    "select pg_catalog.lower('x'), pg_database_size(current_database())",
    "select substring(x from 2 for 3), position('a' in x), trim(both from x), overlay(x placing 'y' from 1) from t",
    "select case when a then (b) else (c) end, array(select 1), row (1, 2), coalesce(a, b), a = any (b) from t",
    "select update, insert, delete from t",
    "select rolname, r.rolcanlogin from pg_roles r join pg_catalog.pg_user u on u.usename = r.rolname",
    "select s.query, s.pid, d.datname from pg_stat_activity s, pg_catalog.pg_database d",
    "select 'insert into x; pg_sleep(1)', $$ for update $$",
    "select * from t join u using (id) where a between (1) and (2) or a is distinct from (3) limit (4)",
    "select doc ->> 'a', doc #> '{a}', doc @> '{}' from t",
  } do
    it(sql, function() assert.equal(sql, query.check(sql)) end)
  end

  it("call the functions that the platform names", function()
    assert.equal("refused", raised(query.check, "select billing.total(1)").kind)
    query.check("select billing.total(1), total(1)", { ["billing.total"] = true, total = true })
  end)
end)

-- What the message has → statements.
local REFUSED = {
  ["more than one statement"] = { "select 1; select 2", "select 1;; delete from t", "select 1 /**/ ; --\rcommit" },
  ["begin with"] = {
    "",
    ";",
    "-- only this",
    "insert into t values (1)",
    "delete from t",
    "notify x",
    "listen x",
    "lock table t",
    "set statement_timeout = 0",
    "reset role",
    "discard all",
    "do $$ begin end $$",
    "call p()",
    "copy t to program 'x'",
    "prepare p as select 1",
    "execute p",
    "declare c cursor for select 1",
    "begin",
    "vacuum",
    "checkpoint",
    "explain delete from t",
    "explain (analyze) insert into t values (1)",
    "explain analyze verbose update t set a = 1",
    "explain execute p",
    "explain analyze create table x as select 1",
    "(delete from t)",
  },
  ["INTO"] = { "select 1 into t", "select * into temp t from u", "with a as (select 1) select * into t from a" },
  ["INSERT"] = { "with a as (insert into t values (1) returning 1) select * from a" },
  ["DELETE"] = { "with a as (delete from t returning 1) select * from a", "with a as (select 1) delete from t" },
  ["UPDATE"] = { "with a as (update t set b = 1 returning 1) table a", 'with a as (update "t" set b = 1) select 1' },
  ["MERGE"] = { "with a as (select 1) merge into t using a on true when matched then delete" },
  ["lock rows"] = {
    "select * from t for update",
    "select * from t for no key update",
    "select * from t for share",
    "select * from t for key share skip locked",
    "select * from t FOR/**/UPDATE",
  },
  ["in the form of a column"] = {
    "select x.pg_sleep from generate_series(9, 9) x",
    'select x."pg_advisory_lock" from generate_series(7, 7) x',
    "select 1 from generate_series(7, 7) as x where x . /* */ pg_try_advisory_lock",
    "select x.lo_creat from cast(1 as int) x",
    "select x.pg_terminate_backend from unnest(array[1]) x",
    "select pg_catalog.pg_sleep from generate_series(9, 9) pg_catalog",
    "select x.nextval from unnest(array['s'::regclass]) x",
  },
  ["it has passwords"] = {
    "select rolpassword from pg_authid",
    'table pg_catalog."pg_shadow"',
    "select subconninfo from pg_subscription",
    "select * from pg_user_mappings",
    "select * from information_schema.user_mapping_options",
  },
  ["could call a function"] = {
    "select (5::bigint).pg_advisory_lock",
    "select (array[5::bigint])[1].pg_advisory_lock",
    "select (row(5)).f1.pg_advisory_lock",
    "select $1.pg_terminate_backend",
    'select (5)."pg_sleep"',
    "select ('x'::text) . pg_notify",
  },
  ["be sent"] = { 'select U&"pg\\005fsleep"(9)', "select 'x", 'select "x', "select /* 1", "select \\g", "select \v 1" },
  ["call "] = {
    "select pg_sleep(1)",
    "select PG_Sleep (1)",
    'select "pg_sleep"(1)',
    "select pg_catalog.pg_sleep(1)",
    'select "pg_catalog" . "pg_sleep" /* x */ (1)',
    "select * from pg_sleep(1) as x (a)",
    "select pg_sleep(1) as (a)",
    "select -- \r pg_sleep(1)",
    "select /* /* */ */ pg_sleep(1)",
    "select '\\', pg_sleep(1), ''",
    "select public.lower('x')",
    "select mine.pg_catalog.lower('x')",
    'select "count"(*), "in"(1)',
    "select 1 where f(1) in (2)",
    "select * from t tablesample mine(1)",
    "with x as (select 1), pg_sleep(y) as (z int) select 1",
    "select 1 operator(mine.+) 2",
  },
}

describe("a read may not", function()
  for words, list in pairs(REFUSED) do
    for _, sql in ipairs(list) do
      it(("%q"):format(sql), function()
        local problem = raised(query.check, sql)
        assert.equal("refused", problem.kind)
        assert.truthy(problem.message:find(words, 1, true), problem.message)
        assert.truthy(problem.hint)
      end)
    end
  end

  it(
    "be longer than a statement is",
    function() assert.matches("more than", raised(query.check, "select '" .. ("x"):rep(200000) .. "'").message) end
  )
end)

-- What guards the writes of the types that need a whole platform (tests/support/guarded.lua says how), in a lab, with
-- the ordinary clients as somebody else. tests/servers/guards_spec.lua has the other types; none may be forgotten.

local crypto = require "o2x.base.crypto"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local guarded = require "tests.support.guarded"
local json = require "o2x.base.json"
local lab_run = require "tests.support.lab_run"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local raw_server = require "tests.support.raw_server"
local rds = require "o2x.client.aws.rds"
local service = require "o2x.effects.service"
local small_run = require "tests.support.small_run"

local DATABASE <const>, REGISTRY <const>, ID <const> = "coredb-urbanos", "enginedevdb", "TIDLT-100005"

local function sql(query, database)
  return function(env) return env.lab:sql(database or DATABASE, query) end
end

-- A line of the shell; {dir} is the lab's folder, {platform} the platform's.
local function sh(line)
  return function(env)
    local words =
      { dir = env.lab.dir, platform = env.lab.platform, login = env.login, broker = env.broker, hook = env.hook }
    return env.lab:out("sh", "-ec", (line:gsub("{(%l+)}", words)))
  end
end

local function both(...)
  local list = { ... }
  return function(env)
    for _, fn in ipairs(list) do
      fn(env)
    end
  end
end

-- An effect that no function of a script makes: only an undo removes such a thing.
local function effect(kind, target)
  return function(_, env) env.newest.ctx:effect(kind, target, nil) end
end

-- ---- PostgreSQL ----

local function allocate(api, env)
  local tenant = env.newest.tenant
  api.pg.control:ensure_allocated {
    table = "core_config.tenant",
    key = { name = "newclient" },
    column = "id",
    prefix = "TIDLT-",
    digits = 6,
    first = 100001,
    values = { status = "ACTIVE", vaulturi = tenant.vault_uri, vaultpath = tenant.vault_path },
  }
end

-- Nor a marker of a case before, which has the same run.
local NO_ROW <const> = sql(
  [[delete from core_config.tenant where name in ('newclient', 'theirs');
  do $$ begin
    if to_regclass('o2x.effect') is not null then delete from o2x.effect where run = 'R-beside'; end if;
  end $$]],
  REGISTRY
)
local ROWS <const> = sql(
  [[select string_agg(name || ' ' || id || ' ' || status, ',' order by name) from core_config.tenant
  where name in ('newclient', 'theirs')]],
  REGISTRY
)

local function insert(name, id)
  local query = "insert into core_config.tenant (id, name, status, vaulturi, vaultpath) "
    .. "values ('%s', '%s', 'SUSPENDED', 'x', 'y')"
  return sql(query:format(id, name), REGISTRY)
end

local ALLOCATED <const> = {
  {
    "somebody makes the row, which keeps its id",
    kind = "pg.allocated",
    prepare = NO_ROW,
    write = allocate,
    beside = { insert("newclient", "TIDLT-100077"), "newclient TIDLT-100077 SUSPENDED" },
    look = ROWS,
  },
  {
    "somebody takes the next id",
    kind = "pg.allocated",
    prepare = NO_ROW,
    write = allocate,
    beside = { insert("theirs", "TIDLT-100090"), "newclient TIDLT-100091 ACTIVE,theirs TIDLT-100090 SUSPENDED" },
    look = ROWS,
  },
}

local FOLDER <const>, SCHEMAS <const> = "engine/db/migration", { schemas = { "public", "core_config" } }

local function migrate(api) api.pg.tenant:ensure_migrated(FOLDER, SCHEMAS) end

local HISTORY <const> = "public.flyway_schema_history"

-- Ranks of two scripts, and their true checksums, kept beside them.
local function spoil(n) return sql(("update %s set checksum = %d where version = '2.%d'"):format(HISTORY, n, n)) end

local ARCHIVE <const>, NEW_ARCHIVE <const> = "{dir}/urbanos.dump", "{dir}/new.dump"

local function path(env, text) return (text:gsub("{dir}", env.lab.dir)) end

local function copy(api, env) api.archive.create_copy(api.archive.examine(path(env, ARCHIVE))) end

local function copied(id)
  return function(env) copy(env.run { id = id }, env) end
end

local function kept(id) return ('o2x."%s core_config.users"'):format(id) end

local function no_copy(id) return sql(('drop database if exists "%s--restore-%s"'):format(DATABASE, id), "postgres") end

local POSTGRESQL <const> = {
  {
    "somebody vacuums the table as well",
    kind = "pg.vacuum",
    write = function(api) api.pg.tenant:ensure_vacuumed("core_config.users", os.time() - 1) end,
    beside = { sql "vacuum core_config.users", "t" },
    look = sql "select last_vacuum is not null from pg_stat_user_tables where relname = 'users'",
  },
  {
    "another run applies the migration: it is not done twice",
    kind = "pg.migration",
    early = true, -- at the last moment the lock is held
    prepare = both(
      sh "echo 'create table public.guarded (id int);' > {platform}/engine/db/migration/V900__guarded.sql",
      sql "drop table if exists public.guarded",
      sql(("delete from %s where script = 'V900__guarded.sql'"):format(HISTORY))
    ),
    write = migrate,
    beside = { function(env) migrate(env.run { id = "R-other" }) end, "1|1" },
    look = sql(
      ("select count(*), count(*) filter (where success) from %s where script = 'V900__guarded.sql'"):format(HISTORY)
    ),
  },
  {
    "another row of the history is to be repaired, too",
    kind = "pg.migration_history",
    early = true, -- at the last moment the lock is held
    prepare = spoil(1),
    write = function(api) api.pg.tenant:ensure_migrations_repaired(FOLDER, SCHEMAS) end,
    foreign = spoil(2),
    look = sql(("select count(*) from %s where checksum in (1, 2)"):format(HISTORY)),
    theirs = "2",
    ours = "0",
  },
  {
    "a file that somebody makes",
    kind = "pg.archive",
    prepare = sh("rm -f " .. NEW_ARCHIVE .. "*"),
    write = function(api, env) api.archive.dump(path(env, NEW_ARCHIVE)) end,
    foreign = sh("echo theirs > " .. NEW_ARCHIVE),
    look = sh("cat " .. NEW_ARCHIVE),
    theirs = "theirs",
    mine = true,
  },
  {
    "somebody writes to the tenant's database, which is not touched",
    kind = "pg.restored",
    prepare = both(no_copy "R-beside", sql "create table if not exists public.notes (text text)"),
    write = copy,
    beside = { sql "truncate public.notes; insert into public.notes values ('theirs')", "theirs" },
    look = sql "select text from public.notes",
  },
  {
    "somebody changes a row: the table's content is kept as it is then",
    kind = "pg.table",
    early = true, -- at the last moment the lock is held
    prepare = both(
      no_copy "R-beside",
      copied "R-beside",
      sql "create schema if not exists o2x",
      sql("drop table if exists " .. kept "R-beside"),
      sql "update core_config.users set email = 'before@example.com'"
    ),
    write = function(api) api.archive.restore_table "core_config.users" end,
    beside = { sql "update core_config.users set email = 'theirs@example.com'", "0 theirs@example.com" },
    look = sql(
      ([[select (select count(*) from core_config.users where email = 'theirs@example.com') || ' ' || min(email)
        from %s]]):format(kept "R-beside")
    ),
  },
  {
    "somebody restores the database",
    kind = "pg.swapped",
    prepare = both(no_copy "R-guard", copied "R-guard"),
    write = function(api) api.archive.swap() end,
    foreign = sql(
      ([[comment on database "%s" is '{"o2x": "restored", "of": "%s", "run": "R-theirs"}']]):format(DATABASE, DATABASE),
      "postgres"
    ),
    look = sql(
      ("select shobj_description(oid, 'pg_database')::json->>'run' from pg_database where datname = '%s'"):format(
        DATABASE
      ),
      "postgres"
    ),
    theirs = "R-theirs",
    ours = "R-guard",
    early = true,
  },
}

-- ---- AWS ----

local URL <const> = ("s3://embrix-development-data/%s/guarded.dump"):format(ID)

local function aws(line) return sh('aws --endpoint-url "$AWS_ENDPOINT_URL" ' .. line) end

local function put(text)
  return both(sh(("printf %%s '%s' > {dir}/theirs"):format(text)), aws("s3 cp {dir}/theirs " .. URL))
end

local function upload(api, env)
  local made = env.lab.dir .. "/ours.dump"
  fs.write(made, "ours")
  fs.write(made .. ".json", "{}")
  api.s3.upload({ path = made, sha256 = crypto.sha256 "ours", bytes = 4 }, URL)
end

local SNAPSHOT <const>, SERVER <const> = "urbanos-manual-20260101-000000", rds.temporary "R-guard"
local SNAPSHOTS <const> =
  aws(("rds describe-db-snapshots --query \"length(DBSnapshots[?DBSnapshotIdentifier=='%s'])\""):format(SNAPSHOT))

local function no_snapshot(env)
  if SNAPSHOTS(env) == "1" then aws("rds delete-db-snapshot --db-snapshot-identifier " .. SNAPSHOT)(env) end
end

local function make_snapshot(env)
  local line = "rds create-db-snapshot --db-snapshot-identifier %s --db-instance-identifier %s"
  aws(line:format(SNAPSHOT, env.instance))(env)
end

local function is_available(env)
  local line = "rds describe-db-snapshots --output text --query 'DBSnapshots[0].Status' --db-snapshot-identifier "
  local status = aws(line .. SNAPSHOT)
  eventually("the snapshot", function() return status(env) == "available" end)
end

local AWS <const> = {
  {
    "somebody makes the object",
    kind = "s3.object",
    prepare = aws("s3 rm " .. URL),
    write = upload,
    foreign = put "theirs",
    look = aws("s3 cp " .. URL .. " -"),
    theirs = "theirs",
    mine = true,
  },
  {
    "somebody replaces the object that is fetched: it stays, and what came is not taken for it",
    kind = "s3.copy",
    prepare = put "old",
    write = function(api) api.s3.fetch(URL) end,
    foreign = put "theirs and longer",
    look = aws("s3 cp " .. URL .. " -"),
    theirs = "theirs and longer",
    mine = true,
    early = true,
  },
  {
    "somebody makes the snapshot: it is not made twice",
    kind = "rds.snapshot",
    prepare = no_snapshot,
    write = function(api) api.rds.ensure_snapshot(SNAPSHOT) end,
    beside = { make_snapshot, "1" },
    look = SNAPSHOTS,
  },
  {
    "somebody makes a server of that name",
    kind = "rds.instance",
    prepare = both(no_snapshot, make_snapshot, is_available),
    write = function(api) api.rds.ensure_server(SNAPSHOT) end,
    foreign = aws(
      ("rds restore-db-instance-from-db-snapshot --db-instance-identifier %s --db-snapshot-identifier %s"):format(
        SERVER,
        SNAPSHOT
      ) .. " --tags Key=of,Value=theirs"
    ),
    look = aws(
      ("rds describe-db-instances --output text --db-instance-identifier %s --query %s"):format(
        SERVER,
        "'DBInstances[0].TagList[].Value'"
      )
    ),
    theirs = "theirs",
    mine = true,
    early = true,
  },
}

-- ---- Redis, the broker, Alertmanager, messages ----

local function redis(line) return sh('redis-cli -u "$REDIS_URL" ' .. line) end

local QUEUE <const> = ID .. ".guarded"

local function jolokia(request)
  return sh(
    ([[curl -fsS -u {login} -H 'Origin: http://localhost' -d '%s' {broker}/api/jolokia | jq -r %s]]):format(
      json.encode(request),
      "'.value | if type == \"object\" then (to_entries[0].value.QueueSize // .QueueSize) else . end'"
    )
  )
end

local DEPTH <const> = jolokia {
  type = "read",
  mbean = "org.apache.activemq:type=Broker,brokerName=*,destinationType=Queue,destinationName=" .. QUEUE,
  attribute = { "QueueSize" },
}

local ALERTMANAGER <const> = { service = "alertmanager-operated", port = 9093, namespace = "monitoring" }
local SILENCES <const> = "/api/v1/namespaces/monitoring/services/http:alertmanager-operated:9093/proxy/api/v2/silence"

local function silence(comment)
  local document = json.encode {
    startsAt = "2026-01-01T00:00:00Z",
    endsAt = "2099-01-01T00:00:00Z",
    createdBy = "o2x",
    comment = comment,
    matchers = { { name = "tenant", value = "urbanos", isRegex = false, isEqual = true } },
  }
  return sh(("printf %%s '%s' | kubectl create --raw %ss -f -"):format(document, SILENCES))
end

local ACTIVE <const> = ([[kubectl get --raw %ss | jq -r '.[] | select(.status.state != "expired") | .%%s']]):format(
  SILENCES
)

local function no_silence(env)
  for id in sh(ACTIVE:format "id")(env):gmatch "%S+" do
    sh(("kubectl delete --raw %s/%s"):format(SILENCES, id))(env)
  end
end

local OTHERS <const> = {
  {
    "somebody writes keys meanwhile: they stay, and so do those of others",
    kind = "redis.keys",
    prepare = both(redis "flushall", redis("set " .. ID .. ":a 1")),
    write = function(api) api.redis.clear(ID .. ":") end,
    beside = {
      both(redis("set " .. ID .. ":theirs 1"), redis "set TIDLT-100001:theirs 1"),
      "TIDLT-100001:theirs\n" .. ID .. ":theirs",
    },
    look = redis "keys '*' | sort",
    early = true,
  },
  {
    "a queue that is to be removed gets a message",
    kind = "broker.queue",
    prepare = function(env) env.run({ id = "R-made" }).broker.ensure_queue(QUEUE) end,
    write = effect("broker.queue", { name = QUEUE }),
    foreign = sh(("curl -fsS -u {login} -d body=theirs '{broker}/api/message/%s?type=queue'"):format(QUEUE)),
    look = DEPTH,
    theirs = "1",
    mine = true,
    early = true,
  },
  {
    "somebody silences the alerts",
    kind = "alerts.silence",
    prepare = no_silence,
    write = function(api)
      local wanted = { until_time = "2098-01-01T00:00:00Z", comment = "ours" }
      api.alerts.silence(ALERTMANAGER, wanted)
    end,
    foreign = silence "theirs",
    look = sh(ACTIVE:format "comment"),
    theirs = "theirs",
    ours = "ours",
    early = true,
  },
  {
    "a silence that is to be ended is made longer",
    kind = "alerts.silence",
    prepare = both(no_silence, silence "old"),
    write = function(api) api.alerts.unsilence(ALERTMANAGER) end,
    foreign = both(no_silence, silence "theirs"),
    look = sh(ACTIVE:format "comment"),
    theirs = "theirs",
    ours = "",
    early = true,
  },
  {
    "somebody sends a message as well: both arrive",
    kind = "webhook.message",
    prepare = function(env) env.messages = {} end,
    write = function(api) api.webhook.send("chat", { text = "ours" }) end,
    beside = { sh "curl -fsS -H 'X-Of: theirs' {hook}", "theirs ours" },
    look = function(env) return table.concat(env.messages, " ") end,
  },
}

-- ---- a service ----

-- What is there is what somebody made; the service itself gives numbers to all.
local function look_at_service(env)
  local names = {}
  for i, one in ipairs(env.there) do
    names[i] = one.name
  end
  return table.concat(names, " ")
end

local REQUEST <const> = { service = "billing", path = "/bills", json = { name = "ours" } }
local FIND <const> = { service = "billing", path = "/bills" }

local function send(more)
  return function(api)
    for field, item in pairs(REQUEST) do
      more[field] = item
    end
    api.send(more)
  end
end

local function theirs(env) table.insert(env.there, { id = 1, name = "theirs" }) end

local SERVICE <const> = {
  {
    "somebody makes one as well, which stays as it is",
    kind = "service.object",
    write = function(api)
      api.ensure { name = "bill", service = "billing", find = FIND, found = "list.1.id", create = REQUEST }
    end,
    beside = { theirs, "theirs ours" },
    look = look_at_service,
    early = true,
  },
  {
    "what somebody sent stays",
    kind = "service.request",
    write = send {},
    beside = { theirs, "theirs ours" },
    look = look_at_service,
    early = true,
  },
  {
    "what somebody sent stays",
    kind = "service.repeatable",
    write = send { repeatable = true },
    beside = { theirs, "theirs ours" },
    look = look_at_service,
    early = true,
  },
  {
    "what somebody sent stays",
    kind = "service.proved",
    write = send { proof = { find = FIND, found = "list.1.id", within = 1 } },
    beside = { theirs, "theirs ours" },
    look = look_at_service,
    early = true,
  },
}

describe("a guard", function()
  local lab, env
  setup(function()
    lab = labs.start()
    env = { lab = lab, messages = {}, runs = {} }
    env.login = ("%s:%s"):format(lab.env.O2X_BROKER_USER, lab.env.O2X_BROKER_PASSWORD)
    env.broker, env.instance = lab.env.O2X_BROKER_URL, "embrix-rds-dev-db"
    ok(lab:o2x { "run", "backup", "urbanos", "to=" .. lab.dir .. "/urbanos.dump" })
  end)
  teardown(function()
    if lab then lab:stop() end
  end)

  local function with(tenant)
    return function(body)
      local server <close> = raw_server.serve(function(request, answer)
        table.insert(env.messages, request:find("theirs", 1, true) and "theirs" or "ours")
        answer "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
      end)
      env.hook = ("http://127.0.0.1:%d/hook"):format(server.port)
      function env.run(o)
        o.webhook, o.params = env.hook, { to = lab.dir .. "/new.dump" }
        local folder = fs.join(lab.store, o.id)
        if not fs.exists(folder) then fs.mkdir(folder, nil, true) end
        local api, run = lab_run.new(lab, tenant, o)
        env.newest = run
        table.insert(env.runs, run)
        return api, run
      end
      local good, err = pcall(body, env)
      for _, run in ipairs(env.runs) do
        run.close_clients()
      end
      env.runs = {}
      if not good then error(err, 0) end
    end
  end

  guarded(it, ALLOCATED, with "newclient")
  guarded(it, AWS, with "urbanos")
  guarded(it, OTHERS, with "urbanos")
  guarded(it, POSTGRESQL, with "urbanos")

  guarded(it, SERVICE, function(body)
    local of = { there = {} }
    local function request(_, _, _, o)
      if o.method == "GET" then return { status = 200, json = { list = of.there } } end
      table.insert(of.there, { id = #of.there + 1, name = o.json.name })
      return { status = 201, json = {} }
    end
    function of.run(o)
      o.modules, o.clients = { service }, { k8s = { request = request } }
      local run = small_run.new(o)
      return run.api.service, run
    end
    body(of)
  end)

  it("of each type was tried", function()
    local seen, missing = {}, {}
    for _, name in ipairs { "tests/servers/guards_spec.lua", "tests/e2e/guards_spec.lua" } do
      for kind in fs.read(name):gmatch 'kind = "([%l%d_.]+)"' do
        seen[kind] = true
      end
    end
    local rows = fs.read("docs/effects.md"):match "\n| type | guard |.-\n\n?<!%-%- end of guards"
    for kind in rows:gmatch "\n| `([^`]+)`" do
      if not seen[kind] then missing[#missing + 1] = kind end
      seen[kind] = nil
    end
    assert.same({}, missing)
    assert.same({}, seen)
  end)
end)

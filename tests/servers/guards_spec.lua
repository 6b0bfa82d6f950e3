-- What guards each type's write, against single servers (tests/support/guarded.lua says how). The types that need a
-- whole platform are in tests/e2e/guards_spec.lua, which also sees that none is forgotten.

local broker = require "o2x.client.broker"
local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local guarded = require "tests.support.guarded"
local helm_cluster = require "tests.support.helm_cluster"
local json = require "o2x.base.json"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"
local vaults = require "tests.support.vault"

-- ---- Vault ----

local PATH <const> = "secret/data/tenant/newclient/quickbooks"

local function fields_of(env)
  local _, body = env.ask("GET", PATH)
  local found, parts = body and body.data and body.data.data, {}
  for name, field in pairs(type(found) == "table" and found or {}) do
    parts[#parts + 1] = name .. "=" .. field
  end
  table.sort(parts)
  return table.concat(parts, " ")
end

local function put(fields)
  return function(env) env.ask("PUT", PATH, { data = fields }) end
end

local function ensure(fields)
  return function(api) api.ensure("quickbooks", fields) end
end

-- Texts that no other case has: what is in Vault is a secret, in the whole process.
local VAULT <const> = {
  {
    "a field that the run sets",
    kind = "vault.secret",
    prepare = put { id = "old-vault-value", other = "vault-x" },
    write = ensure { id = "ours" },
    foreign = put { id = "their-vault-value", other = "vault-x" },
    look = fields_of,
    theirs = "id=their-vault-value other=vault-x",
    ours = "id=ours other=vault-x",
    beside = {
      put { id = "old-vault-value", other = "vault-y", more = "vault-z" },
      "id=ours more=vault-z other=vault-y",
    },
  },
  {
    "a new secret",
    kind = "vault.secret",
    write = ensure { id = "ours" },
    foreign = put { id = "their-vault-value" },
    look = fields_of,
    theirs = "id=their-vault-value",
    ours = "id=ours",
  },
  {
    "a secret that was deleted before",
    kind = "vault.secret",
    prepare = function(env)
      put { id = "first-vault-value" }(env)
      env.ask("DELETE", PATH)
    end,
    write = ensure { id = "ours" },
    foreign = put { id = "their-vault-value" },
    look = fields_of,
    theirs = "id=their-vault-value",
    ours = "id=ours",
  },
}

describe("a guard of Vault", function()
  guarded(it, VAULT, function(body)
    local vault <close> = vaults.start()
    local env = { ask = vault.ask }
    function env.run(o)
      o.mode, o.module = "apply", "vault"
      o.config = { vault = { addr = vault.addr, token = secret.new(vault.root, "vault.token") } }
      o.scope = { vault = { "tenant/newclient/" } }
      local api, run = gate.run(o)
      return api, run
    end
    body(env)
  end)
end)

-- ---- Kubernetes and helm ----

local function config(data, labels)
  labels = labels or {}
  labels.tenant = "t1"
  local metadata = { name = "t1-app", labels = labels }
  return { apiVersion = "v1", kind = "ConfigMap", metadata = metadata, data = data }
end

local function kubectl(...)
  local words = { "kubectl", ... }
  return function(env) env.ask(table.unpack(words)) end
end

local function looked(...)
  local words = { "kubectl", "get", ... }
  return function(env) return (env.ask(table.unpack(words))) end
end

local function patched(kind, patch) return kubectl("patch", kind, "t1-app", "--type=merge", "-p", patch) end

local DATA <const> = looked("configmap", "t1-app", "-o", "jsonpath={.data}")
local THERE <const> = looked("configmap", "t1-app", "-o", "jsonpath={.data}", "--ignore-not-found")

local function made(env) env.run({ id = "R-made" }).k8s.ensure(config { a = "0" }) end

local function applied(api) api.k8s.ensure(config { a = "ours" }) end

local KUBERNETES <const> = {
  {
    "a field that o2x owns, edited with kubectl",
    kind = "k8s.object",
    prepare = made,
    write = applied,
    foreign = patched("configmap", '{"data":{"a":"theirs"}}'),
    look = DATA,
    theirs = '{"a":"theirs"}',
    ours = '{"a":"ours"}',
    beside = {
      patched("configmap", '{"data":{"b":"theirs"},"metadata":{"labels":{"x":"y"}}}'),
      '{"a":"ours","b":"theirs"}',
    },
  },
  {
    "a field of another run of o2x",
    kind = "k8s.object",
    prepare = made,
    write = applied,
    foreign = function(env) env.run({ id = "R-other" }).k8s.ensure(config { a = "theirs" }) end,
    look = DATA,
    theirs = '{"a":"theirs"}',
    ours = '{"a":"ours"}',
  },
  {
    "an object that somebody deletes",
    kind = "k8s.object",
    prepare = made,
    write = applied,
    foreign = kubectl("delete", "configmap", "t1-app"),
    look = THERE,
    theirs = "",
    ours = '{"a":"ours"}',
  },
  {
    "an object that somebody makes",
    kind = "k8s.object",
    write = applied,
    foreign = kubectl("create", "configmap", "t1-app", "--from-literal=a=theirs"),
    look = DATA,
    theirs = '{"a":"theirs"}',
    ours = '{"a":"ours"}',
  },
  {
    "an object that is to be deleted, and edited",
    kind = "k8s.object",
    prepare = made,
    write = function(api) api.k8s.remove("ConfigMap", "t1-app") end,
    foreign = patched("configmap", '{"data":{"a":"theirs"}}'),
    look = THERE,
    theirs = '{"a":"theirs"}',
    ours = "",
  },
  {
    "a field that is set",
    kind = "k8s.fields",
    prepare = made,
    write = function(api) api.k8s.set("ConfigMap", "t1-app", { data = { a = "ours" } }) end,
    foreign = patched("configmap", '{"data":{"a":"theirs"}}'),
    look = DATA,
    theirs = '{"a":"theirs"}',
    ours = '{"a":"ours"}',
    beside = { patched("configmap", '{"data":{"b":"theirs"}}'), '{"a":"ours","b":"theirs"}' },
  },
  {
    "the number of replicas",
    kind = "k8s.replicas",
    prepare = function(env) env.release() end,
    write = function(api) api.k8s.scale("Deployment", "t1-app", 3, { wait = false }) end,
    foreign = kubectl("scale", "deployment", "t1-app", "--replicas=5"),
    look = looked("deployment", "t1-app", "-o", "jsonpath={.spec.replicas}{.metadata.labels.x}"),
    theirs = "5",
    ours = "3",
    beside = { kubectl("label", "deployment", "t1-app", "x=y"), "3y" },
  },
  {
    "a key of a Secret that is overwritten",
    kind = "k8s.secret",
    prepare = kubectl("create", "secret", "generic", "t1-app", "--from-literal=a=old"),
    write = function(api) api.k8s.ensure_secret("t1-app", { a = "ours" }, { overwrite = true }) end,
    foreign = patched("secret", '{"stringData":{"a":"theirs"}}'),
    look = looked("secret", "t1-app", "-o", "go-template={{range $k, $v := .data}}{{$k}}={{base64decode $v}} {{end}}"),
    theirs = "a=theirs",
    ours = "a=ours",
    beside = { patched("secret", '{"stringData":{"b":"theirs"}}'), "a=ours b=theirs" },
  },
  {
    "a new Secret",
    kind = "k8s.secret",
    write = function(api) api.k8s.ensure_secret("t1-app", { a = "ours" }) end,
    foreign = kubectl("create", "secret", "generic", "t1-app", "--from-literal=a=theirs"),
    look = looked("secret", "t1-app", "-o", "go-template={{base64decode .data.a}}"),
    theirs = "theirs",
    mine = true, -- the script is told before the gate is asked: it exists with other content
  },
  {
    "a release that another helm upgrades",
    kind = "helm.release",
    prepare = function(env)
      env.release()
      env.values "level: DEBUG\n"
    end,
    write = function(_, env) env.release { id = "R-guard", past = env.past } end,
    foreign = function(env) env.ask("helm", "upgrade", "t1-app", env.tree .. "/charts/app", "--set", "level=TRACE") end,
    look = function(env) return json.decode(env.ask("helm", "get", "values", "t1-app", "-o", "json")).level end,
    theirs = "TRACE",
    ours = "DEBUG",
    early = true,
  },
  {
    "a release that another helm installs",
    kind = "helm.release",
    write = function(_, env) env.release { id = "R-guard", past = env.past } end,
    foreign = function(env) env.ask("helm", "install", "t1-app", env.tree .. "/charts/app", "--set", "level=TRACE") end,
    look = function(env) return json.decode(env.ask("helm", "get", "values", "t1-app", "-o", "json")).level end,
    theirs = "TRACE",
    ours = "INFO",
    early = true,
  },
}

describe("a guard in a cluster", function()
  guarded(it, KUBERNETES, function(body)
    helm_cluster.with(function(cluster)
      local env = setmetatable({}, { __index = cluster })
      function env.run(o)
        env.past = o.past
        env.newest = cluster.run("apply", o)
        return env.newest.api, env.newest
      end
      -- By the run that was made last, or by one of its own.
      function env.release(o)
        local run = o and env.newest or cluster.run "apply"
        return run.ensure { wait = false }
      end
      body(env)
    end)
  end)
end)

-- ---- files ----

local FILE <const>, SHARED <const> = "values/a.yaml", "docs/all.md"

local function written(path, text)
  return function(env) fs.write(fs.join(env.tree, path), text, { parents = true }) end
end

local function text_of(path)
  return function(env) return fs.read_if(fs.join(env.tree, path)) or "" end
end

local FILES <const> = {
  {
    "a file that somebody edits",
    kind = "file.text",
    prepare = written(FILE, "a: 0\n"),
    write = function(api) api.ensure(FILE, "a: ours\n") end,
    foreign = written(FILE, "a: theirs\n"),
    look = text_of(FILE),
    theirs = "a: theirs\n",
    ours = "a: ours\n",
  },
  {
    "a file that somebody makes",
    kind = "file.text",
    write = function(api) api.ensure(FILE, "a: ours\n") end,
    foreign = written(FILE, "a: theirs\n"),
    look = text_of(FILE),
    theirs = "a: theirs\n",
    ours = "a: ours\n",
  },
  {
    "a file that is to be removed, and edited",
    kind = "file.text",
    prepare = written(FILE, "a: 0\n"),
    write = function(api) api.remove(FILE) end,
    foreign = written(FILE, "a: theirs\n"),
    look = text_of(FILE),
    theirs = "a: theirs\n",
    ours = "",
    early = true,
  },
  {
    "the run's own section of a shared file",
    kind = "file.section",
    prepare = written(SHARED, "# All\n\n## other\n- 1\n\n## t1\n- 0\n"),
    write = function(api) api.ensure(SHARED, "# All\n\n## other\n- 1\n\n## t1\n- ours\n") end,
    foreign = written(SHARED, "# All\n\n## other\n- 1\n\n## t1\n- theirs\n"),
    look = text_of(SHARED),
    theirs = "# All\n\n## other\n- 1\n\n## t1\n- theirs\n",
    ours = "# All\n\n## other\n- 1\n\n## t1\n- ours\n",
    beside = { written(SHARED, "# All\n\n## other\n- 2\n\n## t1\n- 0\n"), "# All\n\n## other\n- 2\n\n## t1\n- ours\n" },
  },
}

describe("a guard of files", function()
  guarded(it, FILES, function(body)
    local tree = fs.temp_folder()
    local env = { tree = tree }
    function env.run(o)
      o.modules, o.clients, o.config = { (require "o2x.effects.files") }, {}, { platform = tree }
      local files = { read = { "values/", "docs/" }, write = { FILE, SHARED }, sections = { [SHARED] = "## t1" } }
      o.scope = { files = files }
      local run = small_run.new(o)
      return run.api.files, run
    end
    local ok, err = pcall(body, env)
    fs.remove_tree(tree)
    if not ok then error(err, 0) end
  end)
end)

-- ---- Route 53 ----

local NAME <const> = "api.newclient.embrix.com"

local function record(action, ttl, value)
  local set = { Name = NAME, Type = "CNAME", TTL = ttl, ResourceRecords = { { Value = value } } }
  local batch = json.encode { Changes = { { Action = action, ResourceRecordSet = set } } }
  return function(env)
    local zone = env.client:zone_of(NAME)
    local words = { "aws", "route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", batch }
    local result = env.lab.run(table.unpack(words))
    assert.equal(0, result.code, result.stderr)
  end
end

local function values_of(env)
  local found = env.client:records_of((env.client:zone_of(NAME)), NAME)
  return found[1] and ("%s %d"):format(found[1].values[1], found[1].ttl) or ""
end

local function ensure_record(api)
  api.ensure_record { name = NAME, type = "CNAME", values = { "ours.example.com" }, takeover = true }
end

local ROUTE53 <const> = {
  {
    "a record set that somebody changes",
    kind = "dns.record",
    prepare = record("CREATE", 300, "old.example.com"),
    write = ensure_record,
    foreign = record("UPSERT", 300, "theirs.example.com"),
    look = values_of,
    theirs = "theirs.example.com 300",
    ours = "ours.example.com 300",
  },
  {
    "a record set whose time somebody changes",
    kind = "dns.record",
    prepare = record("CREATE", 300, "old.example.com"),
    write = ensure_record,
    foreign = record("UPSERT", 60, "old.example.com"),
    look = values_of,
    theirs = "old.example.com 60",
    ours = "ours.example.com 300",
  },
  {
    "a record set that somebody makes",
    kind = "dns.record",
    write = ensure_record,
    foreign = record("CREATE", 300, "theirs.example.com"),
    look = values_of,
    theirs = "theirs.example.com 300",
    ours = "ours.example.com 300",
  },
  {
    "a record set that somebody removes",
    kind = "dns.record",
    prepare = record("CREATE", 300, "old.example.com"),
    write = ensure_record,
    foreign = record("DELETE", 300, "old.example.com"),
    look = values_of,
    theirs = "",
    ours = "ours.example.com 300",
  },
}

describe("a guard of Route 53", function()
  guarded(it, ROUTE53, function(body)
    small_lab.with({ "aws", "dns" }, nil, function(lab)
      local env = { lab = lab }
      env.client = route53.new {
        access_key = lab.env.AWS_ACCESS_KEY_ID,
        secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
        endpoint = lab.env.AWS_ENDPOINT_URL,
        pause = 0.01,
      }
      function env.run(o)
        o.modules, o.clients = { (require "o2x.effects.dns") }, { ["aws.route53"] = env.client }
        o.scope, o.config = { dns = { "newclient.embrix.com" } }, { dns = { servers = { lab.env.O2X_LAB_DNS } } }
        local run = small_run.new(o)
        return run.api.dns, run
      end
      body(env)
    end)
  end)
end)

-- ---- PostgreSQL ----

local DATABASE <const> = "coredb-newclient"

local function sql(text, database)
  return function(env) return (env.server.sql(database or DATABASE, text)) end
end

local ROW <const> = sql "SELECT string_agg(id || ' ' || a || ' ' || b, ',' ORDER BY id, a) FROM t"
local LIMIT <const> = sql("SELECT datconnlimit FROM pg_database WHERE datname = 'coredb-newclient'", "postgres")
local MAY <const> = sql(
  [[SELECT has_database_privilege('appuser', 'coredb-newclient', 'CREATE'),
  has_database_privilege('appuser', 'coredb-newclient', 'TEMPORARY')]],
  "postgres"
)

local function write_row(api) api.tenant:ensure_row("public.t", { id = "x" }, { a = "ours" }) end

local POSTGRESQL <const> = {
  {
    "a column that the run sets",
    kind = "pg.row",
    prepare = sql "INSERT INTO t VALUES ('x', 'old', 'beside')",
    write = write_row,
    foreign = sql "UPDATE t SET a = 'theirs'",
    look = ROW,
    theirs = "x theirs beside",
    ours = "x ours beside",
    beside = { sql "UPDATE t SET b = 'theirs'", "x ours theirs" },
  },
  {
    "a row that somebody makes",
    kind = "pg.row",
    write = write_row,
    foreign = sql "INSERT INTO t VALUES ('x', 'theirs', 'beside')",
    look = ROW,
    theirs = "x theirs beside",
    ours = "x ours beside",
    beside = { sql "INSERT INTO t VALUES ('y', 'theirs', 'beside')", "x ours new,y theirs beside" },
  },
  {
    "a row that somebody deletes",
    kind = "pg.row",
    prepare = sql "INSERT INTO t VALUES ('x', 'old', 'beside')",
    write = write_row,
    foreign = sql "DELETE FROM t",
    look = ROW,
    theirs = "",
    ours = "x ours new",
  },
  {
    "a row that is to be removed, and changed",
    kind = "pg.row",
    prepare = sql "INSERT INTO t VALUES ('x', 'old', 'beside')",
    write = function(_, env)
      local target = { database = DATABASE, admin = "postgres", table = "public.t", key = { id = "x" } }
      target.columns, target.secrets = { "a" }, {}
      env.ctx:effect("pg.row", target, nil)
    end,
    foreign = sql "UPDATE t SET a = 'theirs'",
    look = ROW,
    theirs = "x theirs beside",
    ours = "",
  },
  {
    "the limit of connections of a database",
    kind = "pg.database",
    write = function(api) api.admin:ensure_database(DATABASE, { owner = "admin", connection_limit = 10 }) end,
    foreign = sql('ALTER DATABASE "coredb-newclient" CONNECTION LIMIT 5', "postgres"),
    look = LIMIT,
    theirs = "5",
    ours = "10",
  },
  {
    "a privilege that somebody grants, and one that he revokes",
    kind = "pg.grant",
    prepare = sql('GRANT CREATE ON DATABASE "coredb-newclient" TO appuser', "postgres"),
    write = function(api) api.admin:ensure_grant(DATABASE, { create = "appuser", temporary = "appuser" }) end,
    foreign = sql('REVOKE CREATE ON DATABASE "coredb-newclient" FROM appuser', "postgres"),
    look = MAY,
    theirs = "f|f",
    ours = "t|t",
  },
}

describe("a guard of PostgreSQL", function()
  local server, open = nil, {}
  setup(function() server = servers.start "postgres" end)
  teardown(function() server.stop() end)

  guarded(it, POSTGRESQL, function(body)
    local env = { server = server }
    server.sql("postgres", ('DROP DATABASE IF EXISTS "%s" WITH (FORCE)'):format(DATABASE))
    server.sql("postgres", ('CREATE DATABASE "%s" OWNER admin'):format(DATABASE))
    server.sql("postgres", ('REVOKE ALL ON DATABASE "%s" FROM PUBLIC'):format(DATABASE))
    server.sql(
      DATABASE,
      "CREATE TABLE t (id text PRIMARY KEY, a text, b text DEFAULT 'new'); ALTER TABLE t OWNER TO admin"
    )
    server.sql(DATABASE, "GRANT ALL ON SCHEMA public TO admin")
    function env.run(o)
      o.mode, o.module = "apply", "pg"
      o.config = {
        pg = {
          host = "127.0.0.1",
          sslmode = "disable",
          port = server.port,
          user = "admin",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      }
      o.scope = { pg = { tenant = DATABASE, control = "postgres", admin = "postgres" } }
      local api, run = gate.run(o)
      open[#open + 1], env.ctx = run, run.ctx
      return api, run
    end
    local ok, err = pcall(body, env)
    for _, run in ipairs(open) do
      run.close()
    end
    open = {}
    if not ok then error(err, 0) end
  end)
end)

-- ---- the broker ----

local QUEUE <const> = "TIDLT-100008.billing"

local BROKER <const> = {
  {
    "a queue that somebody makes is left as it is",
    kind = "broker.queue",
    write = function(api) api.ensure_queue(QUEUE) end,
    beside = { function(env) env.client:add_queue(QUEUE) end, "1" },
    look = function(env) return tostring(#env.client:queues "TIDLT-100008.") end,
  },
}

describe("a guard of the broker", function()
  guarded(it, BROKER, function(body)
    small_lab.with({ "broker" }, nil, function(lab)
      local env = {}
      env.client = broker.new {
        url = lab.env.O2X_BROKER_URL,
        user = lab.env.O2X_BROKER_USER,
        password = secret.new(lab.env.O2X_BROKER_PASSWORD, "broker"),
        scope = function() return { "TIDLT-100008." } end,
      }
      function env.run(o)
        o.modules, o.clients = { (require "o2x.effects.broker") }, { broker = env.client }
        o.scope = { broker = { "TIDLT-100008." } }
        local run = small_run.new(o)
        return run.api.broker, run
      end
      body(env)
    end)
  end)
end)

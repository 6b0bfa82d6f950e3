local chapters = require "tests.support.chapters"
local secret = require "o2x.base.secret"

local NOTHING = {}

describe("stdlib.diagnose.configuration", function()
  -- A value in base64, as a Secret has it.
  local function coded(text)
    local crypto = require "o2x.base.crypto"
    return secret.new(crypto.base64(text))
  end

  -- The environment of a healthy service, but for these variables; NOTHING: without it.
  local function environment(changes)
    local values = {
      TENANT_ID = "TIDLT-100005",
      LOGS_DIR = "/logs",
      REDIS_HOST = "redis",
      REDIS_PORT = "6379",
      VAULT_API = "http://vault",
      SPRING_DATASOURCE_URL = "jdbc:postgresql://h:5432/coredb-urbanos?sslmode=require",
    }
    for name, value in pairs(changes or {}) do
      values[name] = value ~= NOTHING and value or nil
    end
    local list = {}
    for name, value in pairs(values) do
      list[#list + 1] = { name = name, value = value }
    end
    return list
  end

  local function given(value, default)
    if value == nil then return default end
    return value ~= NOTHING and value or nil
  end

  -- A healthy tenant with one service, but for what the options change. NOTHING: it is missing.
  local function run(options, facts)
    local user = chapters.tenant.platform.database.user
    local keys = { username = coded(user), password = coded "p", token = coded "t" }
    for name, value in pairs(options.secret or {}) do
      keys[name] = value ~= NOTHING and value or nil
    end
    local container = { env = environment(options.env), envFrom = options.env_from }
    facts = facts or {}
    facts.deployments = {
      ["urbanos-service-sso"] = {
        metadata = { name = "urbanos-service-sso" },
        spec = { template = { spec = { containers = { container } } } },
      },
    }
    local found, rows = chapters.run("configuration", {
      files = {
        exists = function() return options.file ~= nil end,
        read = function() return options.file end,
      },
      k8s = { get = function() return options.secret ~= NOTHING and { data = keys } or nil end },
      vault = {
        read = function(path) return path ~= options.no_secret and {} or nil end,
        try_token = function() return options.token or { valid = true, readable = true, ttl = 0 } end,
      },
      pg = {
        admin = {
          database = function()
            local connections = options.connections or 1
            return given(options.database, { connection_limit = 100, open = true, connections = connections })
          end,
        },
        tenant = {
          row = function() return given(options.row, { status = "ACTIVE" }) end,
          rows = function(sql) return options[sql:find "flyway" and "migrations" or "settings"] or {} end,
          one = function() return options.role end,
          try_login = function() return options.login ~= false, "password authentication failed", options.code end,
        },
      },
    }, facts)
    return found, facts, rows
  end

  it("finds nothing for a healthy tenant", function() assert.same({}, (run {})) end)

  it("lets the other chapters query database and Vault", function()
    local _, facts = run {}
    assert.same({ true, true }, { facts.database, facts.vault })
  end)

  describe("environment", function()
    it("finds missing variables", function()
      local found = run { env = { REDIS_HOST = NOTHING, TENANT_ID = NOTHING } }
      assert.same({ "critical service-sso: environment lacks REDIS_HOST, TENANT_ID" }, found)
    end)

    it("finds another tenant's id", function()
      local found = run { env = { TENANT_ID = "TIDLT-100006" } }
      assert.matches("TENANT_ID is TIDLT%-100006, should be TIDLT%-100005", found[1])
    end)

    it("finds another tenant's database", function()
      local found = run { env = { SPRING_DATASOURCE_URL = "jdbc:postgresql://h:5432/coredb-demo" } }
      assert.matches("SPRING_DATASOURCE_URL points to coredb%-demo, should point to coredb%-urbanos", found[1])
    end)

    it("finds what differs from the values file", function()
      local file = "app:\n  envMap:\n  - name: EXTRA\n    value: one\n"
      assert.matches("EXTRA is two, but one in the values file", run({ file = file, env = { EXTRA = "two" } })[1])
      assert.matches("environment lacks EXTRA", run({ file = file })[1])
    end)

    it(
      "does not judge an environment from a ConfigMap",
      function() assert.same({}, (run { env = { REDIS_HOST = NOTHING }, env_from = {} })) end
    )
  end)

  describe("database", function()
    it("finds that it is missing", function()
      local found, facts = run { database = NOTHING }
      assert.same({ "critical coredb-urbanos: the database is missing" }, found)
      assert.is_nil(facts.database)
    end)

    it("finds that it accepts no connections", function()
      local found = run { database = { open = false } }
      assert.same({ "critical coredb-urbanos: the database does not accept connections" }, found)
    end)

    it(
      "finds that its connections run out",
      function()
        assert.same({ "critical coredb-urbanos: 95 of 100 connections are in use" }, (run { connections = 95 }))
      end
    )

    it("finds that the services cannot log in", function()
      local found = run { login = false }
      assert.same({ "critical secret pg-secret: the services cannot log in to coredb-urbanos" }, found)
    end)

    it("blames the password only where it may be at fault", function()
      local role = '\\"$(kubectl -n default get secret pg-secret -o jsonpath={.data.username} | base64 -d)\\"'
      local function alter(what) return ('psql -d postgres -c "alter role %s %s"'):format(role, what) end
      local rotated = "o2x run onboard urbanos"
      for _, row in ipairs {
        { "28P01", { may = true }, rotated },
        { "28000", nil, rotated },
        { "28000", { may = false }, alter "login" },
        { "28P01", { may = true, expired = true }, alter "valid until 'infinity'" },
        { "53300", { may = true, limited = true }, alter "connection limit -1" },
        {
          "42501",
          { may = true },
          ([[psql -d postgres -c "grant connect on database \"coredb-urbanos\" to %s"]]):format(role),
        },
      } do
        local _, _, rows = run { login = false, code = row[1], role = row[2] }
        assert.equal(row[3], rows[1].mend)
        assert.equal(row[3] == rotated, rows[1].fix:find("under shared.pg-secret", 1, true) ~= nil)
      end
      local _, _, rows = run { login = false, code = "53300", role = { may = true } }
      assert.is_nil(rows[1].mend)
      assert.matches("close sessions, or raise the limit", rows[1].fix)
    end)

    it("finds that it allows no connections", function()
      local found = run { database = { open = true, connection_limit = 0, connections = 0 } }
      assert.same({ "critical coredb-urbanos: the database allows no connections" }, found)
    end)

    it("finds that it can only be read", function()
      local found, _, rows = run { settings = { { services = false }, { services = true } } }
      assert.same({
        "critical coredb-urbanos: the database can only be read",
        "critical coredb-urbanos: the services can only read in it",
      }, found, rows[3] and rows[3].evidence)
      assert.matches('"coredb%-urbanos" reset default_transaction_read_only', rows[1].mend)
      assert.matches('^psql %-d postgres %-c "alter role ', rows[2].mend)
    end)

    it("finds a tenant that is not active", function()
      local found = run { row = { status = "SUSPENDED" } }
      assert.same({ "critical core_config.tenant: the tenant is SUSPENDED" }, found)
    end)

    it("finds a missing tenant row", function()
      local found = run { row = NOTHING }
      assert.same({ "critical core_config.tenant: the tenant's row is missing" }, found)
    end)

    it("finds a failed migration", function()
      local found = run { migrations = { { version = "2.1", description = "jobs" } } }
      assert.same({ "critical coredb-urbanos: migration 2.1 has failed" }, found)
    end)
  end)

  describe("secrets", function()
    it("finds one that is missing in Vault", function()
      local found = run { no_secret = "info" }
      assert.same({ "critical Vault: secret/tenant/urbanos/info is missing" }, found)
    end)

    it("finds shared secrets that are missing in the cluster", function()
      local found = run { secret = NOTHING }
      assert.same({ "critical secret pg-secret: is missing", "critical secret app-vault-token: is missing" }, found)
    end)

    it(
      "finds a shared secret that lacks a key",
      function()
        assert.same({ "critical secret app-vault-token: has no token" }, (run { secret = { token = NOTHING } }))
      end
    )

    it("finds an invalid Vault token", function()
      local found = run { token = { valid = false } }
      assert.same({ "critical secret app-vault-token: its Vault token is not valid" }, found)
    end)

    it("finds a Vault token that cannot read the tenant's secrets", function()
      local found = run { token = { valid = true, readable = false } }
      assert.same({ "critical secret app-vault-token: its Vault token cannot read the tenant's secrets" }, found)
    end)

    it("finds a Vault token that expires within a week", function()
      local found = run { token = { valid = true, readable = true, ttl = 7200 } }
      assert.matches("its Vault token expires in 2 h", found[1])
    end)
  end)

  it("checks only the database and Vault without a cluster", function()
    local wrong = { env = { REDIS_HOST = NOTHING }, secret = NOTHING, database = NOTHING }
    local found = run(wrong, { no_cluster = true })
    assert.same({ "critical coredb-urbanos: the database is missing" }, found)
  end)
end)

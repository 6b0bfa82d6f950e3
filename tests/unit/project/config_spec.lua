local config = require "o2x.project.config"
local folder = require "tests.support.folder"
local secret = require "o2x.base.secret"

describe("a key of the command line", function()
  it("is one that is known and no secret", function()
    assert.is_true(config.is_key "pg.host")
    assert.is_false(config.is_key "pg.hots")
    assert.is_false(config.is_key "pg.password")
  end)
end)

describe("the configuration", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  -- yaml: the text of the project's o2x.yaml
  local function load(yaml, env, flags)
    local project = { root = place.path, state = place:at ".o2x/runs", yaml = yaml and place:write("o2x.yaml", yaml) }
    env = env or {}
    env.HOME = env.HOME or place:at "home"
    return config.load(project, flags, env)
  end

  local function refused(message, ...)
    local ok, err = pcall(load, ...)
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches(message, tostring(err))
    return err
  end

  local function source_of(loaded, key)
    for _, entry in ipairs(loaded.explain()) do
      if entry.key == key then return entry.source end
    end
  end

  it("has defaults", function()
    local loaded = load()
    assert.equal("127.0.0.1", loaded.pg.host)
    assert.equal(5432, loaded.pg.port)
    assert.equal("default", source_of(loaded, "pg.host"))
    assert.equal(place:at ".o2x/runs", loaded.state)
  end)

  it("takes the nearest of its sources", function()
    local env = { PGHOST = "standard" }
    assert.equal("standard", load(nil, env).pg.host)
    place:write("home/.config/o2x/config.yaml", "pg:\n  host: user\n")
    assert.equal("user", load(nil, env).pg.host)
    assert.equal("project", load("pg:\n  host: project\n", env).pg.host)
    env.O2X_PG_HOST = "own"
    assert.equal("own", load("pg:\n  host: project\n", env).pg.host)
    local loaded = load("pg:\n  host: project\n", env, { ["pg.host"] = "flag" })
    assert.equal("flag", loaded.pg.host)
    assert.equal("--set", source_of(loaded, "pg.host"))
  end)

  it("takes the variables of the systems' own clients", function()
    for variable, key in pairs {
      PGUSER = "pg.user",
      PGPASSWORD = "pg.password",
      PGPASSFILE = "pg.passfile",
      PGSSLMODE = "pg.sslmode",
      PGSSLROOTCERT = "pg.sslrootcert",
      VAULT_ADDR = "vault.addr",
      VAULT_AGENT_ADDR = "vault.addr",
      VAULT_TOKEN = "vault.token",
      VAULT_NAMESPACE = "vault.namespace",
      VAULT_CACERT = "vault.cacert",
      KUBECONFIG = "kube.config",
      AWS_ENDPOINT_URL = "aws.endpoint",
      AWS_DEFAULT_REGION = "aws.region",
      AWS_REGION = "aws.region",
      AWS_ACCESS_KEY_ID = "aws.access_key_id",
      AWS_SECRET_ACCESS_KEY = "aws.secret_access_key",
      AWS_SESSION_TOKEN = "aws.session_token",
      REDIS_URL = "redis.url",
      REDISCLI_AUTH = "redis.password",
      O2X_LAB_DNS = "dns.servers",
      O2X_LAB_HTTPS = "https.connect_to",
      O2X_LAB_CA = "https.ca",
    } do
      local loaded = load(nil, { [variable] = "/given" })
      local section, inner = key:match "^(.-)%.(.*)$"
      local value = loaded[section][inner]
      if type(value) == "table" then value = value[1] end
      if secret.is(value) then value = secret.equal(value, secret.new("/given", "x")) and "/given" end
      assert.equal("/given", value, variable)
      assert.equal(variable, source_of(loaded, key))
    end
    assert.equal(6543, load(nil, { PGPORT = "6543" }).pg.port)
  end)

  it("takes null for absent, and lists of texts only", function()
    assert.equal("127.0.0.1", load("pg: {host: null}\n").pg.host)
    assert.same({ "/a" }, load("kube: {exec_plugins: [/a]}\n").kube.exec_plugins)
    refused("kube.exec_plugins: expected a list of texts", "kube: {exec_plugins: [7]}\n")
    refused("kube.exec_plugins: expected a list of texts", "kube: {exec_plugins: [null]}\n")
    refused("kube.exec_plugins: expected a list", "kube: {exec_plugins: {a: b}}\n")
  end)

  it("does not take an empty variable", function() assert.equal("127.0.0.1", load(nil, { PGHOST = "" }).pg.host) end)

  it("reads a key with its section in one word, too", function() assert.equal("x", load("pg.host: x\n").pg.host) end)

  it("makes a secret of a password", function()
    local loaded = load(nil, { PGPASSWORD = "correct-horse" })
    assert.is_true(secret.is(loaded.pg.password))
    for _, entry in ipairs(loaded.explain()) do
      assert.is_nil(tostring(entry.value):find("correct%-horse"), entry.key)
    end
  end)

  it("refuses a secret on the command line", function()
    local err = refused("vault.token is a secret", nil, nil, { ["vault.token"] = "hvs.x" })
    assert.matches("O2X_VAULT_TOKEN", err.hint)
  end)

  it("finds the token that vault login left", function()
    place:write("home/.vault-token", "hvs.left\n")
    local loaded = load()
    assert.is_true(secret.is(loaded.vault.token))
    assert.equal(place:at "home/.vault-token", source_of(loaded, "vault.token"))
  end)

  it("takes a relative path from where it is written", function()
    assert.equal(place:at "tree", load("platform: tree\n").platform)
    place:write("home/.config/o2x/config.yaml", "secrets: mine\n")
    assert.equal(place:at "home/.config/o2x/mine", load().secrets)
  end)

  it("reads a list as such, or from a text with commas", function()
    assert.same({ "a", "b" }, load("dns:\n  servers: [a, b]\n").dns.servers)
    assert.same({ "a", "b" }, load(nil, { O2X_DNS_SERVERS = "a, b" }).dns.servers)
  end)

  it("says where a value is of the wrong kind", function()
    refused("o2x.yaml: pg.port: .*integer", "pg:\n  port: many\n")
    refused("O2X_PG_PORT: pg.port", nil, { O2X_PG_PORT = "5432x" })
    refused("pg.host: .*control", nil, { PGHOST = "a\nb" })
    refused("pg.host", "pg:\n  host: [a]\n")
  end)

  it("says the line of an unknown key, and the nearest one", function()
    refused('o2x.yaml:3: unknown key "pg.hots"; did you mean pg.host%?', "# comment\npg:\n  hots: x\n")
    refused('unknown key "nosuch"', "nosuch: 1\n")
    refused('unknown configuration key "pg.hots"', nil, nil, { ["pg.hots"] = "x" })
  end)

  it("refuses a file that is no map", function() refused("o2x.yaml: .*map", "just text\n") end)

  it("takes an empty file", function() assert.equal(5432, load("\n").pg.port) end)
end)

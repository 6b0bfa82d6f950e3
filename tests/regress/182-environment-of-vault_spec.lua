-- Variables of Vault's own client: each leads to what reaches the server, or is refused or warned of by its name. They
-- used to be ignored without a word.

local config = require "o2x.project.config"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local proxy_server = require "tests.support.proxy_server"
local raised = require "tests.support.raised"
local task = require "o2x.base.task"
local tls = require "tests.support.tls"
local vault = require "o2x.client.vault"

local TOKEN <const> = "hvs.token-of-the-operator"
local BODY <const> = json.encode { data = { data = { a = "value-of-a" }, metadata = { version = 1 } } }

describe("the environment of Vault", function()
  local certs, place, seen
  setup(function() certs = tls.make() end)
  before_each(function()
    place, seen = folder(), {}
  end)
  after_each(function() place:close() end)

  local function handler(req)
    seen[#seen + 1] = req
    return 200, { ["Content-Type"] = "application/json" }, BODY
  end

  -- The client of a run with this environment.
  local function client(env, yaml)
    env.HOME = env.HOME or place:at "home"
    env.VAULT_TOKEN = env.VAULT_TOKEN or TOKEN
    local project = { root = place.path, state = place:at "state", yaml = yaml and place:write("o2x.yaml", yaml) }
    return vault.for_run(config.load(project, {}, env), {}, { ctx = { log = function() end } })
  end

  local function read(env) return client(env):read "tenant/a" end

  local function https(certificate) return httpd.serve { handler = handler, tls = certificate or certs.good } end

  local function address(server, host) return ("https://%s:%d"):format(host or "127.0.0.1", server.port) end

  it("VAULT_TOKEN and VAULT_NAMESPACE are sent", function()
    local server <close> = https()
    local ca = place:write("ca.pem", certs.ca)
    read { VAULT_ADDR = address(server), VAULT_CACERT = ca, VAULT_NAMESPACE = "team/a" }
    local headers = seen[#seen].headers
    assert.same({ TOKEN, "team/a" }, { headers["x-vault-token"], headers["x-vault-namespace"] })
  end)

  it("~/.vault-token is sent where there is no VAULT_TOKEN", function()
    local server <close> = https()
    place:write("home/.vault-token", "hvs.left-by-a-login\n")
    read { VAULT_ADDR = address(server), VAULT_CACERT = place:write("ca.pem", certs.ca), VAULT_TOKEN = "" }
    assert.equal("hvs.left-by-a-login", seen[#seen].headers["x-vault-token"])
  end)

  it("VAULT_AGENT_ADDR counts before VAULT_ADDR", function()
    local server <close> = httpd.serve { handler = handler }
    read { VAULT_ADDR = "https://vault.example:8200", VAULT_AGENT_ADDR = "http://127.0.0.1:" .. server.port }
    assert.is_true(#seen > 0)
  end)

  it("VAULT_CACERT, VAULT_CACERT_BYTES and VAULT_CAPATH are trusted, in this order", function()
    local server <close> = https()
    local ca, wrong = place:write("ca.pem", certs.ca), place:write("wrong.pem", certs.self_signed.cert)
    place:write("many/a.pem", certs.self_signed.cert)
    place:write("many/b.crt", certs.ca)
    place:write("many/README", "no certificate")
    for _, env in ipairs {
      { VAULT_CACERT = ca, VAULT_CAPATH = place:at "nothing", VAULT_CACERT_BYTES = certs.self_signed.cert },
      { VAULT_CACERT_BYTES = certs.ca, VAULT_CAPATH = place:at "nothing" },
      { VAULT_CAPATH = place:at "many" },
    } do
      env.VAULT_ADDR = address(server)
      assert.is_table((read(env)))
    end
    assert.equal("tls", raised(read, { VAULT_ADDR = address(server) }).code)
    assert.equal("tls", raised(read, { VAULT_ADDR = address(server), VAULT_CACERT = wrong }).code)
    assert.matches("capath", raised(read, { VAULT_ADDR = address(server), VAULT_CAPATH = place:at "no" }).message)
    assert.matches("PEM", raised(read, { VAULT_ADDR = address(server), VAULT_CACERT_BYTES = "x" }).message)
  end)

  it("VAULT_SKIP_VERIFY changes nothing", function()
    local server <close> = https(certs.self_signed)
    assert.equal("tls", raised(read, { VAULT_ADDR = address(server), VAULT_SKIP_VERIFY = "true" }).code)
  end)

  it("VAULT_TLS_SERVER_NAME is the name of the certificate", function()
    local server <close> = https(certs.other_host)
    local env = { VAULT_ADDR = address(server), VAULT_CACERT = place:write("ca.pem", certs.ca) }
    assert.equal("tls", raised(read, env).code)
    env.VAULT_TLS_SERVER_NAME = "other.example"
    assert.is_table((read(env)))
  end)

  it("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY belong together", function()
    local server <close> = https()
    local env = { VAULT_ADDR = address(server), VAULT_CACERT = place:write("ca.pem", certs.ca) }
    env.VAULT_CLIENT_CERT = place:write("cert.pem", certs.client.cert)
    assert.matches("must be set together", raised(read, env).message)
    env.VAULT_CLIENT_KEY = place:write("key.pem", certs.good.key)
    assert.equal("tls", raised(read, env).code) -- the key of another certificate: both are used
    fs.write(env.VAULT_CLIENT_KEY, certs.client.key)
    assert.is_table((read(env)))
  end)

  it("VAULT_PROXY_ADDR counts before VAULT_HTTP_PROXY, and the proxy does not see the token", function()
    local server <close> = https(certs.other_host)
    local proxy <close> = proxy_server.open()
    local ca = place:write("ca.pem", certs.ca)
    local addr = address(server, "other.example")
    read { VAULT_ADDR = addr, VAULT_CACERT = ca, VAULT_PROXY_ADDR = proxy.url, VAULT_HTTP_PROXY = "http://127.0.0.1:1" }
    read { VAULT_ADDR = addr, VAULT_CACERT = ca, VAULT_HTTP_PROXY = proxy.url }
    assert.equal("CONNECT other.example:" .. server.port, proxy.asked[1])
    assert.is_nil((table.concat(proxy.heads) .. table.concat(proxy.up)):find(TOKEN, 1, true))
  end)

  it("VAULT_PROXY_ADDR is refused where the proxy would see the token", function()
    local problem =
      raised(client, { VAULT_ADDR = "http://127.0.0.1:8200", VAULT_PROXY_ADDR = "http://proxy.example:1" })
    assert.equal("refused", problem.kind)
    assert.matches("Vault's proxy", problem.message)
  end)

  it("VAULT_CLIENT_TIMEOUT limits a request", function()
    local server <close> = httpd.serve { handler = function() task.sleep(30) end }
    for _, text in ipairs { "1", "500ms", "0.5s" } do
      local start = task.now()
      local problem = raised(read, { VAULT_ADDR = "http://127.0.0.1:" .. server.port, VAULT_CLIENT_TIMEOUT = text })
      assert.equal("timeout", problem.kind)
      assert.is_true(task.now() - start < 20)
    end
    assert.matches(
      "expected a time",
      raised(client, { VAULT_ADDR = "http://127.0.0.1:1", VAULT_CLIENT_TIMEOUT = "x" }).message
    )
  end)

  it("warns of what is ignored, by its name", function()
    local env = { HOME = place:at "home", VAULT_ADDR = "https://v" }
    place:write("home/.vault", 'token_helper = "/bin/false"\n')
    for name, value in pairs {
      VAULT_MAX_RETRIES = "5",
      VAULT_RATE_LIMIT = "10:10",
      VAULT_SRV_LOOKUP = "true",
      VAULT_HEADERS = "{}",
      VAULT_WRAP_TTL = "60",
      HELM_KUBECONTEXT = "x",
      HELM_NAMESPACE = "x",
      HELM_DRIVER = "configmap",
      HELM_MAX_HISTORY = "3",
      HELM_KUBEAPISERVER = "https://x",
      HELM_KUBETOKEN = "x",
      HELM_KUBECAFILE = "/x",
      HELM_KUBETLS_SERVER_NAME = "x",
      HELM_KUBEASUSER = "x",
      HELM_KUBEASGROUPS = "x",
      HELM_KUBEINSECURE_SKIP_TLS_VERIFY = "true",
      HELM_PLUGINS = "/x",
      HELM_CONFIG_HOME = "/x",
      CURL_CA_BUNDLE = "/x",
      REQUESTS_CA_BUNDLE = "/x",
    } do
      env[name] = value
      local text = table.concat(config.load({ root = place.path, state = "/s" }, {}, env).warnings(), "\n")
      assert.is_truthy(text:find(name .. " is set; ", 1, true), name)
    end
    local warnings = config.load({ root = place.path, state = "/s" }, {}, env).warnings()
    assert.is_truthy(table.concat(warnings, "\n"):find("~/.vault exists; o2x runs no token helper", 1, true))
    env.VAULT_TOKEN = "hvs.x"
    warnings = config.load({ root = place.path, state = "/s" }, {}, env).warnings()
    assert.is_nil(table.concat(warnings, "\n"):find("token helper", 1, true))
  end)
end)

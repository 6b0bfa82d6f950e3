local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local kubeconfig = require "o2x.client.kubeconfig"
local proc = require "o2x.base.proc"
local secret = require "o2x.base.secret"

-- Whole files, and sections of a file that is fine otherwise: none of them can be used.
local ODD <const> = {
  file = {
    "",
    "null",
    "[]",
    "[a]",
    "7",
    "text",
    "{",
    "\0",
    "\xff\xfe",
    "<html>",
    "{}",
    "kind: [a]",
    "kind: Pod",
    "clusters: [{name: c, cluster: {server: 'https",
    ("["):rep(100),
    "a: 1\na: 2\n",
  },
  clusters = {
    "x",
    "{a: b}",
    "{name: c, cluster: {}}",
    "[null]",
    "[[a]]",
    "[{name: [a], cluster: {}}]",
    "[{name: c, cluster: []}]",
    "[{name: c, cluster: [a]}]",
    "[{name: c, cluster: x}]",
    "[{name: c, cluster: {server: [a]}}]",
    "[{name: c, cluster: {server: 7}}]",
    "[{name: c, cluster: {server: null}}]",
    "[{name: c, cluster: {server: 'ftp://h'}}]",
    '[{name: c, cluster: {server: "https://h\\nx"}}]',
    "[{name: c, cluster: {server: 'https://h', certificate-authority-data: [a]}}]",
    "[{name: c, cluster: {server: 'https://h', certificate-authority-data: '***'}}]",
    "[{name: c, cluster: {server: 'https://h', certificate-authority: /}}]",
    "[{name: c, cluster: {server: 'https://h', certificate-authority: nope}}]",
  },
  users = {
    "x",
    "{u: {}}",
    "[{name: u, user: [a]}]",
    "[{name: u, user: {token: [a]}}]",
    "[{name: u, user: {token: 7}}]",
    '[{name: u, user: {token: "a\\nb"}}]',
    "[{name: u, user: {tokenFile: /}}]",
    "[{name: u, user: {tokenFile: nope}}]",
    "[{name: u, user: {exec: x}}]",
    "[{name: u, user: {exec: [a]}}]",
    "[{name: u, user: {exec: {}}}]",
    "[{name: u, user: {exec: {command: [a]}}}]",
    "[{name: u, user: {client-certificate-data: QQ==}}]",
    "[{name: u, user: {client-certificate-data: [a], client-key-data: QQ==}}]",
    "[{name: u, user: {client-certificate-data: QQ==, client-key-data: '*'}}]",
    "[{name: u, user: {client-certificate: /, client-key: /}}]",
  },
  contexts = {
    "x",
    "{main: {}}",
    "[{name: main, context: x}]",
    "[{name: main, context: [a]}]",
    "[{name: main, context: null}]",
    "[{name: main, context: {cluster: [c]}}]",
    "[{name: main, context: {cluster: c, user: [u]}}]",
    "[{name: main, context: {cluster: c, user: u, namespace: [n]}}]",
    "[{name: main, context: {cluster: c, user: u, namespace: 'a/../b'}}]",
  },
  ["current-context"] = { "[main]", "7", "other", "null" },
  -- of a credential plugin
  args = { "x", "[[a]]", "{a: b}", "[null]", "[7]" },
  env = {
    "x",
    "[x]",
    "[null]",
    "[{}]",
    "[{name: a, value: [b]}]",
    "[{name: a, value: 7}]",
    "[{name: [a]}]",
    "{name: a}",
    "[{name: 'a=b', value: c}]",
  },
  apiVersion = { "[a]", "7" },
  -- what the plugin prints
  output = {
    "",
    "text",
    "null",
    "[]",
    "{}",
    '{"status":null}',
    '{"status":"x"}',
    '{"status":[]}',
    '{"status":{}}',
    '{"status":{"token":[]}}',
    '{"status":{"token":7}}',
    '{"status":{"token":"a\\nb"}}',
    '{"status":{"clientCertificateData":"x"}}',
    '{"status":{"clientKeyData":"x"}}',
    '{"status":{"clientCertificateData":[],"clientKeyData":"x"}}',
  },
}

local GOOD <const> = '{"apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"t"}}'

local function same_secret(text, s)
  assert.is_true(secret.is(s))
  assert.is_true(secret.equal(secret.new(text, "x"), s))
end

describe("a kubeconfig", function()
  local folder

  before_each(function() folder = fs.temp_folder() end)
  after_each(function() fs.remove_tree(folder) end)

  local function file(name, text)
    local path = fs.join(folder, name)
    fs.write(path, text, { parents = true })
    return path
  end

  local function config(cluster, user, more)
    return ([[
apiVersion: v1
kind: Config
current-context: main
clusters:
- name: c
  cluster: {%s}
users:
- name: u
  user: {%s}
contexts:
- name: main
  context: {cluster: c, user: u%s}
]]):format(cluster, user, more or "")
  end

  local function load(text, options)
    options = options or {}
    options.path = file("config", text)
    return kubeconfig.load(options)
  end

  local function refused(pattern, text, options)
    local ok, e = pcall(load, text, options)
    assert.is_false(ok)
    assert.is_true(errors.is(e), tostring(e))
    assert.equal("input", e.kind)
    assert.is_truthy(tostring(e):find(pattern), tostring(e))
    assert.is_nil(tostring(e):find("\n"))
    return e
  end

  it("gives server, token and namespace", function()
    local c = load(config("server: 'https://k8s.example:6443/'", "token: t0ken", ", namespace: prod"))
    assert.equal("https://k8s.example:6443", c.server)
    assert.equal("prod", c.namespace)
    assert.equal("main", c.context)
    same_secret("t0ken", c:credentials().token)
    assert.is_false(c:refresh())
  end)

  it("gives certificates, inline or from files beside it", function()
    file("ca.pem", "CA")
    file("key.pem", "KEY")
    local c = load(
      config(
        "server: https://h, certificate-authority: ca.pem",
        "client-certificate-data: Q0VSVA==, client-key: key.pem"
      )
    )
    assert.equal("CA", c.ca)
    assert.equal("CERT", c:credentials().cert)
    same_secret("KEY", c:credentials().key)
    assert.equal("default", c.namespace)
  end)

  it("reads a token file again after a refresh", function()
    local path = file("token", "one\n")
    local c = load(config("server: https://h", "tokenFile: token"))
    same_secret("one", c:credentials().token)
    fs.write(path, "two\n")
    same_secret("one", c:credentials().token)
    assert.is_true(c:refresh())
    same_secret("two", c:credentials().token)
  end)

  it("is merged from a list of files: the first to name a thing wins, missing files are skipped", function()
    local one = file("one", "current-context: b\ncontexts:\n- name: a\n  context: {cluster: c, user: u}\n")
    local two = file(
      "two",
      config("server: https://two", "token: t")
        :gsub("name: main", "name: b")
        :gsub("current%-context: main", "current-context: a")
    )
    local c = kubeconfig.load { path = table.concat({ folder .. "/none", one, two }, ":") }
    assert.equal("b", c.context)
    assert.equal("https://two", c.server)
    assert.equal("a", kubeconfig.load { path = one .. ":" .. two, context = "a" }.context)
  end)

  it("is refused in one line when it cannot be used safely or at all", function()
    refused(
      "insecure%-skip%-tls%-verify is not allowed",
      config("server: https://h, insecure-skip-tls-verify: true", "token: t")
    )
    refused("plain http would send", config("server: http://k8s.example", "token: t"))
    refused("no valid server URL", config("server: ftp://x", "token: t"))
    refused("no valid server URL", config("", "token: t"))
    refused("is not the URL of a proxy", config("server: https://h, proxy-url: ftp://p", "token: t"))
    refused("to the proxy", config("server: http://127.0.0.1:1, proxy-url: http://p", "token: t"))
    refused("auth%-provider is not supported", config("server: https://h", "auth-provider: {name: gcp}"))
    refused("need as", config("server: https://h", "token: t, as-groups: [a]"))
    refused("a token and a username are both set", config("server: https://h", "token: t, username: a"))
    refused("a password without a username", config("server: https://h", "password: a"))
    refused("are both set", config("server: https://h, certificate-authority: x, certificate-authority-data: QQ==", ""))
    refused("has two entries named", "users: [{name: u}, {name: u}]\n")
    refused("apiVersion is v2", "apiVersion: v2\n")
    refused("is not base64", config("server: https://h, certificate-authority-data: '*'", "token: t"))
    refused("must be set together", config("server: https://h", "client-certificate-data: Q0VSVA=="))
    refused("does not exist", config("server: https://h, certificate-authority: none.pem", "token: t"))
    refused('no context named "x"', config("server: https://h", "token: t"), { context = "x" })
    refused('no user named "u2"', (config("server: https://h", "token: t"):gsub("user: u}", "user: u2}")))
    refused("no current context", (config("server: https://h", "token: t"):gsub("current%-context: main\n", "")))
    refused("not a kubeconfig", "kind: Pod\n")
    refused("not a kubeconfig", "just text")
  end)

  it("reads null as absent, as kubectl does", function()
    refused("no current context", "apiVersion: v1\nkind: Config\nclusters: null\ncontexts: null\nusers: null\n")
    assert.is_truthy(load(config("server: 'https://h:1', insecure-skip-tls-verify: null", "token: t, exec: null")))
    refused("user u has no credentials", config("server: 'https://h:1'", "token: null"))
    refused("context main has no user", (config("server: 'https://h:1'", "token: t"):gsub(", user: u", "")))
  end)

  for what, text in pairs {
    ["token must be a text, not a number"] = config("server: 'https://h:1'", "token: 1234567"),
    ["certificate%-authority%-data must be a text"] = config(
      "server: 'https://h:1', certificate-authority-data: 7",
      ""
    ),
    ["clusters must not be a string"] = "kind: Config\nclusters: all\n",
    ["clusters has an entry that is not a map"] = "kind: Config\nclusters: [1]\n",
    ["user a must not be a boolean"] = "kind: Config\nusers: [{name: a, user: true}]\n",
    ["namespace must be a text"] = config("server: 'https://h:1'", "", ", namespace: [a]"),
    ["exec must not be a string"] = config("server: 'https://h:1'", "exec: aws"),
  } do
    it("has no other shape: " .. what, function() refused(what, text) end)
  end

  it("may speak plain http to this very machine", function()
    for _, host in ipairs { "127.0.0.1:1", "localhost:80", "[::1]:80" } do
      assert.equal("http://" .. host, load(config(("server: 'http://%s'"):format(host), "token: t")).server)
    end
    refused("plain http would send", config("server: http://127.0.0.1.example.com", "token: t"))
  end)

  it("that is named but missing says so", function()
    local ok, e = pcall(kubeconfig.load, { path = folder .. "/none" })
    assert.is_false(ok)
    assert.equal(("kubeconfig not found: %s/none"):format(folder), e.message)
    assert.is_string(e.hint)
  end)

  it("is ~/.kube/config where KUBECONFIG is not set", function()
    file(".kube/config", config("server: https://h", "token: t"))
    local script =
      file("script.lua", 'print(require("o2x.client.kubeconfig").load({ path = os.getenv "KUBECONFIG" }).server)')
    local argv = { "/proc/self/exe", script } -- this very program
    assert.equal("https://h\n", proc.run({ argv = argv, env = { HOME = folder } }).stdout)
    file("other", config("server: https://other", "token: t"))
    local env = { HOME = folder, KUBECONFIG = folder .. "/other" }
    assert.equal("https://other\n", proc.run({ argv = argv, env = env }).stdout)
  end)

  it("is not needed within a cluster: the pod's service account is", function()
    file("account/token", "t0ken\n")
    file("account/ca.crt", "CA")
    file("account/namespace", "apps")
    local script = file(
      "script.lua",
      ([[
      local c = require("o2x.client.kubeconfig").load { service_account = "%s/account" }
      require("o2x.base.fs").write("%s/seen", c:text())
    ]]):format(folder, folder)
    )
    local r = proc.run {
      argv = { "/proc/self/exe", script }, -- this very program, in a pod's environment
      env = { HOME = folder, KUBERNETES_SERVICE_HOST = "fd00::1", KUBERNETES_SERVICE_PORT = "443" },
    }
    assert.equal(0, r.code, r.stderr)
    local doc = json.decode(fs.read(folder .. "/seen"))
    assert.same({ server = "https://[fd00::1]:443", ["certificate-authority-data"] = "Q0E=" }, doc.clusters[1].cluster)
    assert.same({ token = "t0ken" }, doc.users[1].user)
    assert.equal("apps", doc.contexts[1].context.namespace)
    local named = { HOME = folder, KUBERNETES_SERVICE_HOST = "h", KUBERNETES_SERVICE_PORT = "1" }
    named.POD_NAMESPACE = "mine"
    assert.equal(0, proc.run({ argv = { "/proc/self/exe", script }, env = named }).code)
    assert.equal("mine", json.decode(fs.read(folder .. "/seen")).contexts[1].context.namespace)
  end)

  describe("with a credential plugin", function()
    local plugin

    before_each(function()
      plugin = file(
        "plugin",
        "#!/bin/sh\necho x >> '"
          .. folder
          .. "/calls'\n"
          .. 'echo "{kind: ExecCredential, apiVersion: client.authentication.k8s.io/v1,'
          .. ' status: {token: from-$1-$WHO}}"\n'
      )
      fs.chmod(plugin, 493)
    end)

    local function with_plugin()
      return config(
        "server: https://h",
        "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, args: [get],"
          .. " interactiveMode: Never,"
          .. " env: [{name: WHO, value: me}]}"
      )
    end

    it("runs it only if it is allowed", function()
      local c = load(with_plugin())
      local ok, e = pcall(c.credentials, c)
      assert.is_false(ok)
      assert.is_truthy(e.message:find("is not allowed", 1, true), e.message)
      assert.is_false(fs.exists(folder .. "/calls"))
    end)

    it("takes its token, once until it is refreshed", function()
      local c = load(with_plugin(), { exec_plugins = { folder .. "/./plugin" } })
      same_secret("from-get-me", c:credentials().token)
      c:credentials()
      assert.equal("x\n", fs.read(folder .. "/calls"))
      assert.is_true(c:refresh())
      c:credentials()
      assert.equal("x\nx\n", fs.read(folder .. "/calls"))
    end)

    it("says that it failed", function()
      fs.write(plugin, "#!/bin/sh\necho 'no session' >&2\nexit 1\n", { mode = 493 })
      local c = load(with_plugin(), { exec_plugins = { folder .. "/./plugin" } })
      local ok, e = pcall(c.credentials, c)
      assert.is_false(ok)
      assert.equal("unauthorised", e.kind)
      assert.is_truthy(e.message:find("no session", 1, true), e.message)
    end)
  end)

  it("is written for helm with everything inside", function()
    file("ca.pem", "CA")
    local text = load(
      config(
        "server: https://h, certificate-authority: ca.pem",
        "token: t0ken, client-certificate-data: Q0VSVA==, client-key-data: S0VZ",
        ", namespace: prod"
      )
    ):text()
    assert.is_true(secret.is(text))
    fs.write(folder .. "/out", text, { mode = 384 })
    local doc = json.decode(fs.read(folder .. "/out"))
    assert.same({ server = "https://h", ["certificate-authority-data"] = "Q0E=" }, doc.clusters[1].cluster)
    assert.same(
      { token = "t0ken", ["client-certificate-data"] = "Q0VSVA==", ["client-key-data"] = "S0VZ" },
      doc.users[1].user
    )
    assert.equal("prod", doc.contexts[1].context.namespace)
    assert.is_true(fs.private(folder .. "/out"))
  end)

  it("is written for helm with its proxy, its name and as whom it asks", function()
    local text = load(
      config(
        "server: https://h, proxy-url: 'socks5://p:1', tls-server-name: name",
        "username: me, password: correct-horse, as: jane, as-uid: '7', as-groups: [a], as-user-extra: {k: [v]}"
      )
    ):text()
    fs.write(folder .. "/out", text, { mode = 384 })
    local doc = json.decode(fs.read(folder .. "/out"))
    assert.same(
      { server = "https://h", ["proxy-url"] = "socks5://p:1", ["tls-server-name"] = "name" },
      doc.clusters[1].cluster
    )
    assert.same({
      username = "me",
      password = "correct-horse",
      as = "jane",
      ["as-uid"] = "7",
      ["as-groups"] = { "a" },
      ["as-user-extra"] = { k = { "v" } },
    }, doc.users[1].user)
  end)

  it("gives the headers of kubectl: a password, and as whom it asks", function()
    local headers = load(
      config("server: https://h", "username: me, password: p, as: jane, as-groups: [a, b], as-user-extra: {A/b: [c]}")
    ):headers()
    assert.is_true(secret.equal(headers.Authorization, secret.new("Basic bWU6cA==", "x")))
    assert.same({ "jane", { "a", "b" }, { "c" } }, {
      headers["Impersonate-User"],
      headers["Impersonate-Group"],
      headers["Impersonate-Extra-A%2Fb"],
    })
  end)

  local function file_with(section, value)
    if section == "file" then return value end
    local exec = { command = "/bin/echo", args = "[x]", env = "[]" }
    exec.apiVersion = "client.authentication.k8s.io/v1beta1"
    local parts = {
      clusters = "[{name: c, cluster: {server: 'https://h'}}]",
      users = "[{name: u, user: {token: t}}]",
      contexts = "[{name: main, context: {cluster: c, user: u}}]",
      ["current-context"] = "main",
    }
    if parts[section] then
      parts[section] = value
    else
      exec[section == "output" and "args" or section] = section == "output" and ("['%s']"):format(value) or value
      local words = {}
      for name, text in pairs(exec) do
        words[#words + 1] = name .. ": " .. text
      end
      parts.users = ("[{name: u, user: {exec: {%s}}}]"):format(table.concat(words, ", "))
    end
    local lines = {}
    for name, text in pairs(parts) do
      lines[#lines + 1] = name .. ": " .. text .. "\n"
    end
    return table.concat(lines)
  end

  for section, values in pairs(ODD) do
    it("of another shape is refused in one line: " .. section, function()
      for _, value in ipairs(values) do
        local path = file("config", file_with(section, value))
        local ok, e = xpcall(function()
          local c = kubeconfig.load { path = path, exec_plugins = { "/bin/echo" } }
          c:credentials()
          c:text()
        end, errors.handler)
        assert.is_false(ok, value)
        assert.not_equal("bug", e.kind, tostring(e))
        assert.is_nil(tostring(e):find "\n", tostring(e))
      end
    end)
  end

  it("that the tests of odd files start from can be used", function()
    assert.is_truthy(load(file_with("current-context", "main")):text())
    local with_plugin = load(file_with("output", GOOD), { exec_plugins = { "/bin/echo" } })
    same_secret("t", with_plugin:credentials().token)
  end)
end)

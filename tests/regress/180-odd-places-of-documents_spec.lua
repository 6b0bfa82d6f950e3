-- `x or {}` is no help against the null of a document: kubeconfigs as kubectl writes them (`users: null`, `args: null`)
-- were an error of Lua. Each place of a valid document may be something else, and no reader breaks.

local captured = require "tests.support.captured"
local config = require "o2x.project.config"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local kubeconfig = require "o2x.client.kubeconfig"
local mutants = require "tests.support.mutants"
local projects = require "o2x.project.project"
local sandbox = require "o2x.script.sandbox"
local secrets_source = require "o2x.project.secrets_source"
local tenants = require "o2x.project.tenants"
local yaml = require "o2x.base.yaml"

local function none(document, read)
  local wrong, count = mutants.tried(document, read)
  assert.equal("", table.concat(wrong, "\n"))
  return count
end

describe("a document with something odd in one place", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function written(document) return place:write("document", json.encode(document)) end

  it("is a kubeconfig", function()
    local document = yaml.decode [[
apiVersion: v1
kind: Config
preferences: {}
extensions: [{name: e, extension: {a: 1}}]
current-context: main
clusters:
- name: c
  cluster: {server: "https://h:6443", certificate-authority-data: QQ==, insecure-skip-tls-verify: false,
    proxy-url: "http://p:8080", tls-server-name: other, disable-compression: true, extensions: [{name: e}]}
users:
- name: u
  user: {token: abc, tokenFile: null, client-certificate-data: QQ==, client-key-data: QQ==, as: x, as-groups: [g],
    as-uid: u, as-user-extra: {reason: [r]}, username: n, password: p}
contexts:
- name: main
  context: {cluster: c, user: u, namespace: n, extensions: [{name: e}]}
]]
    local count = none(document, function(variant)
      local loaded = kubeconfig.load { path = written(variant) }
      loaded:credentials()
      loaded:text()
    end)
    assert.is_true(count > 200, count)
  end)

  it("is a credential plugin's configuration, and its answer", function()
    local plugin = place:write("plugin", '#!/bin/sh\ncat "$ANSWER"\n')
    fs.chmod(plugin, 448)
    local answer = place:write("answer", "{}")
    local document = {
      ["current-context"] = "main",
      clusters = json.array { { name = "c", cluster = { server = "https://h" } } },
      contexts = json.array { { name = "main", context = { cluster = "c", user = "u" } } },
      users = json.array {
        {
          name = "u",
          user = {
            exec = {
              apiVersion = "client.authentication.k8s.io/v1",
              command = plugin,
              args = json.array { "a", "b" },
              env = json.array { { name = "ANSWER", value = answer } },
              installHint = "install it",
              interactiveMode = "Never",
              provideClusterInfo = true,
            },
          },
        },
      },
    }
    local function read(variant)
      local loaded = kubeconfig.load { path = written(variant), exec_plugins = { plugin } }
      loaded:credentials()
      loaded:text()
    end
    none(document.users[1].user.exec, function(variant)
      document.users[1].user.exec = variant
      read(document)
    end)
    document.users[1].user.exec = {
      apiVersion = "client.authentication.k8s.io/v1",
      interactiveMode = "Never",
      command = plugin,
      env = json.array { { name = "ANSWER", value = answer } },
    }
    none({
      apiVersion = "client.authentication.k8s.io/v1",
      kind = "ExecCredential",
      status = {
        token = "t",
        expirationTimestamp = "2030-01-01T00:00:00Z",
        clientCertificateData = "c",
        clientKeyData = "k",
      },
    }, function(variant)
      fs.write(answer, json.encode(variant))
      read(document)
    end)
  end)

  -- The platform of the examples with two tenants, of which one file is odd.
  local FILES <const> = { "platform.yaml", "tenants/newclient.yaml", "tenants/coopeg-prd.yaml" }

  for _, name in ipairs(FILES) do
    it("is " .. name, function()
      for _, path in ipairs(FILES) do
        place:write("tree/" .. path, fs.read("examples/platform/" .. path))
      end
      local platform, document = sandbox.new(projects.find()), yaml.decode(fs.read("examples/platform/" .. name))
      local count = none(document, function(variant)
        place:write("tree/" .. name, json.encode(variant))
        captured(tenants.load, platform, { platform = place:at "tree" }, "newclient")
      end)
      assert.is_true(count > 100, count)
    end)
  end

  it("is a configuration", function()
    local document = yaml.decode [[
platform: tree
pg: {host: h, port: 1, functions: [a.b]}
vault.addr: https://v
kube: {exec_plugins: [/a], config: a, context: b}
cleartext: {hosts: [a]}
limits: {rows: 10}
retry: {seconds: 5}
]]
    none(document, function(variant)
      local project = { root = place.path, state = place:at "state", yaml = written(variant) }
      config.load(project, {}, { HOME = place.path }).explain()
    end)
  end)

  it("is a file of secrets", function()
    none({ stripe = { api_key = "k", list = json.array { "a", { b = "c" } } } }, function(variant)
      local path = written(variant)
      fs.chmod(path, 384)
      secrets_source.load(path, nil, "newclient", function() end)
    end)
  end)
end)

-- Kubeconfigs that o2x read where kubectl refuses them, and the reverse: fields of the file of another type, a list in
-- place of a map, an empty kind, paths that Go's clients clean. tests/reference/kubeconfig_spec.lua has more of them.

local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local kubeconfig = require "o2x.client.kubeconfig"
local proxies = require "o2x.client.proxy"
local raised = require "tests.support.raised"

local FILE <const> = [[
clusters: [{name: k, cluster: {server: "https://h:6443"}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
current-context: c
users: [{name: u, user: {token: TOKEN}}]
]]

describe("a kubeconfig as kubectl reads it", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  local function load(text) return kubeconfig.load { path = place:write("config", text) } end

  it("has fields of its types only, beside the entries as well", function()
    for _, text in ipairs {
      FILE .. "preferences: text\n",
      FILE .. "preferences: [a]\n",
      FILE .. "preferences: {colors: 'yes'}\n",
      FILE .. "extensions: text\n",
      FILE .. "apiVersion: 1\n",
      (FILE:gsub("current%-context: c", "current-context: 7")),
      (FILE:gsub("users: %[", "users: [null, null, ")),
      (FILE:gsub("clusters: %[", "clusters: [{name: x, cluster: []}, ")),
    } do
      local problem = raised(load, text)
      assert.equal("input", problem.kind, text)
      assert.equal(place:at "config", problem.where)
      assert.is_nil(tostring(problem):find "\n")
    end
  end)

  it("has an empty kind and version as if they were absent", function()
    for _, head in ipairs { "kind: ''\n", "apiVersion: ''\n", "kind: null\napiVersion: null\npreferences: null\n" } do
      assert.equal("https://h:6443", load(head .. FILE).server)
    end
  end)

  it("has a server whose path is clean", function()
    for path, clean in pairs {
      [""] = "",
      ["/"] = "",
      ["//a//b/"] = "/a/b",
      ["/a/../b/."] = "/b",
      ["/../.."] = "",
      ["/k8s/clusters/c-1"] = "/k8s/clusters/c-1",
      ["/ä"] = "/%C3%A4",
    } do
      assert.equal("https://h:6443" .. clean, load((FILE:gsub("https://h:6443", "%0" .. path))).server)
    end
  end)

  it("has a proxy whose path is of no use", function()
    for text, url in pairs {
      ["http://p:1/a/b"] = "http://p:1",
      ["http://u:p%2F@p:1/?x=y"] = "http://u:p%2F@p:1",
      ["https://p#x"] = "https://p",
    } do
      assert.equal(url, proxies.parse(text, "HTTPS_PROXY"))
    end
    assert.equal("input", raised(proxies.parse, "http:///a", "HTTPS_PROXY").kind)
  end)

  it("has a plugin that always gets a config, and no expiry that is empty", function()
    local exec = "apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, provideClusterInfo: true"
    local answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"%s}}'
    local plugin =
      place:write("plugin", '#!/bin/sh\ncd "$(dirname "$0")"\nprintf %s "$KUBERNETES_EXEC_INFO" > told\ncat answer')
    fs.chmod(plugin, 493)
    local text = FILE:gsub("token: TOKEN", ("exec: {command: %s, %s}"):format(plugin, exec))
    place:write("config", text)
    local options = { path = place:at "config", exec_plugins = { plugin } }
    local function ask() return kubeconfig.load(options):credentials() end
    place:write("answer", answer:format "")
    ask()
    assert.equal(json.null, json.decode(fs.read(place:at "told")).spec.cluster.config)
    place:write("answer", answer:format ',"expirationTimestamp":""')
    assert.matches("an expirationTimestamp that is no time", raised(ask).message, 1, true)
  end)
end)

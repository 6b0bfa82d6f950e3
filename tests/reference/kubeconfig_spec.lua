-- Kubeconfigs, read by o2x and by kubectl: both ask a server of this machine for /version with the same file, and the
-- server, the proxy and the plugin tell what came.

local cases = require "tests.reference.cases.kubeconfig"
local shapes = require "tests.reference.cases.kubeconfig_shapes"
local crypto = require "o2x.base.crypto"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local proc = require "o2x.base.proc"
local proxy_server = require "tests.support.proxy_server"
local tls = require "tests.support.tls"

table.move(shapes, 1, #shapes, #cases + 1, cases)

local FILE <const> = [[
apiVersion: v1
kind: Config
current-context: c
clusters:
- name: k
  cluster: {server: "SERVER", certificate-authority-data: CA%s}
contexts:
- name: c
  context: {cluster: k, user: u%s}
users:
- name: u
  user: {%s}
]]

-- Writes what it was given, then answers.
local PLUGIN <const> = [[#!/bin/sh
cd "$(dirname "$0")"
{ printf '%%s' "$KUBERNETES_EXEC_INFO"; printf '|%%s' "$WHO" "$@"; } > told
cat answer
exit %d
]]

local function added(text) return text and ", " .. text or "" end

describe("a kubeconfig", function()
  if not proc.exists "kubectl" then return pending "kubectl is not there: run vendor/bootstrap" end

  local certs, servers, proxy, seen, alike, different
  setup(function()
    certs, alike, different = tls.make(), 0, 0
  end)

  local function handler(req)
    local headers = {}
    for name, value in pairs(req.headers) do
      if name == "authorization" or name:find "^impersonate" then headers[name:lower()] = value end
    end
    seen = { path = req.path, headers = headers }
    return 200, { ["Content-Type"] = "application/json" }, '{"major":"1","minor":"34","gitVersion":"v1.34.0"}'
  end

  -- What the capitals in a case stand for.
  local function words(place)
    local ca = crypto.base64(certs.ca)
    local port = servers.SERVER.port
    return {
      SERVER = "https://127.0.0.1:" .. port,
      UPPER = "HTTPS://127.0.0.1:" .. port,
      BARE = "127.0.0.1:" .. port,
      LOCALHOST = "https://localhost:" .. port,
      USERINFO = "https://a:b@127.0.0.1:" .. port,
      OTHER = "https://127.0.0.1:" .. servers.OTHER.port,
      PLAIN = "http://127.0.0.1:" .. servers.PLAIN.port,
      PROXY = proxy.url,
      USERPROXY = ("http://me:pass%%20word@127.0.0.1:%d"):format(proxy.port),
      SOCKS = "socks5://127.0.0.1:" .. proxy.port,
      HERE = place.path,
      CA = ca,
      CAWRAPPED = (ca:gsub(("."):rep(64), "%0\\n")),
      CABLANKS = (ca:gsub(("."):rep(64), "%0 ")),
      CERT = crypto.base64(certs.client.cert),
      KEY = crypto.base64(certs.client.key),
      CAPEM = certs.ca,
      CERTPEM = certs.client.cert,
      KEYPEM = certs.client.key,
      CERTJSON = (certs.client.cert:gsub("\n", "\\n")),
      KEYJSON = (certs.client.key:gsub("\n", "\\n")),
    }
  end

  -- Writes the files of a case. -> the list for KUBECONFIG
  local function write(case, place)
    local replaced = words(place)
    local function fill(text) return (text:gsub("%f[%w]%u[%u]+%f[^%w]", replaced)) end
    local user = case.user or (case.exec and "" or "token: abc")
    if case.exec then user = (user ~= "" and user .. ", " or "") .. ("exec: {%s}"):format(case.exec) end
    local text = FILE:format(added(case.cluster), added(case.context), user)
    place:write("config", fill(case.text and case.text(text) or text))
    for name, content in pairs(case.files or {}) do
      place:write(name, fill(content))
    end
    place:write("answer", fill(case.answer or ""))
    fs.chmod(place:write("plugin", PLUGIN:format(case.code or 0)), 493)
    local list = {}
    for name in (case.list or "config"):gmatch "[^:]*" do
      list[#list + 1] = name ~= "" and place:at(name) or ""
    end
    return table.concat(list, ":")
  end

  -- What came of asking: nothing if it was refused on the way.
  local function outcome(place, ask)
    seen, proxy.asked, proxy.heads = nil, {}, {}
    if fs.exists(place:at "told") then fs.remove(place:at "told") end
    local accepted, namespace = ask()
    if not accepted or not seen then return { refused = true } end
    local told = fs.read_if(place:at "told")
    local info, rest = (told or ""):match "^(.-)(|.*)$"
    return {
      path = seen.path,
      headers = seen.headers,
      namespace = namespace,
      proxy = proxy.asked[1],
      proxy_user = (proxy.heads[1] or ""):match "Proxy%-Authorization: ([^\r]*)",
      plugin = told and { info = info ~= "" and json.decode(info) or info, words = rest } or nil,
    }
  end

  local function by_kubectl(case, list, place)
    local env = { KUBECONFIG = list, HOME = place.path }
    local options = { cwd = place.path, env = env, timeout = 60 }
    options.argv = { "kubectl", "version", "-o", "json", "--cache-dir=" .. place:at "cache", "--request-timeout=20s" }
    local accepted = proc.run(options).code == 0
    if not case.context then return accepted, "default" end
    options.argv = { "kubectl", "config", "view", "--minify", "-o", "jsonpath={.contexts[0].context.namespace}" }
    local namespace = proc.run(options).stdout
    return accepted, namespace ~= "" and namespace or "default"
  end

  local function by_o2x(list, place)
    local config
    local accepted, err = pcall(function()
      config = kubeconfig.load { path = list, exec_plugins = { place:at "plugin" } }
      return k8s.new({ config = config }):send("GET", "/version", {})
    end)
    if not accepted then assert.is_nil(tostring(err):find "\n", tostring(err)) end
    return accepted, config and config.namespace
  end

  for _, case in ipairs(cases) do
    it(case[1] .. (case.differs and " (differs)" or ""), function()
      local place <close> = folder()
      local good <close> = httpd.serve { handler = handler, tls = certs.good }
      local other <close> = httpd.serve { handler = handler, tls = certs.other_host }
      local plain <close> = httpd.serve { handler = handler }
      local between <close> = proxy_server.open()
      servers, proxy = { SERVER = good, OTHER = other, PLAIN = plain }, between
      local list = write(case, place)
      local theirs = outcome(place, function() return by_kubectl(case, list, place) end)
      local ours = outcome(place, function() return by_o2x(list, place) end)
      if case.differs then
        different = different + 1
        assert.not_same(theirs, ours)
      else
        assert.same(theirs, ours)
        alike = alike + 1
      end
    end)
  end

  it("means the same to both, but for those that differ on purpose", function()
    print(("kubeconfig: %d cases, %d alike, %d different on purpose"):format(#cases, alike, different))
    assert.equal(#cases, alike + different)
  end)
end)

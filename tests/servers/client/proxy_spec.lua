-- Requests by way of a proxy: what it is asked, what it sees, and whose failure it is.

local http = require "o2x.client.http"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local program = require "o2x.core.program"
local proxy_server = require "tests.support.proxy_server"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local tls = require "tests.support.tls"

local function echo(req)
  return 200, { ["Content-Type"] = "application/json" }, json.encode { path = req.path, headers = req.headers }
end

describe("a request through a proxy", function()
  local certs, real
  lazy_setup(function()
    certs, real = tls.make(), program.environment
  end)
  after_each(function()
    program.environment = real
    http.forget()
  end)

  local function environment(variables)
    program.environment = function() return variables end
    http.forget()
  end

  local function seen(proxy) return table.concat(proxy.heads) .. table.concat(proxy.up) end

  local TOKEN <const> = "token-for-the-server"

  local function ask(server, more)
    local request = {
      url = ("https://other.example:%d/a"):format(server.port),
      ca = certs.ca,
      token = secret.new(TOKEN, "token"),
    }
    for name, value in pairs(more or {}) do
      request[name] = value
    end
    return http.request(request)
  end

  for _, variable in ipairs { "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy" } do
    it("goes to an https host by CONNECT, and the proxy sees no credential: " .. variable, function()
      local server <close> = httpd.serve { handler = echo, tls = certs.other_host }
      local proxy <close> = proxy_server.open()
      environment { [variable] = proxy.url }
      local response = ask(server)
      assert.equal("Bearer " .. TOKEN, json.decode(response.body).headers.authorization)
      assert.same({ "CONNECT other.example:" .. server.port }, proxy.asked)
      assert.is_nil(seen(proxy):find(TOKEN, 1, true))
      assert.is_nil(response.headers["x-of-the-proxy"])
    end)
  end

  it("tells the proxy its user, and the server nothing of it", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.other_host }
    local proxy <close> = proxy_server.open()
    environment { HTTPS_PROXY = ("http://me:pass%%20word@127.0.0.1:%d"):format(proxy.port) }
    local headers = json.decode(ask(server).body).headers
    assert.is_nil(headers["proxy-authorization"])
    assert.matches("Proxy%-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n", proxy.heads[1])
  end)

  it("goes by SOCKS, where the proxy resolves the name", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.other_host }
    local proxy <close> = proxy_server.open()
    environment { HTTPS_PROXY = "socks5://127.0.0.1:" .. proxy.port }
    assert.equal(200, ask(server).status)
    assert.same({ "SOCKS other.example:" .. server.port }, proxy.asked)
  end)

  it("goes to an http host with the whole URL", function()
    local server <close> = httpd.serve { handler = echo }
    for _, variable in ipairs { "HTTP_PROXY", "http_proxy" } do
      local proxy <close> = proxy_server.open()
      environment { [variable] = proxy.url }
      local url = ("http://plain.example:%d/a"):format(server.port)
      assert.equal("/a", json.decode(http.request({ url = url }).body).path)
      assert.same({ ("GET http://plain.example:%d/a"):format(server.port) }, proxy.asked)
    end
  end)

  it("does not go to this machine, nor to what NO_PROXY names", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.good }
    local proxy <close> = proxy_server.open()
    environment { HTTPS_PROXY = proxy.url }
    for _, host in ipairs { "localhost", "127.0.0.1" } do
      assert.equal(200, http.request({ url = ("https://%s:%d/"):format(host, server.port), ca = certs.ca }).status)
    end
    for _, variable in ipairs { "NO_PROXY", "no_proxy" } do
      environment { HTTPS_PROXY = proxy.url, [variable] = "other.example" }
      assert.equal("dns", raised(ask, server, { connect_timeout = 5 }).code)
    end
    assert.same({}, proxy.asked)
  end)

  it("is decided by the address that is connected to", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.other_host }
    local proxy <close> = proxy_server.open()
    environment { HTTPS_PROXY = proxy.url }
    assert.equal(200, ask(server, { connect_to = "127.0.0.1:" .. server.port }).status)
    assert.same({}, proxy.asked)
  end)

  it("goes through the proxy that it names, or through none", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.good }
    local proxy <close> = proxy_server.open()
    local url = ("https://localhost:%d/"):format(server.port)
    assert.equal(200, http.request({ url = url, ca = certs.ca, proxy = proxy.url }).status)
    assert.same({ "CONNECT localhost:" .. server.port }, proxy.asked)
    environment { HTTPS_PROXY = proxy.url }
    assert.equal("dns", raised(ask, server, { proxy = "" }).code)
  end)

  it("was not sent where the proxy refuses it or is not there", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.other_host }
    local proxy <close> = proxy_server.open { refuse = "407 Proxy Authentication Required" }
    environment { HTTPS_PROXY = proxy.url }
    local problem = raised(ask, server, { method = "POST", body = "x" })
    assert.same({ "unreachable", false }, { problem.kind, problem.sent })
    assert.matches("407", problem.message)
    assert.matches("by the proxy 127.0.0.1:%d+, HTTPS_PROXY", problem.message)
    environment { HTTPS_PROXY = "http://127.0.0.1:1" }
    problem = raised(ask, server, { method = "POST", body = "x" })
    assert.same({ "unreachable", "refused", false }, { problem.kind, problem.code, problem.sent })
  end)

  it("verifies the server by its name all the same", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.good }
    local proxy <close> = proxy_server.open()
    environment { HTTPS_PROXY = proxy.url }
    assert.equal("tls", raised(ask, server).code)
  end)
end)

describe("TLS", function()
  local certs, real
  lazy_setup(function()
    certs, real = tls.make(), program.environment
  end)
  after_each(function()
    program.environment = real
    http.forget()
  end)

  it("trusts SSL_CERT_FILE where the request names no authority", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.good }
    local request = { url = ("https://localhost:%d/"):format(server.port) }
    local file = os.tmpname()
    require("o2x.base.fs").write(file, certs.ca)
    program.environment = function() return { SSL_CERT_FILE = file } end
    http.forget()
    assert.equal(200, http.request(request).status)
    program.environment = function() return {} end
    http.forget()
    assert.equal("tls", raised(http.request, request).code)
    os.remove(file)
  end)

  it("asks for a name and verifies it, at an address of another name", function()
    local server <close> = httpd.serve { handler = echo, tls = certs.other_host }
    local proxy <close> = proxy_server.open()
    local request = { url = ("https://127.0.0.1:%d/a?b=c"):format(server.port), ca = certs.ca }
    assert.equal("tls", raised(http.request, request).code)
    request.tls_name = "other.example"
    local seen = json.decode(http.request(request).body)
    assert.same({ "/a", "127.0.0.1:" .. server.port }, { seen.path, seen.headers.host })
    request.proxy = proxy.url
    assert.equal(200, http.request(request).status)
    assert.same({ "CONNECT 127.0.0.1:" .. server.port }, proxy.asked)
    request.tls_name = "another.example"
    assert.equal("tls", raised(http.request, request).code)
  end)
end)

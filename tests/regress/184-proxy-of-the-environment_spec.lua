-- HTTPS_PROXY and its kin were ignored: behind a proxy, every request ended in a timeout. A process of its own, with
-- the variables that an operator has set, asks a server by way of a proxy; so do the programs that it starts.

local folder = require "tests.support.folder"
local httpd = require "lab.httpd"
local proc = require "o2x.base.proc"
local proxy_server = require "tests.support.proxy_server"
local tls = require "tests.support.tls"

local SCRIPT <const> = [[
local http, proc = require "o2x.client.http", require "o2x.base.proc"
local url = "https://other.example:%d/"
print(http.request({ url = url }).status)
print(proc.run({ argv = { "curl", "-s", "-o", "/dev/null", "-w", "%%{http_code}", "--cacert", "%s", url } }).stdout)
]]

describe("a process behind a proxy", function()
  it("reaches an https host by CONNECT, and so do its children", function()
    local certs, place <close> = tls.make(), folder()
    local server <close> = httpd.serve { handler = function() return 200, {}, "" end, tls = certs.other_host }
    local proxy <close> = proxy_server.open()
    local ca = place:write("ca.pem", certs.ca)
    local script = place:write("script.lua", SCRIPT:format(server.port, ca))
    local env = { HTTPS_PROXY = proxy.url, NO_PROXY = ".internal,10.0.0.0/8", SSL_CERT_FILE = ca }
    local result = proc.run { argv = { "/proc/self/exe", script }, env = env, timeout = 60 } -- this very program
    assert.equal("200\n200\n", result.stdout, result.stderr)
    local target = "CONNECT other.example:" .. server.port
    assert.same({ target, target }, proxy.asked)
  end)
end)

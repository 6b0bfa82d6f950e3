local listen = require "o2x.core.listen"
local net = require "o2x.base.net"
local raw_server = require "tests.support.raw_server"

-- A port where nothing listens: that of a listener that was closed.
local function free_port()
  local listener = assert(listen.open("127.0.0.1", 0))
  local port = listener:port()
  listener:close()
  return port
end

describe("net.connect", function()
  it("connects to who listens", function()
    local server <close> = raw_server.serve(function(request, send) send(request) end)
    local connection <close> = net.connect { host = "127.0.0.1", port = server.port }
    assert.is_true(connection:fd() > 0)
  end)

  it("says who refuses the connection, and that it may be tried again", function()
    local port = free_port()
    local ok, err = pcall(net.connect, { host = "127.0.0.1", port = port, what = "Vault" })
    assert.is_false(ok)
    assert.equal(("Vault at 127.0.0.1:%d refuses connections"):format(port), err.message)
    assert.equal("unreachable", err.kind)
    assert.is_true(err.retryable)
  end)

  it("says that a server which speaks no TLS is not to be tried again", function()
    local server <close> = raw_server.serve(function(_, send) send "HTTP/1.1 400 Bad Request\r\n\r\n" end)
    local ok, err = pcall(net.connect, { host = "127.0.0.1", port = server.port, tls = true, timeout = 1 })
    assert.is_false(ok)
    assert.equal("unreachable", err.kind)
    assert.equal("tls", err.op)
    assert.is_false(err.retryable)
  end)
end)

describe("net.addresses", function()
  it("knows an address without asking anybody", function() assert.same({ "127.0.0.1" }, net.addresses "127.0.0.1") end)

  it("says which name cannot be resolved", function()
    local ok, err = pcall(net.addresses, "nosuch.invalid")
    assert.is_false(ok)
    assert.matches("nosuch.invalid", err.message)
    assert.equal("unreachable", err.kind)
  end)
end)

local crypto = require "o2x.base.crypto"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local raw_server = require "tests.support.raw_server"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local tls = require "tests.support.tls"

local function url(server, path) return ("http://127.0.0.1:%d%s"):format(server.port, path or "/") end

local function echo(req)
  return 200,
    { ["Content-Type"] = "application/json" },
    json.encode {
      method = req.method,
      target = req.target,
      path = req.path,
      query = req.query,
      headers = req.headers,
      body = req.body,
    }
end

local function asked(request) return json.decode(http.request(request).body) end

describe("a request", function()
  it("arrives as it was sent, for every method", function()
    local server <close> = httpd.serve { handler = echo }
    for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "LIST" } do
      local seen = asked { method = method, url = url(server, "/a?b=1&c=x%20y+z"), headers = { ["X-Test"] = "t" } }
      assert.equal(method, seen.method)
      assert.same({ b = "1", c = "x y z" }, seen.query)
      assert.equal("t", seen.headers["x-test"])
      assert.matches("^o2x/", seen.headers["user-agent"])
    end
    assert.same("", http.request { method = "HEAD", url = url(server) }.body)
  end)

  it("keeps the path's bytes", function()
    local server <close> = httpd.serve { handler = echo }
    assert.equal("/v1/a/../b%2f..%2Fc//d", asked { url = url(server, "/v1/a/../b%2f..%2Fc//d?x") }.path)
  end)

  it("keeps the target's bytes, whatever the request before it asked for", function()
    local server <close> = httpd.serve { handler = echo }
    local targets = {
      "/",
      "/plain/path-._~!$&'()*+,;=:@",
      "/plain?query=1&more",
      "/plain?",
      "/plain?a?b/c",
      "/other",
      "/%2F%2f/b?x=%41",
      "/a/../b/./c//d",
      "/" .. ("long/"):rep(200) .. "?" .. ("q"):rep(1000),
      "/with?query#fragment",
    }
    for _, first in ipairs(targets) do
      for _, second in ipairs(targets) do
        assert.equal((first:gsub("#.*", "")), asked({ url = url(server, first) }).target)
        assert.equal((second:gsub("#.*", "")), asked({ url = url(server, second) }).target)
      end
      assert.equal("input", raised(http.request, { url = url(server, "/a b") }).kind)
    end
  end)

  it("carries bodies: text, JSON, secrets, megabytes", function()
    local server <close> = httpd.serve { handler = echo }
    assert.equal("plain", asked { method = "PUT", url = url(server), body = "plain" }.body)
    local seen = asked { method = "POST", url = url(server), json = { a = 1 } }
    assert.equal('{"a":1}', seen.body)
    assert.equal("application/json", seen.headers["content-type"])
    local own = { ["content-type"] = "application/merge-patch+json" }
    seen = asked { method = "PATCH", url = url(server), json = { a = 1 }, headers = own }
    assert.equal("application/merge-patch+json", seen.headers["content-type"])
    assert.equal(
      '{"key":"s3cret-value"}',
      asked { method = "PATCH", url = url(server), json = { key = secret.new("s3cret-value", "key") } }.body
    )
    local big = ("0123456789abcdef"):rep(300000)
    assert.is_true(asked { method = "POST", url = url(server), body = big }.body == big)
    assert.equal("0", asked { method = "POST", url = url(server) }.headers["content-length"])
  end)

  it("opens secrets in headers only on the wire", function()
    local server <close> = httpd.serve { handler = echo }
    local token = secret.new("tok-123456", "token")
    local seen = asked { url = url(server), token = token, headers = { ["X-Vault-Token"] = token } }
    assert.equal("Bearer tok-123456", seen.headers.authorization)
    assert.equal("tok-123456", seen.headers["x-vault-token"])
  end)

  it("gives the body as a secret when asked to", function()
    local server <close> = httpd.serve { handler = function() return 200, {}, "hidden-value" end }
    local body = http.request { url = url(server), secret_body = "answer" }.body
    assert.is_true(secret.is(body))
    assert.equal("‹secret answer›", tostring(body))
    assert.is_true(secret.equal(body, secret.new("hidden-value", "x")))
  end)

  it("gives status and headers, several of one name joined", function()
    local server <close> = httpd.serve { handler = function() return 404, { ["X-A"] = { "1", "2" } }, "no" end }
    local response = http.request { url = url(server) }
    assert.equal(404, response.status)
    assert.equal("1, 2", response.headers["x-a"])
    assert.equal("no", response.body)
  end)

  it("gives a plain table, once the headers were looked at", function()
    local server <close> = httpd.serve { handler = function() return 200, { ["X-One"] = "1" }, "" end }
    local response = http.request { url = url(server) }
    assert.is_nil(response.none)
    assert.equal("1", response.headers["x-one"])
    assert.is_nil(getmetatable(response))
    assert.equal("1", rawget(http.plain(http.request { url = url(server) }), "headers")["x-one"])
  end)

  it("does not follow redirects", function()
    local server <close> = httpd.serve { handler = function() return 307, { Location = "/elsewhere" }, "" end }
    local response = http.request { url = url(server) }
    assert.equal(307, response.status)
    assert.equal("/elsewhere", response.headers.location)
  end)

  it("reuses a connection", function()
    local server <close> = raw_server.serve(function(_, send, connection)
      for _ = 1, 3 do
        send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        task.wait_fd(connection:fd(), "r")
        connection:read()
      end
    end)
    for _ = 1, 3 do
      assert.equal("ok", http.request { url = url(server) }.body)
    end
    assert.equal(1, server.connections)
  end)

  it("runs beside others, with at most 16 connections to a host", function()
    local now, most, full = 0, 0, false
    local server <close> = httpd.serve {
      handler = function()
        now = now + 1
        most = math.max(most, now)
        full = full or now == 16
        eventually("16 at once", function() return full end)
        task.sleep(0.02) -- a 17th would come meanwhile
        now = now - 1
        return 200, {}, "ok"
      end,
    }
    local list = {}
    for i = 1, 50 do
      list[i] = i
    end
    local answers = task.each(list, function() return http.request { url = url(server) }.body end)
    assert.equal(50, #answers)
    assert.equal(16, most)
  end)

  it("is signed as AWS wants it", function()
    local server <close> = httpd.serve { handler = echo }
    for _, body in ipairs { "", "<ChangeBatch/>" } do
      local seen = asked {
        method = body == "" and "GET" or "POST",
        body = body ~= "" and body or nil,
        url = url(server, "/2013-04-01/hostedzone?name=x&type=A"),
        headers = { ["Content-Type"] = "text/xml" },
        aws_sigv4 = "aws:amz:us-east-1:route53",
        access_key = "AKIAEXAMPLE",
        secret_key = secret.new("key-of-aws", "k"),
      }
      local h = seen.headers
      local canonical = table.concat({
        seen.method,
        "/2013-04-01/hostedzone",
        "name=x&type=A",
        "content-type:text/xml",
        "host:" .. h.host,
        "x-amz-date:" .. h["x-amz-date"],
        "",
        "content-type;host;x-amz-date",
        crypto.sha256(body),
      }, "\n")
      local place = h["x-amz-date"]:sub(1, 8) .. "/us-east-1/route53/aws4_request"
      local text = table.concat({ "AWS4-HMAC-SHA256", h["x-amz-date"], place, crypto.sha256(canonical) }, "\n")
      local key = "AWS4key-of-aws"
      for part in place:gmatch "[^/]+" do
        key = crypto.hmac_sha256_bytes(key, part)
      end
      assert.equal(
        ("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/%s, SignedHeaders=%s, Signature=%s"):format(
          place,
          "content-type;host;x-amz-date",
          crypto.hmac_sha256(key, text)
        ),
        h.authorization
      )
      assert.equal(body, seen.body)
    end
  end)

  it("is refused when it is malformed", function()
    for _, bad in ipairs {
      "ftp://x/",
      "http://user:pw@x/",
      "http://a b/",
      "http://x%2fy/",
      "http://",
      "x",
      "http://h:/",
      "http://h\r\nX: 1/",
      "http://h/a\r\nb",
    } do
      assert.has_error(function() http.request { url = bad } end)
    end
    assert.equal("input", raised(http.request, { url = "http://h/", nosuch = 1 }).kind)
    assert.has_error(function() http.request { url = "http://h/", headers = { ["X-A"] = "b\r\nX-C: d" } } end)
    assert.has_error(function() http.request { url = "http://h/", headers = { ["X-A"] = secret.new("b\nc", "x") } } end)
    assert.has_error(function() http.request { url = "http://h/", headers = { ["X A"] = "b" } } end)
    assert.has_error(function() http.request { url = "http://h/", method = "GET /x" } end)
  end)

  it("goes to granted hosts only", function()
    local server <close> = httpd.serve { handler = echo }
    assert.equal(200, http.request { url = url(server), scope = { "127.0.0.1" } }.status)
    assert.equal("refused", raised(http.request, { url = url(server), scope = { "api.example" } }).kind)
    assert.equal("refused", raised(http.request, { url = url(server), scope = {} }).kind)
  end)
end)

describe("a failure", function()
  it("before anything was sent is unreachable and may be retried", function()
    local closed = httpd.serve { handler = echo }
    closed:stop()
    local problem = raised(http.request, { method = "POST", url = url(closed), body = "x" })
    assert.same(
      { "unreachable", "refused", true, false },
      { problem.kind, problem.code, problem.retryable, problem.sent }
    )
    problem = raised(http.request, { url = "http://no-such-host.invalid/" })
    assert.same({ "unreachable", "dns", true }, { problem.kind, problem.code, problem.retryable })
  end)

  it("after it was sent is an unknown outcome, but for a read", function()
    local server <close> = httpd.serve { handler = function(req) req:drop() end }
    local problem = raised(http.request, { method = "POST", url = url(server, "/p?token=x"), body = "x" })
    assert.same({ "unknown", "reset", nil, true }, { problem.kind, problem.code, problem.retryable, problem.sent })
    assert.is_nil(tostring(problem):find("token", 1, true))
    problem = raised(http.request, { url = url(server) })
    assert.same({ "unreachable", "reset", true }, { problem.kind, problem.code, problem.retryable })
  end)

  it("by time is one too", function()
    local server <close> = httpd.serve { handler = function() task.sleep(60) end }
    local problem = raised(http.request, { method = "PUT", url = url(server), timeout = 0.5 })
    assert.same({ "unknown", "timeout" }, { problem.kind, problem.code })
    problem = raised(http.request, { url = url(server), timeout = 0.1 })
    assert.same({ "timeout", "timeout", true }, { problem.kind, problem.code, problem.retryable })
  end)

  it("of a kept connection does not send a write twice", function()
    local requests = 0
    local server <close> = raw_server.serve(function(request, send, connection)
      if request == "" then return end -- a connection on which nothing was asked
      requests = requests + 1
      send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
      task.wait_fd(connection:fd(), "r")
      if connection:read() ~= "" then requests = requests + 1 end -- and closes without an answer
    end)
    assert.equal("ok", http.request { url = url(server) }.body)
    assert.equal("unknown", raised(http.request, { method = "POST", url = url(server), body = "pay" }).kind)
    task.sleep(0.02)
    assert.equal(2, requests)
  end)

  it("is known for what it is when the answer is garbage, cut off, endless or too large", function()
    local answers = {
      garbage = "SSH-2.0-OpenSSH_9\r\n",
      truncated = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
      ["chunk"] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      ["headers"] = "HTTP/1.1 200 OK\r\n" .. ("X-A: " .. ("a"):rep(1000) .. "\r\n"):rep(300) .. "\r\n",
      too_large = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" .. ("x"):rep(5000),
    }
    for name, text in pairs(answers) do
      local server <close> = raw_server.serve(function(_, send) send(text) end)
      local problem = raised(http.request, { url = url(server), max_body = 1000, timeout = 60 })
      if name == "garbage" or name == "truncated" or name == "too_large" then assert.equal(name, problem.code) end
      assert.is_true(problem.sent)
    end
    local slow <close> = raw_server.serve(function(_, send)
      send "HTTP/1.1 200 OK\r\n"
      for _ = 1, 100 do
        send "X-A: b\r\n"
        task.sleep(0.05)
      end
    end)
    assert.equal("timeout", raised(http.request, { url = url(slow), timeout = 0.3 }).code)
  end)

  it("of another request or task leaves the rest alone", function()
    local server <close> = httpd.serve {
      handler = function(req)
        if req.path == "/hang" then task.sleep(30) end
        return 200, {}, "ok"
      end,
    }
    local problem = raised(task.timeout, 0.1, http.request, { url = url(server, "/hang") })
    assert.equal("timeout", problem.kind)
    assert.equal("ok", http.request { url = url(server) }.body)
  end)
end)

describe("a stream", function()
  it("hands its pieces over as they come", function()
    local go = task.event()
    local server <close> = httpd.serve {
      handler = function(req)
        local writer <close> = req:stream(200, { ["Content-Type"] = "application/json" })
        for i = 1, 3 do
          writer:write(('{"n":%d}\n'):format(i))
          task.wait(go)
          go:clear()
        end
      end,
    }
    local stream <close> = http.stream { url = url(server) }
    assert.equal(200, stream.status)
    assert.equal("application/json", stream.headers["content-type"])
    local seen = {}
    for line in stream:lines() do
      seen[#seen + 1] = line
      go:set()
    end
    assert.same({ '{"n":1}', '{"n":2}', '{"n":3}' }, seen)
  end)

  it("is seen to be closed by the client, idle or not", function()
    local left, seen = task.event(), task.event()
    local server <close> = httpd.serve {
      handler = function(req)
        local writer <close> = req:stream(200)
        writer:notify(left)
        writer:write "hello\n"
        task.wait(left)
        if writer:closed() and not writer:write "more" then seen:set() end
      end,
    }
    do
      local stream <close> = http.stream { url = url(server) }
      assert.equal("hello\n", stream:read())
    end
    assert.is_true(task.wait(seen, 60))
  end)

  it("waits in the server when nobody reads it, and loses nothing", function()
    local size = 5000000
    local server <close> = httpd.serve {
      handler = function(req)
        local writer <close> = req:stream(200)
        for i = 1, size // 50000 do
          writer:write((("%06d"):format(i) .. ("x"):rep(49994)))
        end
      end,
    }
    local stream <close> = http.stream { url = url(server) }
    task.sleep(0.05)
    local text = stream:rest()
    assert.equal(size, #text)
    for i = 1, size // 50000 do
      assert.equal(("%06d"):format(i), text:sub((i - 1) * 50000 + 1, (i - 1) * 50000 + 6))
    end
  end)

  it("that breaks off raises", function()
    local read = task.event()
    local server <close> = httpd.serve {
      handler = function(req)
        local writer = req:stream(200)
        writer:write "some"
        task.wait(read, 60)
        req.handle:drop()
      end,
    }
    local stream <close> = http.stream { url = url(server) }
    assert.equal("some", stream:read())
    read:set()
    assert.equal("truncated", raised(stream.read, stream).code)
  end)
end)

describe("the server", function()
  it("answers 500 to a handler's error and goes on", function()
    local lines = {}
    local server <close> = httpd.serve {
      log = function(text) lines[#lines + 1] = text end,
      handler = function(req)
        if req.path == "/boom" then error "boom" end
        return 200, {}, "ok"
      end,
    }
    assert.equal(500, http.request { url = url(server, "/boom") }.status)
    assert.equal("ok", http.request { url = url(server) }.body)
    assert.matches("^GET /boom: .*boom", lines[1])
  end)

  it("refuses a body above its limit", function()
    local server <close> = httpd.serve { handler = echo, max_body = 1000 }
    assert.equal(413, http.request { method = "PUT", url = url(server), body = ("x"):rep(2000) }.status)
    assert.equal(200, http.request { method = "PUT", url = url(server), body = ("x"):rep(1000) }.status)
  end)

  it("stops with requests and streams under way", function()
    local arrived = task.event()
    local server = httpd.serve {
      handler = function(req)
        if req.path == "/stream" then
          local writer = req:stream(200)
          writer:write "x"
        else
          arrived:set()
        end
        task.sleep(30)
      end,
    }
    local stream <close> = http.stream { url = url(server, "/stream") }
    stream:read()
    local waiting = task.spawn(function() return raised(http.request, { url = url(server, "/slow") }).code end)
    assert.is_true(task.wait(arrived, 60))
    server:stop()
    server:stop()
    assert.equal("reset", waiting:join())
    assert.equal("truncated", raised(stream.rest, stream).code)
  end)

  it("says why it cannot listen", function()
    local first <close> = httpd.serve { handler = echo }
    local problem = raised(httpd.serve, { handler = echo, port = first.port })
    assert.equal("EADDRINUSE", problem.code)
    assert.has_error(function() httpd.serve { handler = echo, host = "localhost" } end)
    assert.equal("failed", raised(httpd.serve, { handler = echo, tls = { cert = "x", key = "y" } }).kind)
  end)
end)

describe("TLS", function()
  local certs
  lazy_setup(function() certs = tls.make() end)

  local function try(name, request)
    local server <close> = httpd.serve { handler = echo, tls = certs[name] }
    request.url = ("https://%s:%d/"):format(request.host or "127.0.0.1", server.port)
    request.host = nil
    return http.request(request).status
  end

  it("works with the right authority, by name and by address", function()
    assert.equal(200, try("good", { ca = certs.ca }))
    assert.equal(200, try("good", { ca = certs.ca, host = "localhost", connect_to = nil }))
  end)

  it("refuses the expired, the other host's, the stranger's, the self-signed, the unknown", function()
    for name, ca in pairs { expired = certs.ca, other_host = certs.ca, foreign = certs.ca, self_signed = certs.ca } do
      local problem = raised(try, name, { method = "POST", ca = ca })
      assert.same(
        { "unreachable", "tls", false, false },
        { problem.kind, problem.code, problem.retryable, problem.sent },
        name
      )
    end
    assert.equal("tls", raised(try, "good", {}).code) -- the system does not know this authority
  end)

  it("streams, and sees the client leave", function()
    local left, seen = task.event(), task.event()
    local server <close> = httpd.serve {
      tls = certs.good,
      handler = function(req)
        local writer <close> = req:stream(200)
        writer:notify(left)
        writer:write "x"
        task.wait(left)
        seen:set()
      end,
    }
    do
      local stream <close> = http.stream { url = ("https://localhost:%d/"):format(server.port), ca = certs.ca }
      assert.equal("x", stream:read())
    end
    assert.is_true(task.wait(seen, 60))
  end)

  -- Our own server asks for no client's certificate; openssl's does.
  it("shows its own certificate where it is asked for one", function()
    local folder = fs.temp_folder()
    local function file(name, text)
      fs.write(fs.join(folder, name), text)
      return fs.join(folder, name)
    end
    local child <close> = proc.start {
      log = fs.join(folder, "log"),
      argv = {
        "openssl",
        "s_server",
        "-accept",
        "0",
        "-www",
        "-cert",
        file("cert", certs.good.cert),
        "-key",
        file("key", certs.good.key),
        "-CAfile",
        file("ca", certs.ca),
        "-Verify",
        "1",
        "-verify_return_error",
      },
    }
    local port = eventually(
      "openssl's port",
      function() return (fs.read_if(fs.join(folder, "log")) or ""):match "ACCEPT [^\n]*:(%d+)\n" end
    )
    local request = { url = ("https://localhost:%s/"):format(port), ca = certs.ca }
    assert.is_true(raised(http.request, request).sent)
    request.cert, request.key = certs.client.cert, secret.new(certs.client.key, "client key")
    assert.equal(200, http.request(request).status)
    request.key = secret.new(certs.good.key, "wrong key")
    assert.equal("tls", raised(http.request, request).code)
    proc.stop(child)
    fs.remove_tree(folder)
  end)

  it("is not spoken by a server that speaks http", function()
    local server <close> = httpd.serve { handler = echo }
    assert.equal("tls", raised(http.request, { url = ("https://127.0.0.1:%d/"):format(server.port) }).code)
  end)
end)

-- Handles are used again: whatever the request before was, the next one arrives as if it were the first.
describe("a request after another", function()
  local plain = {}
  local others = {
    ["a body"] = { method = "PUT", body = "x" },
    ["a POST without a body"] = { method = "POST" },
    ["JSON"] = { method = "PATCH", json = { a = 1 } },
    ["HEAD"] = { method = "HEAD" },
    ["an odd method"] = { method = "LIST" },
    ["headers"] = { headers = { ["X-A"] = "1", Authorization = "Basic xyz", ["Content-Type"] = "text/x" } },
    ["an empty header"] = { headers = { ["X-Empty"] = "" } },
    ["a token"] = { token = "token-of-the-first" },
    ["a signature"] = {
      method = "POST",
      body = "signed",
      aws_sigv4 = "aws:amz:us-east-1:route53",
      access_key = "AKIAEXAMPLE",
      secret_key = "key-of-aws",
    },
    ["another query"] = { path = "/elsewhere?a=b" },
    ["a small limit"] = { max_body = 1, fails = true },
    ["an early end"] = { timeout = 0, fails = true },
  }

  local function with_url(server, request)
    local copy = { url = url(server, request.path) }
    for name, value in pairs(request) do
      if name ~= "path" and name ~= "fails" then copy[name] = value end
    end
    return copy
  end

  local function arrives(server, request)
    local answer = http.request(with_url(server, request))
    if request.method == "HEAD" then return answer.body end
    local seen = json.decode(answer.body)
    seen.headers["x-amz-date"], seen.headers.host = nil, nil
    if request.aws_sigv4 then seen.headers.authorization = nil end
    return seen
  end

  local seconds = { plain = plain }
  for name, request in pairs(others) do
    if not request.fails then seconds[name] = request end
  end

  for name, first in pairs(others) do
    it("has nothing of " .. name, function()
      for second_name, second in pairs(seconds) do
        local expected
        do
          local fresh <close> = httpd.serve { handler = echo }
          expected = arrives(fresh, second)
        end
        local server <close> = httpd.serve { handler = echo }
        pcall(http.request, with_url(server, first))
        assert.same(expected, arrives(server, second), second_name)
      end
    end)
  end
end)

describe("requests at once", function()
  -- A server that holds what it was asked until it is told to answer.
  local function holding()
    local held = { asked = {}, go = {} }
    held.server = httpd.serve {
      handler = function(req)
        held.asked[#held.asked + 1] = req.path
        held.go[#held.asked] = task.event()
        task.wait(held.go[#held.asked], 60)
        return 200, {}, "ok"
      end,
    }
    return held
  end

  it("wait in order, and none of another server waits for them", function()
    local slow, quick = holding(), httpd.serve { handler = echo }
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = task.spawn(http.request, { url = url(slow.server, "/" .. i) })
    end
    eventually("16 requests", function() return #slow.asked == 16 end)
    assert.equal(200, http.request({ url = url(quick) }).status)
    assert.equal(16, #slow.asked)
    for i = 1, 20 do
      eventually("its turn", function() return slow.go[i] end)
      slow.go[i]:set()
      if i <= 4 then
        eventually("the next", function() return #slow.asked == 16 + i end)
        assert.equal("/" .. 16 + i, slow.asked[16 + i])
      end
    end
    for _, each in ipairs(tasks) do
      assert.equal(200, each:join().status)
    end
    slow.server:stop()
    quick:stop()
  end)

  it("leave the queue when they are cancelled or their time is up, and are known not to be sent", function()
    local slow = holding()
    local tasks = {}
    for i = 1, 16 do
      tasks[i] = task.spawn(http.request, { url = url(slow.server, "/" .. i) })
    end
    local late = task.spawn(raised, http.request, { method = "PUT", url = url(slow.server, "/late"), timeout = 0.05 })
    local gone = task.spawn(http.request, { url = url(slow.server, "/gone") })
    local last = task.spawn(http.request, { url = url(slow.server, "/last") })
    local problem = late:join()
    assert.same({ "unreachable", "connect_timeout", false }, { problem.kind, problem.code, problem.sent })
    gone:cancel()
    gone:wait()
    for i = 1, 17 do
      eventually("its turn", function() return slow.go[i] end)
      slow.go[i]:set()
    end
    assert.equal(200, last:join().status)
    assert.equal(17, #slow.asked)
    assert.equal("/last", slow.asked[17])
    for _, each in ipairs(tasks) do
      each:join()
    end
    slow.server:stop()
  end)

  it("do not wait for streams", function()
    local server <close> = httpd.serve {
      handler = function(req)
        if req.path ~= "/stream" then return 200, {}, "ok" end
        local writer <close> = req:stream(200)
        writer:write "x"
        task.sleep(60)
      end,
    }
    local streams = {}
    for i = 1, 20 do
      streams[i] = http.stream { url = url(server, "/stream") }
    end
    assert.equal(200, http.request({ url = url(server) }).status)
    for _, stream in ipairs(streams) do
      stream:close()
    end
  end)
end)

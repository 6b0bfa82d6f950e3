local context = require "lab.context"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local history = require "o2x.engine.history"
local net = require "o2x.base.net"
local proc = require "o2x.base.proc"
local raised = require "tests.support.raised"
local redis = require "o2x.client.redis"
local memory = require "o2x.engine.memory"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"
local tls = require "tests.support.tls"

describe("Redis", function()
  local server
  setup(function() server = servers.start "redis" end)
  teardown(function() server.stop() end)

  local function cli(...) return server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, ...) end

  local client
  before_each(function()
    cli "FLUSHALL"
    client = redis.connect { url = secret.new(server.url, "redis.url") }
  end)
  after_each(function() client:close() end)

  local function url(more)
    local user, password = more.user or "default", more.password or server.state.password
    return ("redis://%s:%s@127.0.0.1:%d/%s"):format(user, password, more.port or server.port, more.db or "0")
  end

  it("carries any bytes there and back", function()
    client:command("SET", "k\0ey \r\n", "\xff\0value\r\n")
    assert.equal("\xff\0value\r\n", client:command("GET", "k\0ey \r\n"))
    assert.is_nil(client:command("GET", "nothing"))
    client:command("SET", "number", 7)
    assert.equal(8, client:command("INCR", "number"))
    client:command("SET", "token", secret.new("s3cret-value", "token"))
    assert.equal("s3cret-value", cli("GET", "token"))
    local big = ("x"):rep(3000000)
    client:command("SET", "big", big)
    assert.equal(big, client:command("GET", "big"))
  end)

  it("pipelines, and raises the first error when all is answered", function()
    assert.same(
      { "OK", 1, { "a" } },
      client:pipeline { { "SET", "a", "1" }, { "SADD", "s", "a" }, { "SMEMBERS", "s" } }
    )
    local problem = raised(client.pipeline, client, { { "SET", "b", "2" }, { "INCR", "s" }, { "SET", "c", "3" } })
    assert.same({ "failed", "WRONGTYPE" }, { problem.kind, problem.code })
    assert.equal("3", cli("GET", "c"))
    assert.is_true(client:ping())
  end)

  it("is used by many tasks at once, each getting its own answer", function()
    local results = task.each({ 1, 2, 3, 4, 5, 6 }, function(i) return client:command("ECHO", "m" .. i) end)
    assert.same({ "m1", "m2", "m3", "m4", "m5", "m6" }, results)
  end)

  it("reads INFO", function()
    cli("SET", "x", "1")
    local info = client:info()
    assert.truthy(tostring(info.redis_version):find "^%d+%.")
    assert.equal("number", type(info.used_memory))
    assert.equal(1, info.db0.keys)
    assert.is_nil(client:info("server").used_memory)
  end)

  it("counts and removes exactly the keys with a prefix", function()
    local commands = {}
    for i = 1, 3500 do
      commands[i] = { "SET", "TIDLT-100008:session:" .. i, "x" }
    end
    client:pipeline(commands)
    local others = { "TIDLT-1000081:a", "TIDLT-100008", "xTIDLT-100008:a", "t?st[1]*:a", "test1:a", "tXst1Z:a" }
    for _, key in ipairs(others) do
      cli("SET", key, "x")
    end
    assert.equal(3500, client:count "TIDLT-100008:")
    assert.equal(1, client:count "t?st[1]*:")
    assert.equal(3500, client:unlink "TIDLT-100008:")
    assert.equal(0, client:count "TIDLT-100008:")
    assert.equal(1, client:unlink "t?st[1]*:")
    assert.equal("5", cli "DBSIZE")
    assert.equal("refused", raised(client.unlink, client, "").kind)
  end)

  it("comes back after the server hung up", function()
    assert.is_true(client:ping())
    cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    local ok = pcall(client.ping, client)
    assert.is_true(ok or client:ping())
    assert.is_true(client:ping())
  end)

  it("takes a time limit as the end of the connection", function()
    local impatient <close> = redis.connect { url = server.url, timeout = 1 }
    local problem = raised(impatient.command, impatient, "BLPOP", "never", "0")
    assert.truthy(tostring(problem):find "no answer in time")
    assert.is_true(impatient:ping())
  end)

  describe("what goes wrong is one line:", function()
    local function refused(text)
      local other <close> = redis.connect { url = text }
      return raised(other.ping, other)
    end

    it("the server is down", function()
      local problem = refused(url { port = 1 })
      assert.equal("Redis at 127.0.0.1:1 refuses connections", tostring(problem))
      assert.equal("unreachable", problem.kind)
    end)

    it("a wrong password, no password", function()
      assert.equal("unauthorised", refused(url { password = "wrong" }).kind)
      local problem = refused(("redis://127.0.0.1:%d"):format(server.port))
      assert.same({ "unauthorised", "NOAUTH" }, { problem.kind, problem.code })
    end)

    it("a right that is missing", function()
      cli("ACL", "SETUSER", "narrow", "on", ">pw:1/@", "~own:*", "+@read", "+ping")
      local narrow <close> = redis.connect { url = url { user = "narrow", password = "pw%3A1%2F%40" } }
      assert.is_true(narrow:ping())
      local problem = raised(narrow.command, narrow, "SET", "own:a", "1")
      assert.same({ "unauthorised", "NOPERM" }, { problem.kind, problem.code })
    end)

    it("a replica", function()
      cli("CONFIG", "SET", "replica-read-only", "yes")
      cli("REPLICAOF", "127.0.0.1", "1")
      local problem = raised(client.command, client, "SET", "a", "1")
      cli("REPLICAOF", "NO", "ONE")
      assert.same({ "READONLY", true }, { problem.code, problem.retryable })
      assert.is_nil(client.core)
    end)

    it("a URL that is none", function()
      for _, text in ipairs {
        "",
        "http://x",
        "redis://",
        "redis://h:99999",
        "redis://h:x",
        "redis://h/notanumber",
        "redis://u:%zz@h",
        "redis://[::1",
        "redis://h\0x",
      } do
        local problem = raised(redis.connect, { url = text })
        assert.equal("input", problem.kind)
      end
      local problem = raised(redis.connect, { url = secret.new("rediss://u:hunter22@", "redis.url") })
      assert.falsy(tostring(problem):find("hunter22", 1, true))
    end)

    it(
      "a host name that there is not",
      function() assert.matches("cannot resolve host", tostring(refused "redis://no-such-host.invalid:6379")) end
    )
  end)

  describe("for runbooks", function()
    local api, run
    before_each(function()
      api, run = gate.run {
        mode = "plan",
        module = "redis",
        config = { redis = { url = server.url } },
        scope = { redis = { "TIDLT-100008:" } },
      }
    end)
    after_each(function() run.close() end)

    it("counts within the tenant's own prefix", function()
      cli("SET", "TIDLT-100008:session:1", "x")
      cli("SET", "TIDLT-1000081:session:1", "x")
      assert.equal(1, api.count "TIDLT-100008:*")
      assert.equal(1, api.count "TIDLT-100008:session:*")
      for _, pattern in ipairs { "TIDLT-100009:*", "TIDLT-100008*", "*", "" } do
        assert.equal("refused", raised(api.count, pattern).kind)
      end
      assert.equal("input", raised(api.count, "TIDLT-100008:*:x").kind)
    end)

    it("says what the server is", function()
      assert.is_true(api.ping())
      assert.equal("number", type(api.info().used_memory))
    end)
  end)

  describe("removes a tenant's keys:", function()
    local runs = {}
    after_each(function()
      for _, run in ipairs(runs) do
        run.close()
      end
      runs = {}
      cli("REPLICAOF", "NO", "ONE")
    end)

    local function apply(more)
      local options = {
        mode = "apply",
        module = "redis",
        config = { redis = { url = server.url } },
        scope = { redis = { "TIDLT-100008:" } },
      }
      for name, value in pairs(more or {}) do
        options[name] = value
      end
      local api, run = gate.run(options)
      runs[#runs + 1] = run
      return api, run
    end

    local function fill(prefix, count)
      local commands = {}
      for i = 1, count do
        commands[#commands + 1] = { "SET", prefix .. i, "x" }
        if #commands == 5000 or i == count then
          client:pipeline(commands)
          commands = {}
        end
      end
    end

    it("fifty thousand, by commands that are short, and none of a neighbour's", function()
      fill("TIDLT-100008:session:", 50000)
      fill("TIDLT-1000081:session:", 3000)
      cli("CONFIG", "RESETSTAT")
      local api, run = apply()
      local removed, outcome = api.clear "TIDLT-100008:"
      assert.same({ 50000, "deleted" }, { removed, outcome })
      assert.equal("3000", cli "DBSIZE")
      local text = cli("INFO", "commandstats")
      for _, word in ipairs { "keys", "del", "flushdb", "flushall", "eval" } do
        assert.is_nil(text:find("cmdstat_" .. word .. ":", 1, true))
      end
      for _, word in ipairs { "scan", "unlink" } do
        local each = tonumber(text:match("cmdstat_" .. word .. ":calls=%d+,usec=%d+,usec_per_call=([%d.]+)"))
        assert.is_true(each < 3000, word .. " took " .. each .. " us on average")
      end
      local intent, result = run.journal.records[1], run.journal.records[2]
      assert.same({ keys = "some" }, intent.before)
      assert.same({ removed = 50000, parts = { session = 50000 } }, result.info)
    end)

    it("whatever bytes they are of", function()
      local odd = {
        "TIDLT-100008:with space",
        "TIDLT-100008:new\nline",
        "TIDLT-100008:\0\xff\r\n",
        "TIDLT-100008:*",
        "TIDLT-100008:",
        "TIDLT-100008:'\"$(x)",
      }
      local others =
        { "TIDLT-100008", "TIDLT-1000081:a", "TIDLT-10000", "tidlt-100008:a", "\nTIDLT-100008:a", "x TIDLT-100008:a" }
      for _, key in ipairs(odd) do
        client:command("SET", key, "x")
      end
      for _, key in ipairs(others) do
        client:command("SET", key, "x")
      end
      local api, run = apply()
      assert.equal(#odd, (api.clear "TIDLT-100008:"))
      assert.equal(tostring(#others), cli "DBSIZE")
      assert.same({ 0, "unchanged" }, { api.clear "TIDLT-100008:" })
      assert.is_nil(run.journal.records[3].before)
    end)

    it("those that a pattern after the prefix says", function()
      for _, key in ipairs { "session:a1", "session:a2", "session:b1", "cache:a1" } do
        cli("SET", "TIDLT-100008:" .. key, "x")
      end
      local api, run = apply()
      assert.equal(2, (api.clear("TIDLT-100008:", "session:a*")))
      assert.equal(
        "TIDLT-100008:cache:a1\nTIDLT-100008:session:b1",
        (function()
          local list = {}
          for key in cli("--scan"):gmatch "[^\n]+" do
            list[#list + 1] = key
          end
          table.sort(list)
          return table.concat(list, "\n")
        end)()
      )
      for _, pattern in ipairs { "*", "", "?x", "[a-z]*", "\\*" } do
        assert.equal("input", raised(api.clear, "TIDLT-100008:", pattern).kind)
      end
      for _, prefix in ipairs { "", "*", "TIDLT-100008", "TIDLT-*", "TIDLT-1000081:", "T" } do
        assert.equal("refused", raised(api.clear, prefix).kind)
      end
      run.scope.redis = {}
      assert.equal("refused", raised(api.clear, ":").kind)
    end)

    it("though the connection is lost on the way", function()
      fill("TIDLT-100008:cache:", 20000)
      local api = apply()
      local at_work = task.spawn(api.clear, "TIDLT-100008:")
      for _ = 1, 3 do
        eventually("some keys removed", function() return at_work:done() or tonumber(cli "DBSIZE") < 20000 end)
        cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      end
      at_work:join()
      assert.equal("0", cli "DBSIZE")
    end)

    it("not on a replica, of which it says whose", function()
      fill("TIDLT-100008:cache:", 10)
      local retry = require "o2x.base.retry"
      local attempts = retry.attempts
      retry.attempts = 2
      cli("REPLICAOF", "127.0.0.1", "1")
      local api = apply()
      local problem = raised(api.clear, "TIDLT-100008:")
      retry.attempts = attempts
      assert.same({ "unreachable", "READONLY" }, { problem.kind, problem.code })
      assert.truthy(tostring(problem):find("replica of 127.0.0.1:1", 1, true))
    end)

    it("after an interruption: what is left, and nothing else", function()
      fill("TIDLT-100008:cache:", 30)
      local api, run = apply { id = "interrupted" }
      local intent
      run.journal.append = function(self, record)
        if record.t == "intent" then
          intent = record
          error("killed", 0)
        end
      end
      assert.is_false((pcall(api.clear, "TIDLT-100008:")))
      local past = memory.new(history.of { { t = "begin", runbook = {}, params = {} }, intent })
      local again, resumed = apply { id = "interrupted", past = past }
      assert.same({ 30, "deleted" }, { again.clear "TIDLT-100008:" })
      assert.equal("0", cli "DBSIZE")
      assert.equal("result", resumed.journal.records[1].t)
    end)

    it("and says how far it is", function()
      fill("TIDLT-100008:cache:", 3000)
      local told = {}
      assert.equal(3000, client:unlink("TIDLT-100008:", { progress = function(text) told[#told + 1] = text end }))
      assert.same({}, told) -- too quick for a word
    end)
  end)

  describe("over TLS", function()
    local folder, made
    setup(function()
      folder = os.tmpname()
      fs.remove(folder)
      fs.mkdir(folder)
      made = tls.make()
      fs.write(fs.join(folder, "ca.pem"), made.ca)
    end)
    teardown(function() fs.remove_tree(folder) end)

    -- Runs fn(connect) beside a server that shows the certificate; connect(host, ca_file) gives a client.
    local function with_server(certificate, fn)
      local port = context.free_port()
      fs.write(fs.join(folder, "cert"), certificate.cert)
      fs.write(fs.join(folder, "key"), certificate.key)
      local child <close> = proc.start {
        log = fs.join(folder, "log"),
        argv = {
          "redis-server",
          "--port",
          "0",
          "--tls-port",
          tostring(port),
          "--bind",
          "127.0.0.1",
          "--save",
          "",
          "--tls-cert-file",
          fs.join(folder, "cert"),
          "--tls-key-file",
          fs.join(folder, "key"),
          "--tls-ca-cert-file",
          fs.join(folder, "ca.pem"),
          "--tls-auth-clients",
          "no",
          "--dir",
          folder,
        },
      }
      eventually("the TLS server", function() return (pcall(net.connect, { host = "127.0.0.1", port = port })) end)
      fn(function(host, ca) return redis.connect { url = ("rediss://%s:%d"):format(host, port), ca_file = ca } end)
      proc.stop(child)
    end

    it("talks to a server that proves who it is", function()
      with_server(made.good, function(connect)
        local ca = fs.join(folder, "ca.pem")
        local one <close> = connect("127.0.0.1", ca)
        one:command("SET", "big", ("y"):rep(500000))
        assert.equal(500000, #one:command("GET", "big"))
        local named <close> = connect("localhost", ca)
        assert.is_true(named:ping())
        local stranger <close> = connect("127.0.0.1") -- the system's authorities do not know it
        assert.truthy(tostring(raised(stranger.ping, stranger)):find "certificate was rejected")
        local no_file <close> = connect("127.0.0.1", folder .. "/none")
        assert.truthy(tostring(raised(no_file.ping, no_file)):find "cannot use the authorities")
      end)
    end)

    for _, which in ipairs { "expired", "other_host", "foreign" } do
      it("refuses a certificate that is " .. which, function()
        with_server(made[which], function(connect)
          local one <close> = connect("127.0.0.1", fs.join(folder, "ca.pem"))
          local problem = raised(one.ping, one)
          assert.truthy(tostring(problem):find "certificate was rejected")
          assert.is_false(problem.retryable)
        end)
      end)
    end
  end)

  it("addresses come without blocking", function()
    assert.same({ "127.0.0.1" }, net.addresses "127.0.0.1")
    assert.truthy(#net.addresses "localhost" >= 1)
  end)
end)

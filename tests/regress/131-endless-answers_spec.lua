-- Streams without an end filled memory: a line, the body of an error, a watch that names ever more objects, a child's
-- line, the rows of a query. Each ends at a limit with one line. A redirect is an answer like any other.

local build = require "tests.support.build"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local k8s = require "o2x.client.k8s"
local limits = require "o2x.base.limits"
local proc = require "o2x.base.proc"
local raw_server = require "tests.support.raw_server"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"
local task = require "o2x.base.task"
local vault = require "o2x.client.vault"

local BLOCK <const> = ("x"):rep(1 << 16)
local OPEN <const> = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

local function fails(fn, ...)
  local ok, err = xpcall(task.timeout, errors.handler, 60, fn, ...)
  assert.is_false(ok)
  assert.not_equal("bug", err.kind, tostring(err))
  assert.not_equal("timeout", err.kind, tostring(err))
  assert.is_nil(tostring(err):find "\n")
  return tostring(err)
end

local function resident() return tonumber(fs.read("/proc/self/status"):match "VmRSS:%s*(%d+) kB") // 1024 end

-- Sends the head, and then block after block, as long as somebody reads.
local function endless(head, block)
  return raw_server.serve(function(_, _, connection)
    connection:write(head)
    local rest = block
    while true do
      local sent, _, code = connection:write(rest)
      if not sent and code ~= "EAGAIN" then return end
      rest = sent and sent < #rest and rest:sub(sent + 1) or sent and block or rest
      task.wait_fd(connection:fd(), "w", 30)
    end
  end)
end

local function cluster(url)
  local client = k8s.new {
    config = { server = url, namespace = "n", credentials = function() return {} end, refresh = function() end },
    retry_seconds = 0.1,
  }
  local pod = { kind = "Pod", plural = "pods", group = "", version = "v1", api_version = "v1", base = "/api/v1" }
  pod.namespaced = true
  function client.kinds()
    return { need = function() return pod end }
  end
  return client
end

-- what → the head of the answer, its blocks, the call with a URL, what the error says
local STREAMS <const> = {
  ["a body"] = { OPEN, BLOCK, function(url) http.request { url = url } end, "GET http" },
  ["a body that is announced"] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n",
    BLOCK,
    function(url) http.request { url = url } end,
    "GET http",
  },
  ["a head"] = {
    "HTTP/1.1 200 OK\r\n",
    ("X-A: b\r\n"):rep(1000),
    function(url) http.request { url = url } end,
    "GET http",
  },
  ["a line of a stream"] = {
    OPEN,
    BLOCK,
    function(url)
      local stream <close> = http.stream { url = url }
      for _ in stream:lines() do
      end
    end,
    "a line of the answer has more than 16 MiB",
  },
  ["the rest of a stream"] = {
    OPEN,
    BLOCK,
    function(url)
      local stream <close> = http.stream { url = url }
      stream:rest()
    end,
    "the body of the answer has more than 32 MiB",
  },
  ["the log of a pod"] = {
    OPEN,
    ("a line\n"):rep(10000),
    function(url) cluster(url):logs "a" end,
    "larger than 268435456 bytes",
  },
  ["a secret of Vault"] = {
    OPEN,
    BLOCK,
    function(url) vault.new({ addr = url, token = secret.new("token", "t") }):read "a" end,
    "GET http",
  },
}

-- MiB; the address sanitizer keeps up to 256 MiB of what was freed.
local MOST <const> = build.sanitized and 500 or 200

describe("what has no end", function()
  after_each(function() limits.use() end)

  for what, case in pairs(STREAMS) do
    it("ends with one line: " .. what, function()
      local before = resident()
      local server <close> = endless(case[1], case[2])
      local message = fails(case[3], "http://127.0.0.1:" .. server.port)
      assert.truthy(message:find(case[4], 1, true), message)
      assert.is_true(resident() - before < MOST, resident() - before .. " MiB")
    end)
  end

  it("ends with one line: a watch that names ever more objects", function()
    limits.use { rows = 50 }
    local number = 0
    local server <close> = raw_server.serve(function(request, send)
      if not request:find("watch=1", 1, true) then
        local list = '{"items":[],"metadata":{"resourceVersion":"1"}}'
        return send(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(#list, list))
      end
      send(OPEN)
      for _ = 1, 30 do
        number = number + 1
        local metadata = { name = "a" .. number, resourceVersion = tostring(number) }
        send(json.encode { type = "ADDED", object = { metadata = metadata } } .. "\n")
      end
    end)
    local client = cluster("http://127.0.0.1:" .. server.port)
    local message = fails(client.watch, client, "Pod", { seconds = 30 }, function() end)
    assert.truthy(message:find("the watch of pods: more than 50 objects", 1, true), message)
    assert.is_true(number <= 90, number)
  end)

  it("ends with one line: what a child writes", function()
    local options = { argv = { "sh", "-c", "yes" }, max_output = 100000 }
    assert.matches("sh wrote more than 100000 bytes to stdout", fails(proc.run, options))
    options =
      { argv = { "sh", "-c", "yes | tr -d '\\n'" }, max_output = 100000, keep = false, on_line = function() end }
    assert.matches("sh wrote a line of more than 100000 bytes to stdout", fails(proc.run, options))
  end)

  it("is not unpacked: a compressed body stays as it came", function()
    local bytes = "\x1f\x8b\x08\0\0\0\0\0\0\3"
    local server <close> = raw_server.serve(
      function(_, send)
        send(("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"):format(#bytes, bytes))
      end
    )
    assert.equal(bytes, http.request({ url = "http://127.0.0.1:" .. server.port }).body)
  end)

  for _, status in ipairs { 301, 302, 303, 307, 308 } do
    it("is not followed: a redirect with " .. status, function()
      local other <close> = raw_server.serve(function(_, send) send(OPEN) end)
      local server <close> = raw_server.serve(function(_, send)
        local head = "HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        send(head:format(status, other.port))
      end)
      local url = "http://127.0.0.1:" .. server.port
      assert.equal(status, http.request({ url = url }).status)
      fails(function() vault.new({ addr = url, token = secret.new("token", "t") }):read "a" end)
      fails(function() cluster(url):get("Pod", "a") end)
      assert.equal(0, other.connections)
    end)
  end

  it("ends with one line: the rows of a query", function()
    local server = servers.start "postgres"
    local _stop <close> = setmetatable({}, { __close = server.stop })
    local db <close> = server.connect()
    limits.use { rows = 100 }
    assert.matches("a query gives more than 100 rows", fails(db.rows, db, "SELECT generate_series(1, 101)"))
    assert.equal(100, #db:rows "SELECT generate_series(1, 100)")
  end)
end)

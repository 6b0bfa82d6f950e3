-- Servers that answer what no PostgreSQL and no Redis would: one clear error each, in time, and nothing left behind.

local errors = require "o2x.base.error"
local listen = require "o2x.core.listen"
local pg = require "o2x.client.pg"
local raised = require "tests.support.raised"
local redis = require "o2x.client.redis"
local task = require "o2x.base.task"

-- Runs fn(port) beside a server that waits for the first bytes, answers so, and closes (or, with hang, does not).
local function beside(answer, hang, fn)
  local listener <close> = assert(listen.open("127.0.0.1", 0))
  local port = listener:port()
  local server = task.spawn(function()
    while true do
      local connection = listener:accept()
      if connection then
        local held <close> = connection
        task.wait_fd(held:fd(), "r", 5)
        held:read()
        local at = 1
        while at <= #answer do
          local put = held:write(answer:sub(at))
          if put then
            at = at + (put == true and #answer or put)
          else
            task.wait_fd(held:fd(), "w", 5)
          end
        end
        if hang then task.sleep(30) end
      else
        task.wait_fd(listener:fd(), "r", math.huge)
      end
    end
  end)
  local ok, problem = pcall(fn, port)
  server:cancel()
  server:wait(nil, true)
  if not ok then error(problem, 0) end
end

local function is_plain(problem)
  assert.is_true(errors.is(problem), tostring(problem))
  assert.are_not.equal("bug", problem.kind)
  assert.falsy(tostring(problem):find "\n")
end

describe("a hostile", function()
  local REDIS = {
    ["closed connection"] = "",
    ["text of another protocol"] = "HTTP/1.1 200 OK\r\n\r\n",
    ["broken type"] = "\0\1\2\3\r\n",
    ["count beyond reason"] = "*1000000000\r\n",
    ["length below nothing"] = "$-5\r\nx\r\n",
    ["deep nest"] = ("*1\r\n"):rep(50) .. ":1\r\n",
    ["number that is none"] = ":12a4\r\n",
    ["half an answer"] = "$10\r\nabc",
  }
  for what, answer in pairs(REDIS) do
    it("Redis: " .. what, function()
      beside(answer, false, function(port)
        local client <close> = redis.connect { url = "redis://127.0.0.1:" .. port, timeout = 2 }
        is_plain(raised(client.command, client, "GET", "x"))
      end)
    end)
  end

  it("Redis: silence", function()
    beside("", true, function(port)
      local client <close> = redis.connect { url = "redis://127.0.0.1:" .. port, timeout = 0.2 }
      local start = task.now()
      is_plain(raised(client.ping, client))
      assert.is_true(task.now() - start < 20)
    end)
  end)

  it("Redis: unexpected answer to SCAN", function()
    for _, answer in ipairs { ":1\r\n", "*0\r\n", "*2\r\n:1\r\n:2\r\n", "$-1\r\n" } do
      beside(answer, true, function(port)
        local client <close> = redis.connect { url = "redis://127.0.0.1:" .. port, timeout = 0.5 }
        is_plain(raised(client.count, client, "TIDLT-100008:"))
      end)
    end
  end)

  local POSTGRES = {
    ["closed connection"] = "",
    ["text of another protocol"] = "HTTP/1.1 400 Bad Request\r\n\r\n",
    ["noise"] = ("\255\0\7"):rep(500),
    ["message beyond reason"] = "NR\127\255\255\255\0\0\0\0",
    ["error without an end"] = "NE\0\0\0\20SFATAL",
    ["unknown authentication"] = "NR\0\0\0\8\0\0\0\99",
    ["password asked for in the clear, then nothing"] = "NR\0\0\0\8\0\0\0\3",
  }
  for what, answer in pairs(POSTGRES) do
    it("PostgreSQL: " .. what, function()
      beside(
        answer,
        false,
        function(port)
          is_plain(raised(pg.connect, {
            host = "127.0.0.1",
            port = port,
            user = "admin",
            password = "x",
            dbname = "postgres",
            connect_timeout = 2,
          }))
        end
      )
    end)
  end

  it("PostgreSQL: silence", function()
    beside("", true, function(port)
      local start = task.now()
      local problem = raised(
        pg.connect,
        { host = "127.0.0.1", port = port, user = "admin", password = "x", dbname = "postgres", connect_timeout = 0.3 }
      )
      is_plain(problem)
      assert.truthy(tostring(problem):find "does not answer")
      assert.is_true(task.now() - start < 20)
    end)
  end)
end)

-- PostgreSQL, Redis, DNS and helm out of sorts, one case for each rule: as moods_spec.lua does for what speaks HTTP.

local failure = require "o2x.client.helm.failure"
local moods = require "tests.support.moods"
local pg = require "o2x.client.pg"
local raised = require "tests.support.raised"
local raw_server = require "tests.support.raw_server"
local redis = require "o2x.client.redis"
local retry = require "o2x.base.retry"
local retry_rules = require "o2x.base.retry_rules"
local task = require "o2x.base.task"

local QUICK <const> = { first_pause = 0, seconds = 20 }

-- The bytes that came, however few; "" at the end of the connection.
local function some(connection)
  while true do
    local bytes, _, code = connection:read()
    if bytes then return bytes end
    if code ~= "EAGAIN" then return "" end
    task.wait_fd(connection:fd(), "r", 20)
  end
end

describe("Redis out of sorts", function()
  -- Answers `times` commands with an error; the others well. -> server, state
  local function serve(line, times)
    local state = { commands = 0 }
    local server = raw_server.serve(function(_, send, connection)
      while true do
        local bytes = some(connection)
        if bytes == "" then return end
        for _ in bytes:gmatch "%*%d+\r\n" do
          state.commands = state.commands + 1
          send(state.commands <= times and ("-%s\r\n"):format(line) or "+PONG\r\n")
        end
      end
    end, { silent = true })
    return server, state
  end

  local function ask(line, times)
    local server <close>, state = serve(line, times)
    local client <close> = redis.connect { url = ("redis://127.0.0.1:%d/0"):format(server.port) }
    local ok, result = pcall(retry.read, QUICK, client.ping, client)
    return ok, result, state.commands
  end

  for _, rule in ipairs(retry_rules.rules "redis") do
    local mood = moods.of(rule)
    if mood.code ~= "session" then
      it("by " .. moods.name(rule), function()
        local ok, result, commands = ask(("%s %s"):format(mood.code, mood.text or "out of sorts"), 2)
        if rule.verdict == "never" then
          assert.same({ false, 1 }, { ok, commands })
          assert.matches("^Redis at 127.0.0.1:%d+: ", result.message)
          assert.matches(rule.means, result.message, 1, true)
          assert.equal(rule.hint, result.hint)
        else
          assert.same({ true, true, 3 }, { ok, result, commands })
        end
      end)
    end
  end

  it("by an error of its own without a rule, once", function()
    local ok, result, commands = ask("WRONGTYPE no", 2)
    assert.same({ false, "failed", 1 }, { ok, result.kind, commands })
  end)

  it("by a connection that breaks", function()
    local answered = 0
    local server <close> = raw_server.serve(function(_, send, connection)
      some(connection)
      answered = answered + 1
      if answered > 2 then send "+PONG\r\n" end
    end, { silent = true })
    local client <close> = redis.connect { url = ("redis://127.0.0.1:%d/0"):format(server.port) }
    assert.is_true(retry.read(QUICK, client.ping, client))
    assert.equal(3, answered)
  end)
end)

describe("PostgreSQL that takes no session", function()
  -- What PostgreSQL 15 says, and the SQLSTATE that libpq does not give.
  local CASES <const> = {
    { "53300", "sorry, too many clients already" },
    { "53300", "remaining connection slots are reserved for non-replication superuser connections" },
    { "53300", 'too many connections for role "admin"' },
    { "53300", 'too many connections for database "coredb-t1"' },
    { "57P03", "the database system is starting up" },
    { "57P03", "the database system is shutting down" },
    { "57P03", "the database system is in recovery mode" },
    { "57P03", "the database system is not yet accepting connections" },
    { "57P03", "the database system is not accepting connections" },
    { "57P01", "terminating connection due to administrator command" },
    { "28P01", 'password authentication failed for user "admin"', never = true },
    { "3D000", 'database "coredb-t1" does not exist', never = true },
    { "42501", 'permission denied for database "coredb-t1"', never = true },
  }

  local function message(code, text)
    local body = ("SFATAL\0VFATAL\0C%s\0M%s\0\0"):format(code, text)
    return "E" .. string.pack(">I4", #body + 4) .. body
  end

  for _, case in ipairs(CASES) do
    it(case[2], function()
      local came = 0
      local server <close> = raw_server.serve(function(_, send, connection)
        some(connection)
        came = came + 1
        send(message(case[1], case[2]))
      end, { silent = true })
      local options =
        { host = "127.0.0.1", port = server.port, user = "admin", dbname = "coredb-t1", sslmode = "disable" }
      local err = raised(retry.read, { first_pause = 0, seconds = 20, attempts = 3 }, pg.connect, options)
      assert.equal(case[1], err.code)
      assert.equal(case.never and 1 or 3, came)
      assert.matches("^PostgreSQL at 127.0.0.1:%d+ ", err.message)
      assert.is_true(#err.hint > 5)
      assert.equal(not case.never, err.answered and err.retryable)
    end)
  end
end)

describe("helm out of sorts", function()
  local function failed(text) return { code = 1, stdout = "", stderr = "Error: " .. text } end

  for _, rule in ipairs(retry_rules.rules "helm") do
    it("by " .. rule.text, function()
      local runs = 0
      local ok, result = pcall(retry.read, QUICK, function()
        runs = runs + 1
        if runs < 3 then failure.raise("template", "t1-app", failed(moods.of(rule).text)) end
        return "done"
      end)
      if rule.verdict == "never" then
        assert.same({ false, 1, false }, { ok, runs, result.retryable })
      else
        assert.same({ true, "done", 3 }, { ok, result, runs })
      end
    end)
  end

  it("leaves a write in doubt where a read is made again", function()
    for _, rule in ipairs(retry_rules.rules "helm") do
      if rule.verdict == "ask" then
        local err = raised(failure.raise, "rollback", "t1-app", failed(moods.of(rule).text))
        assert.same({ "unknown", nil }, { err.kind, err.retryable }, rule.text)
      end
    end
  end)
end)

-- A removal whose connection was lost, or whose run was killed, must end with exactly the tenant's keys gone; what
-- services write behind it is theirs.

local gate = require "tests.support.gate"
local history = require "o2x.engine.history"
local memory = require "o2x.engine.memory"
local redis = require "o2x.client.redis"
local servers = require "tests.support.servers"

local PREFIX <const>, NEIGHBOUR <const> = "TIDLT-100008:", "TIDLT-1000081:"
local OURS <const>, THEIRS <const> = 8000, 2000

describe("a removal of keys that is cut short", function()
  local server, runs = nil, {}
  setup(function() server = servers.start "redis" end)
  teardown(function() server.stop() end)
  after_each(function()
    for _, run in ipairs(runs) do
      run.close()
    end
    runs = {}
  end)

  local function cli(...) return server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, ...) end

  local function fill(prefix, count)
    local text = "for i = 1, ARGV[2] do redis.call('SET', ARGV[1] .. 'session:' .. i, 'x') end"
    cli("EVAL", text, "0", prefix, tostring(count))
  end

  before_each(function()
    cli "FLUSHALL"
    fill(PREFIX, OURS)
    fill(NEIGHBOUR, THEIRS)
  end)

  local function apply(id, past)
    local api, run = gate.run {
      mode = "apply",
      module = "redis",
      id = id,
      past = past,
      config = { redis = { url = server.url } },
      scope = { redis = { PREFIX } },
    }
    runs[#runs + 1] = run
    return api, run
  end

  -- Calls fn(number) before each page that the run asks for.
  local function at_pages(run, fn)
    local client, number = run.client "redis", 0
    local page = client.page
    function client.page(self, ask)
      number = number + 1
      fn(number, self)
      return page(self, ask)
    end
  end

  local function left(pattern)
    local client <close> = redis.connect { url = server.url }
    return client:count(pattern)
  end

  for _, at in ipairs { 1, 2, 3, 5 } do
    it("by a lost connection, before page " .. at, function()
      local api, run = apply()
      at_pages(run, function(number)
        if number == at then cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") end
      end)
      local removed, outcome = api.clear(PREFIX)
      assert.equal("deleted", outcome)
      assert.is_true(removed >= OURS - 4000 and removed <= OURS, removed) -- the answer of one page may be lost
      assert.same({ 0, THEIRS }, { left(PREFIX), left(NEIGHBOUR) })
    end)

    it("by a kill, before page " .. at, function()
      local api, run = apply "killed"
      at_pages(run, function(number)
        if number == at then error("killed", 0) end
      end)
      assert.is_false((pcall(api.clear, PREFIX)))
      local records = { { t = "begin", runbook = {}, params = {} } }
      for _, record in ipairs(run.journal.records) do
        if record.t == "intent" then records[#records + 1] = record end
      end
      local again = apply("killed", memory.new(history.of(records)))
      local _, outcome = again.clear(PREFIX)
      assert.equal("deleted", outcome)
      assert.same({ 0, THEIRS }, { left(PREFIX), left(NEIGHBOUR) })
    end)
  end

  it("by nothing, leaves what was written behind it", function()
    local api, run = apply()
    local writer <close> = redis.connect { url = server.url }
    local gone
    at_pages(run, function()
      if gone then return end
      for i = 1, OURS do
        local key = PREFIX .. "session:" .. i
        if writer:command("EXISTS", key) == 0 then
          gone = key
          writer:command("SET", key, "new")
          return
        end
      end
    end)
    assert.same({ OURS, "deleted" }, { api.clear(PREFIX) })
    assert.equal("new", writer:command("GET", gone))
    assert.same({ 1, THEIRS }, { left(PREFIX), left(NEIGHBOUR) })
  end)

  it("by no right to the server's time, ends as well", function()
    cli(
      "ACL",
      "SETUSER",
      "narrow",
      "on",
      ">narrow",
      "~" .. PREFIX .. "*",
      "-@all",
      "+ping",
      "+info",
      "+scan",
      "+unlink"
    )
    local client <close> = redis.connect { url = ("redis://narrow:narrow@127.0.0.1:%d/0"):format(server.port) }
    assert.equal(OURS, client:unlink(PREFIX))
    assert.same({ 0, THEIRS }, { left(PREFIX), left(NEIGHBOUR) })
  end)
end)

-- Three walks over all keys of Redis for one removal: to look whether there are any, to remove them, to look again.
-- Each walk rested after each page for as long as the page had taken.

local gate = require "tests.support.gate"
local redis = require "o2x.client.redis"
local servers = require "tests.support.servers"

local PREFIX <const> = "TIDLT-100008:"

describe("a removal of keys", function()
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

  local function script(text, ...) return cli("EVAL", text, "0", ...) end

  local function fill(prefix, count)
    script("for i = 1, ARGV[2] do redis.call('SET', ARGV[1] .. i, 'x') end", prefix, tostring(count))
  end

  before_each(function() cli "FLUSHALL" end)

  -- The commands that the server gets while fn runs, as lists of words.
  local function commands_of(fn)
    cli("CONFIG", "SET", "slowlog-max-len", "1000000")
    cli("CONFIG", "SET", "slowlog-log-slower-than", "0")
    cli("SLOWLOG", "RESET")
    fn()
    cli("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    local client <close> = redis.connect { url = server.url }
    local list = {}
    for i, entry in ipairs(client:command("SLOWLOG", "GET", -1)) do
      list[i] = entry[4]
    end
    return list
  end

  local function run(mode)
    local api, made = gate.run {
      mode = mode,
      module = "redis",
      config = { redis = { url = server.url } },
      scope = { redis = { PREFIX } },
    }
    runs[#runs + 1] = made
    return api
  end

  local function count(list, word, argument)
    local n = 0
    for _, command in ipairs(list) do
      if command[1] == word and (not argument or command[2] == argument) then n = n + 1 end
    end
    return n
  end

  -- Each cursor that was asked for, "0" included, was asked for once.
  local function one_walk(list)
    assert.equal(1, count(list, "SCAN", "0"))
    local seen = {}
    for _, command in ipairs(list) do
      if command[1] == "SCAN" then
        assert.is_nil(seen[command[2]], "asked twice for " .. command[2])
        seen[command[2]] = true
      end
    end
  end

  for what, tenant in pairs {
    ["none of the keys"] = 0,
    ["one key in thirty thousand"] = 1,
    ["a tenth of the keys"] = 3000,
    ["all of the keys"] = 30000,
  } do
    it("walks over them once: " .. what, function()
      fill("TIDLT-100001:session:", 30000 - tenant)
      fill(PREFIX .. "cache:", tenant)
      local list = commands_of(function() assert.equal(tenant, (run("apply").clear(PREFIX))) end)
      one_walk(list)
      assert.equal(tenant == 0, count(list, "UNLINK") == 0)
      assert.equal(tostring(30000 - tenant), cli "DBSIZE")
    end)
  end

  it("looks once in a plan, which counts and sends nothing else", function()
    fill(PREFIX .. "cache:", 5000)
    local api = run "plan"
    local list = commands_of(function() api.clear(PREFIX) end)
    one_walk(list)
    local reads = { SCAN = true, TIME = true, AUTH = true, CONFIG = true, SLOWLOG = true }
    for _, command in ipairs(list) do
      assert.is_true(reads[command[1]], command[1])
    end
    local change = runs[1].plan.changes[1]
    assert.equal("some", change.before.keys) -- what the run sees
    assert.matches("5,000 keys", table.concat(change.show.lines, "\n"))
  end)

  it("sends what removes a page together with the next page", function()
    fill(PREFIX .. "cache:", 20000)
    local list = commands_of(function() run("apply").clear(PREFIX) end)
    -- The clock is asked before and after each round trip; one more takes the keys of the last page.
    assert.equal(count(list, "SCAN") + 1, count(list, "TIME") // 2)
    assert.is_true(count(list, "UNLINK") >= 20000 // 250)
  end)
end)

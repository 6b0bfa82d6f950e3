-- The keys of a scan were strings of Lua, each checked, copied and counted by itself: memory and time for each key of a
-- page.

local redis = require "o2x.client.redis"
local servers = require "tests.support.servers"

local PREFIX <const> = "TIDLT-100008:cache:"
local MOST <const> = 6 * 1024 -- bytes of Lua for a page, however many keys it has; as strings they would need 40 each

describe("a walk over keys", function()
  local server
  setup(function() server = servers.start "redis" end)
  teardown(function() server.stop() end)

  local function cli(...) return server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, ...) end

  -- The bytes that Lua asks for during a walk over so many keys, and its pages.
  local function walk_over(count)
    cli "FLUSHALL"
    cli("EVAL", "for i = 1, ARGV[2] do redis.call('SET', ARGV[1] .. i, 'x') end", "0", PREFIX, tostring(count))
    local client <close> = redis.connect { url = server.url }
    client:ping()
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    local walk = client:walk(PREFIX)
    walk:finish()
    local grown = collectgarbage "count" - before
    collectgarbage "restart"
    assert.equal(count, walk.keys)
    return grown * 1024, walk.listed.pages
  end

  it("needs no more of Lua for a page of a thousand than for one of ten", function()
    for _, count in ipairs { 5000, 20000, 80000 } do
      local bytes, pages = walk_over(count)
      assert.is_true(bytes <= (pages + 1) * MOST, ("%d keys: %d bytes, %d pages"):format(count, bytes, pages))
    end
  end)
end)

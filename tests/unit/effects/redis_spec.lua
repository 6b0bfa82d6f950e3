local api = require "tests.support.api"

-- A server of these keys.
local function server(keys, replication)
  return {
    count = function(_, prefix, options)
      local n = 0
      for key in pairs(keys) do
        if key:sub(1, #prefix) == prefix then
          n = n + 1
          if options and options.seen then options.seen(key) end
        end
      end
      return n
    end,
    unlink = function(_, prefix)
      local n = 0
      for key in pairs(keys) do
        if key:sub(1, #prefix) == prefix then
          keys[key], n = nil, n + 1
        end
      end
      return n
    end,
    info = function(_, section)
      return section == "replication" and (replication or { role = "master" }) or { version = "7" }
    end,
    ping = function() return true end,
    close = function() end,
  }
end

local function open(keys, replication)
  return api("redis", { clients = { redis = server(keys, replication) }, scope = { redis = { "T-1:" } } })
end

describe("redis.clear", function()
  it("removes the tenant's keys and tells how many", function()
    local keys = { ["T-1:a:1"] = true, ["T-1:b:1"] = true, ["T-2:a:1"] = true }
    local redis, ctx = open(keys)
    assert.same({ 2, "deleted" }, { redis.clear "T-1:" })
    assert.same({ ["T-2:a:1"] = true }, keys)
    assert.same({ "info 2 keys to remove" }, ctx.logged)
  end)

  it("has nothing to do where there is none", function() assert.same({ 0, "unchanged" }, { open({}).clear "T-1:" }) end)

  it("does not take for a remainder what services write meanwhile", function()
    local keys = { ["T-1:a:1"] = true }
    local redis, ctx = open(keys)
    local unlink = ctx:client("redis").unlink
    ctx:client("redis").unlink = function(...)
      local n = unlink(...)
      keys["T-1:a:2"] = true
      return n
    end
    redis.clear "T-1:"
    assert.matches("services have written 1 key since", ctx.logged[2])
  end)

  it("takes a pattern after the prefix, not one that begins with a wildcard", function()
    for _, glob in ipairs { "", "*", "?x", "[a]" } do
      local ok, err = pcall(open({}).clear, "T-1:", glob)
      assert.is_false(ok)
      assert.equal("input", err.kind)
    end
  end)

  it("does not write to a replica", function()
    local keys = { ["T-1:a"] = true }
    local replica = { role = "slave", master_host = "other", master_port = 6379 }
    local ok, err = pcall((open(keys, replica)).clear, "T-1:")
    assert.is_false(ok)
    assert.same({ "unreachable", "READONLY" }, { err.kind, err.code })
    assert.matches("other:6379", err.message)
    assert.is_true(keys["T-1:a"])
  end)

  it("cannot be taken back", function()
    local _, ctx = open {}
    assert.is_false((pcall(ctx.effect, ctx, "redis.keys", { prefix = "T-1:" }, { keys = 3 })))
  end)
end)

describe("what redis.clear would remove", function()
  local function shown(before)
    local _, ctx = open {}
    return ctx.types["redis.keys"].show({ prefix = "T-1:" }, before)
  end

  it("is shown by its parts and as a whole", function()
    local lines = shown({ keys = 3, parts = { session = 1, cache = 2 } }).lines
    assert.same({ "- 2 keys of cache", "- 1 key of session", "- 3 keys in all" }, lines)
    assert.same({ "- 3 keys" }, shown({ keys = 3 }).lines)
    assert.same({}, shown(nil).lines)
  end)
end)

describe("redis.count", function()
  it("counts below a prefix, which may end with a star", function()
    local redis = open { ["T-1:a"] = true, ["T-1:b"] = true }
    assert.equal(2, redis.count "T-1:*")
    assert.equal(2, redis.count "T-1:")
  end)

  it("takes no other pattern", function()
    for _, pattern in ipairs { "T-*:x", "T-?", "[T]" } do
      assert.is_false((pcall((open {}).count, pattern)))
    end
  end)
end)

describe("redis.info and ping", function()
  it("only look", function()
    local redis = open {}
    assert.equal("7", redis.info().version)
    assert.equal("master", redis.info("replication").role)
    assert.is_true(redis.ping())
  end)
end)

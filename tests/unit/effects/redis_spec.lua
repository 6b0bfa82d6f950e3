local api = require "tests.support.api"

-- A walk over a table of keys, as the client's: it stops at the first, or removes them all.
local function walk_over(keys, prefix, options)
  local walk = { keys = 0, removed = 0, parts = {} }
  local function list()
    local found = {}
    for key in pairs(keys) do
      if key:sub(1, #prefix) == prefix then found[#found + 1] = key end
    end
    return found
  end
  function walk.find() return #list() > 0 end
  function walk.finish()
    for _, key in ipairs(list()) do
      local part = key:match("^%w+", #prefix + 1) or "(others)"
      walk.keys, walk.parts[part] = walk.keys + 1, (walk.parts[part] or 0) + 1
      if options.remove then
        keys[key], walk.removed = nil, walk.removed + 1
      end
    end
  end
  return walk
end

-- A server of these keys.
local function server(keys, replication)
  local this = { walks = 0 }
  function this.walk(_, prefix, options)
    this.walks = this.walks + 1
    return walk_over(keys, prefix, options or {})
  end
  function this.count(_, prefix)
    local walk = walk_over(keys, prefix, {})
    walk.finish()
    return walk.keys
  end
  function this.info(_, section)
    return section == "replication" and (replication or { role = "master" }) or { version = "7" }
  end
  function this.ping() return true end
  function this.close() end
  return this
end

local function open(keys, replication, mode)
  local clients = { redis = server(keys, replication) }
  return api("redis", { clients = clients, scope = { redis = { "T-1:" } }, mode = mode })
end

describe("redis.clear", function()
  it("removes the tenant's keys and tells how many", function()
    local keys = { ["T-1:a:1"] = true, ["T-1:b:1"] = true, ["T-2:a:1"] = true }
    local redis, ctx = open(keys)
    assert.same({ 2, "deleted" }, { redis.clear "T-1:" })
    assert.same({ ["T-2:a:1"] = true }, keys)
    assert.same({ "info 2 keys removed: 1 of a, 1 of b" }, ctx.logged)
  end)

  it("walks over the keys once", function()
    local redis, ctx = open { ["T-1:a:1"] = true }
    redis.clear "T-1:"
    assert.equal(1, ctx:client("redis").walks)
  end)

  it("has nothing to do where there is none", function() assert.same({ 0, "unchanged" }, { open({}).clear "T-1:" }) end)

  it("does not take for a remainder what services write meanwhile", function()
    local keys = { ["T-1:a:1"] = true }
    local redis, ctx = open(keys)
    local client = ctx:client "redis"
    local begin = client.walk
    function client.walk(...)
      local walk = begin(...)
      local finish = walk.finish
      function walk.finish()
        finish()
        keys["T-1:a:2"] = true
      end
      return walk
    end
    assert.same({ 1, "deleted" }, { redis.clear "T-1:" })
    assert.is_true(keys["T-1:a:2"])
  end)

  it("does not believe a server that removes nothing", function()
    local keys = { ["T-1:a:1"] = true, ["T-1:b:1"] = true }
    local redis, ctx = open(keys)
    local client = ctx:client "redis"
    local begin = client.walk
    function client.walk(self, prefix) return begin(self, prefix, {}) end -- finds them, and says that none went
    local ok, err = pcall(redis.clear, "T-1:")
    assert.is_false(ok)
    assert.equal("Redis says that it removed none of 2 keys with the prefix T-1:", err.message)
    assert.equal(3, client.walks)
  end)

  it("does not believe a server that says that it removed them, and has not", function()
    local keys = { ["T-1:a:1"] = true, ["T-1:b:1"] = true }
    local redis, ctx = open(keys)
    local client = ctx:client "redis"
    local begin = client.walk
    function client.walk(self, prefix, options)
      local walk = begin(self, prefix, {})
      local finish = walk.finish
      function walk.finish()
        finish()
        if options.remove then
          walk.removed, walk.ignored = walk.keys, true
        end
      end
      return walk
    end
    local ok, err = pcall(redis.clear, "T-1:")
    assert.is_false(ok)
    assert.equal("Redis says that it removed 2 keys with the prefix T-1:, and they are still there", err.message)
    assert.equal(3, client.walks)
  end)

  it("is done where the keys went by themselves", function()
    local keys = { ["T-1:a:1"] = true }
    local redis, ctx = open(keys)
    local client = ctx:client "redis"
    local begin = client.walk
    function client.walk(self, prefix)
      local walk = begin(self, prefix, {})
      local finish = walk.finish
      function walk.finish()
        finish()
        keys["T-1:a:1"] = nil
      end
      return walk
    end
    assert.same({ 0, "deleted" }, { redis.clear "T-1:" })
    assert.equal(2, client.walks)
  end)

  it("adds up what it removed before and after a lost connection", function()
    local keys = { ["T-1:a:1"] = true, ["T-1:b:1"] = true, ["T-1:b:2"] = true }
    local _, ctx = open(keys)
    local kind, target, client = ctx.types["redis.keys"], { prefix = "T-1:", whole = true }, ctx:client "redis"
    local begin = client.walk
    function client.walk(...)
      local walk = begin(...)
      function walk.finish()
        walk.removed, walk.parts, keys["T-1:a:1"] = 1, { a = 1 }, nil
        error("lost", 0)
      end
      return walk
    end
    local before = kind.read(ctx, target)
    assert.is_false((pcall(kind.write, ctx, target, nil, before)))
    client.walk = begin
    before = kind.read(ctx, target)
    assert.same({ removed = 3, parts = { a = 1, b = 2 } }, kind.write(ctx, target, nil, before))
    assert.is_nil(next(keys))
  end)

  it("keeps in the journal which keys they were, and nothing of a walk", function()
    local _, ctx = open { ["T-1:a:1"] = true }
    local kind, target = ctx.types["redis.keys"], { prefix = "T-1:", glob = "a*" }
    kind.read(ctx, target)
    assert.same({ prefix = "T-1:", glob = "a*" }, kind.record(target))
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

  it("is counted by a plan", function()
    local keys = { ["T-1:a:1"] = true, ["T-1:b:1"] = true, ["T-2:a:1"] = true }
    local _, ctx = open(keys, nil, "plan")
    local read = ctx.types["redis.keys"].read
    assert.same({ keys = 2, parts = { a = 1, b = 1 } }, read(ctx, { prefix = "T-1:", whole = true }))
    assert.same({ keys = 1 }, read(ctx, { prefix = "T-1:a:" }))
    assert.is_nil(read(ctx, { prefix = "T-3:" }))
  end)

  it("is shown by its parts and as a whole", function()
    local lines = shown({ keys = 3, parts = { session = 1, cache = 2 } }).lines
    assert.same({ "- 2 keys of cache", "- 1 key of session", "- 3 keys in all" }, lines)
    assert.same({ "- 3 keys" }, shown({ keys = 3 }).lines)
    assert.same({}, shown(nil).lines)
    assert.same({ "- all of them" }, shown({ keys = "some" }).lines)
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

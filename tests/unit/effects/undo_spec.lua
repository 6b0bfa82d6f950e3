-- What goes back to what, type by type: systems that need no server, and what cannot go back.

local clock = require "o2x.base.clock"
local dns_record = require "o2x.effects.dns"
local effects = require "o2x.effects"
local small_run = require "tests.support.small_run"
local taken_back = require "tests.support.taken_back"

-- ---- the broker ----

local function broker(depths)
  return {
    queue = function(_, name) return depths[name] and { name = name, depth = depths[name] } end,
    add_queue = function(_, name) depths[name] = 0 end,
    remove_queue = function(_, name) depths[name] = nil end,
  }
end

describe("undo of a queue", function()
  local function run(depths)
    return small_run.new { modules = { (require "o2x.effects.broker") }, clients = { broker = broker(depths) } }
  end

  it("removes a new one, and makes it again", function()
    local depths = {}
    local first = run(depths)
    first.api.broker.ensure_queue "T-1.mail"
    local second = taken_back.back(first, run(depths))
    assert.same({}, depths)
    taken_back.back(second, run(depths))
    assert.same({ ["T-1.mail"] = 0 }, depths)
  end)

  it("leaves one that holds messages, and says so", function()
    local depths = {}
    local first = run(depths)
    first.api.broker.ensure_queue "T-1.mail"
    depths["T-1.mail"] = 3
    local second = taken_back.back(first, run(depths))
    assert.equal("it holds 3 messages", second.undo.left[1].why)
    assert.same({ ["T-1.mail"] = 3 }, depths)
  end)
end)

-- ---- silences ----

describe("undo of a silence", function()
  local WHERE <const> = { service = "alertmanager", port = 9093, namespace = "monitoring" }

  local function run(server)
    return small_run.new {
      modules = { (require "o2x.effects.alerts") },
      clients = { k8s = server },
      scope = { k8s = { label = { "tenant", "acme" } } },
    }
  end

  local function alertmanager()
    local self = { silences = {} }
    function self.request(_, _, _, o)
      if o.method == "POST" then
        o.json.id, o.json.status = "s-1", { state = "active" }
        self.silences = { o.json }
      elseif o.method == "DELETE" then
        self.silences = {}
      end
      return { status = 200, headers = {}, json = self.silences, body = "" }
    end
    return self
  end

  local function at(seconds) return clock.iso(math.floor(clock.now()) + seconds) end

  it("ends a new one; the undo of that restores it", function()
    local server = alertmanager()
    local first = run(server)
    first.api.alerts.silence(WHERE, { until_time = at(3600), comment = "maintenance" })
    local ends = server.silences[1].endsAt
    local second = taken_back.back(first, run(server))
    assert.same({}, server.silences)
    taken_back.back(second, run(server))
    assert.equal(ends, server.silences[1].endsAt)
  end)

  it("restores the end of one that was there", function()
    local server = alertmanager()
    local old = at(1800)
    run(server).api.alerts.silence(WHERE, { until_time = old, comment = "theirs" })
    local first = run(server)
    first.api.alerts.silence(WHERE, { until_time = at(3600), comment = "maintenance" })
    taken_back.back(first, run(server))
    assert.equal(old, server.silences[1].endsAt)
    assert.equal("theirs", server.silences[1].comment)
  end)

  it("does not bring back what would be over", function()
    local server = alertmanager()
    run(server).api.alerts.silence(WHERE, { until_time = at(-60), comment = "old" })
    server.silences[1].status.state = "active"
    local first = run(server)
    first.api.alerts.unsilence(WHERE)
    local second = taken_back.back(first, run(server))
    assert.equal("it would be over by now", second.undo.left[1].why)
    assert.same({}, server.silences)
  end)
end)

-- ---- DNS ----

describe("undo of a DNS record", function()
  local NAME <const> = "api.newclient.embrix.com"

  -- Route 53 as a list.
  local function route53(records)
    return {
      zone_of = function() return "Z1", "embrix.com" end,
      records_of = function(_, _, name)
        local found = {}
        for _, one in ipairs(records) do
          if one.name == name then found[#found + 1] = one end
        end
        return found
      end,
      change = function(_, _, changes)
        for _, change in ipairs(changes) do
          for i = #records, 1, -1 do
            if records[i].name == change.name and records[i].type == change.type then table.remove(records, i) end
          end
          if change.action ~= "DELETE" then
            records[#records + 1] = { name = change.name, type = change.type, ttl = change.ttl, values = change.values }
          end
        end
        return "C1"
      end,
      wait_insync = function() end,
    }
  end

  local function run(records)
    local made = small_run.new {
      modules = { dns_record },
      clients = { ["aws.route53"] = route53(records) },
      scope = { dns = { "newclient.embrix.com" } },
    }
    made.ctx.tenant = { name = "newclient" }
    made.ctx.run_store = function()
      return { list = function() return {} end }
    end
    return made
  end

  local CASES <const> = {
    { "a new record set", {}, { type = "CNAME", values = { "lb.example.com" } } },
    {
      "values and TTL",
      { { name = NAME, type = "A", ttl = 60, values = { "192.0.2.1", "192.0.2.2" } } },
      { type = "A", ttl = 300, values = { "192.0.2.9" }, takeover = true },
    },
    {
      "another type",
      { { name = NAME, type = "A", ttl = 60, values = { "192.0.2.1" } } },
      { type = "CNAME", values = { "lb.example.com" }, takeover = true },
    },
  }

  for _, case in ipairs(CASES) do
    it("restores " .. case[1], function()
      local records = {}
      for i, one in ipairs(case[2]) do
        records[i] = one
      end
      local first, wanted = run(records), { name = NAME }
      for name, item in pairs(case[3]) do
        wanted[name] = item
      end
      first.api.dns.ensure_record(wanted)
      assert.equal(case[3].type, records[1].type)
      taken_back.back(first, run(records))
      assert.same(case[2], records)
    end)
  end
end)

-- ---- types whose before-image is not enough ----

-- kind → what was there before, and why it cannot come back
local GONE <const> = {
  ["pg.archive"] = { { database = "d", run = "R" }, "archive was removed" },
  ["pg.restored"] = { { sha256 = "x" }, "copy was dropped" },
  ["s3.object"] = { { sha256 = "x", bytes = 1 }, "object was deleted" },
  ["rds.snapshot"] = { { instance = "i", status = "available" }, "snapshot was deleted" },
}

describe("undo", function()
  local types = {}
  for _, name in ipairs(effects.NAMES) do
    for _, one in ipairs(effects.find(name).types or {}) do
      types[one.kind] = one
    end
  end

  for kind, case in pairs(GONE) do
    it("of " .. kind .. " removes what is new, and says what does not come back", function()
      local restore, target = types[kind].undo.restore, { name = "t", path = "t", url = "t", id = "t" }
      assert.same({ target = target, moved = kind == "pg.restored" or nil }, restore({}, { target = target }))
      local back, why = restore({}, { target = target, before = case[1] })
      assert.is_nil(back)
      assert.matches(case[2], why)
    end)
  end

  it("of what is never undone is said by the type", function()
    local never = {}
    for kind, one in pairs(types) do
      if one.undo and one.undo.never then never[#never + 1] = kind end
    end
    table.sort(never)
    assert.same({
      "pg.migration",
      "pg.migration_history",
      "redis.keys",
      "service.object",
      "service.proved",
      "service.repeatable",
      "service.request",
      "webhook.message",
    }, never)
  end)
end)

local api = require "tests.support.api"
local small_run = require "tests.support.small_run"

-- A broker of these queues: name → messages in it.
local function broker(depths)
  return {
    queue = function(_, name) return depths[name] and { name = name, depth = depths[name] } end,
    add_queue = function(_, name) depths[name] = 0 end,
    remove_queue = function(_, name) depths[name] = nil end,
    queues = function(_, prefix) return { prefix } end,
  }
end

describe("o2x.broker", function()
  it("ensures a queue, once", function()
    local depths = {}
    local queues, ctx = api("broker", { clients = { broker = broker(depths) } })
    assert.same({ name = "T-1.mail" }, queues.ensure_queue "T-1.mail")
    queues.ensure_queue "T-1.mail"
    assert.same({ ["T-1.mail"] = 0 }, depths)
    assert.same({ "created T-1.mail", "unchanged T-1.mail" }, ctx.done)
  end)

  it(
    "lists queues by their prefix",
    function() assert.same({ "T-1." }, api("broker", { clients = { broker = broker {} } }).queues "T-1.") end
  )

  it("is asked once by a plan, for all queues of the tenant", function()
    local asked = 0
    local one = {
      queues = function(_, prefix)
        asked = asked + 1
        return { { name = prefix .. "mail", depth = 0, consumers = 0 } }
      end,
      queue = function() error "asked for one queue" end,
    }
    local run = small_run.new {
      mode = "plan",
      modules = { require "o2x.effects.broker" },
      clients = { broker = one },
      scope = { broker = { "T-1." } },
    }
    assert.same({ name = "T-1.mail" }, run.ctx:read("broker.queue", { name = "T-1.mail" }))
    assert.is_nil(run.ctx:read("broker.queue", { name = "T-1.jobs" }))
    assert.equal(1, asked)
  end)

  it("loses no messages when a queue is taken away", function()
    local depths = { full = 3, empty = 0 }
    local _, ctx = api("broker", { clients = { broker = broker(depths) } })
    local ok, err = pcall(ctx.effect, ctx, "broker.queue", { name = "full" }, nil)
    assert.is_false(ok)
    assert.equal("conflict", err.kind)
    assert.matches("3 messages", err.message)
    ctx:effect("broker.queue", { name = "empty" }, nil)
    assert.same({ full = 3 }, depths)
  end)
end)

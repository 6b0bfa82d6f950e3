-- A DNS record set that somebody changed after it was compared was overwritten: the write looked again, and took what
-- it found as the one to replace. Now its batch deletes exactly what was read.

local small_run = require "tests.support.small_run"

local NAME <const> = "api.t.example.com"

local function record(value, ttl) return { name = NAME, type = "CNAME", ttl = ttl, values = { value } } end

describe("the batch for a record set", function()
  it("deletes what was read, and creates the new one", function()
    local there, sent = { record("old.example.com", 60) }, nil
    local client = {
      zone_of = function() return "Z", "example.com" end,
      records_of = function() return there end,
      change = function(_, _, changes)
        sent, there = changes, { record("ours.example.com", 300) }
        return "C"
      end,
      wait_insync = function() end,
    }
    local run = small_run.new {
      modules = { (require "o2x.effects.dns") },
      clients = { ["aws.route53"] = client },
      scope = { dns = { "t.example.com" } },
    }
    run.api.dns.ensure_record { name = NAME, type = "CNAME", values = { "ours.example.com" }, takeover = true }
    assert.same({ "DELETE", 60, "old.example.com" }, { sent[1].action, sent[1].ttl, sent[1].values[1] })
    assert.same({ "CREATE", 300, "ours.example.com" }, { sent[2].action, sent[2].ttl, sent[2].values[1] })
    assert.equal(2, #sent)
  end)
end)

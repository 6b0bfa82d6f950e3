-- A read of the broker is sent as POST. A lost answer, a 429 or a restart of the broker failed the run.

local broker = require "o2x.client.broker"
local faults = require "lab.faults"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

describe("a read of the broker", function()
  for _, kind in ipairs { "drop", "drop-after", "429", "503" } do
    it("is sent again after " .. kind, function()
      small_lab.with({ "broker" }, nil, function(lab)
        local client = broker.new {
          url = lab.env.O2X_BROKER_URL,
          user = lab.env.O2X_BROKER_USER,
          password = lab.env.O2X_BROKER_PASSWORD,
        }
        local run = small_run.new { modules = { (require "o2x.effects.broker") }, clients = { broker = client } }
        run.first_pause = 0
        client:add_queue "T.a"
        faults.add(lab.faults.rules, "broker", kind, { times = "2" })
        assert.equal("T.a", run.api.broker.queues("T.")[1].name)
        assert.same({}, lab.faults.rules)
      end)
    end)
  end
end)

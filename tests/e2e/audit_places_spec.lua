-- An audit finds what somebody did in each place of a tenant and in each way, and what it proposes mends it.

local audits = require "tests.support.audits"

local NAMES <const> = { "newclient", "acme-sbx", "demo" }

describe("an audit of all places", function()
  local lab
  setup(function() lab = audits.healthy(NAMES) end)
  teardown(function() lab:stop() end)
  before_each(function() lab.memory:restore "healthy" end)

  for _, batch in ipairs { "structure" } do
    local seeds = require("tests.support.seeds." .. batch)
    it(("finds %d things of %s, nothing else, and how they are mended"):format(#seeds, batch), function()
      audits.plays(lab, "newclient", seeds)
      for _, other in ipairs { "acme-sbx", "demo" } do
        assert.same({}, audits.audit(lab, other)[1].findings)
      end
    end)
  end
end)

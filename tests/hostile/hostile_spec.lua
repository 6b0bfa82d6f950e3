-- Runs the attacks of tests/hostile/cases against a whole lab: each is refused with the line that it expects, and
-- afterwards nothing of another tenant has changed. `make hostile` runs them under the sanitizers.
--
-- A file of tests/hostile/cases returns a list of cases, which are data:
--
--   { "what is tried",
--     body = [[pg.tenant:rows "select pg_advisory_lock(1)"]],  -- of the runbook's run(tenant, params)
--     expect = "pg_advisory_lock",                              -- what the output has, or a list of such texts
--   }
--
-- The fields of a case are those of tests/support/hostile.lua.

local hostile = require "tests.support.hostile"
local labs = require "tests.support.lab"

describe("hostile", function()
  local lab, before
  setup(function()
    lab = labs.start()
    before = hostile.others(lab)
  end)
  teardown(function() lab:stop() end)

  for _, topic in ipairs(hostile.topics()) do
    describe(topic, function()
      for _, case in ipairs(hostile.cases(topic)) do
        it(case[1], function() hostile.attempt(lab, case) end)
      end

      it("changed nothing of another tenant", function() assert.same(before, hostile.others(lab)) end)
    end)
  end
end)

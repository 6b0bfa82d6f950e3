-- Runs the attacks of tests/hostile/cases against a whole lab: each is refused with the line that it expects, and
-- afterwards nothing of another tenant has changed. `make hostile` runs them all under the sanitizers.
--
-- A file of tests/hostile/cases returns a list of cases, which are data:
--
--   { "what is tried",
--     body = [[pg.tenant:rows "select pg_advisory_lock(1)"]],  -- of the runbook's run(tenant, params)
--     expect = "pg_advisory_lock",                              -- what the output has, or a list of such texts
--   }
--
-- The fields of a case are those of tests/support/hostile.lua.

local build = require "tests.support.build"
local hostile = require "tests.support.hostile"
local labs = require "tests.support.lab"

-- What is refused in C: by the sandbox, the secrets, the scrubber of output, the limits of patterns and memory. The
-- other topics are refused in Lua, the same way under the sanitizers as without them; these see every sixth of them.
local IN_C <const> = { first = true, limits = true, masking = true, sandbox = true, secrets = true }
local SAMPLED <const> = build.sanitized and os.getenv "O2X_HOSTILE" ~= "all"

local function is_tried(topic, i) return not SAMPLED or IN_C[topic] or i % 6 == 1 end

describe("hostile", function()
  local lab, before
  setup(function()
    lab = labs.start()
    before = hostile.others(lab)
  end)
  teardown(function() lab:stop() end)

  for _, topic in ipairs(hostile.topics()) do
    describe(topic, function()
      for i, case in ipairs(hostile.cases(topic)) do
        if is_tried(topic, i) then it(case[1], function() hostile.attempt(lab, case) end) end
      end

      it("changed nothing of another tenant", function() assert.same(before, hostile.others(lab)) end)
    end)
  end
end)

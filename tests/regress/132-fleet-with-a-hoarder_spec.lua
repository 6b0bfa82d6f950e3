-- The runs of a fleet share the memory of one process. A run that hoards it fails at its own line; another one goes on,
-- or fails with a line that names memory, and can be resumed.

local json = require "o2x.base.json"
local Toy = require "tests.support.toy"

-- what alpha does
local HOARDS <const> = {
  ["keeps ever more texts"] = "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t if #t % 1000 == 0 then "
    .. "sleep(0) end end",
  ["keeps ever more tables"] = "local t = {} while true do t[#t + 1] = { {} } if #t % 1000 == 0 then sleep(0) end end",
  ["keeps them when it gets no more"] = [[
    local t = {}
    while true do
      pcall(function() t[#t + 1] = ("x"):rep(100000) .. #t end)
      sleep(0.01)
    end]],
}

local BUSY <const> = [[
  if tenant.name == "alpha" then
    toy.ensure("a", 1)
    %s
  end
  for i = 1, 30 do
    toy.ensure("b" .. i, i)
    local t = {}
    for j = 1, 5000 do t[j] = { j } end
    sleep(0.05)
  end]]

describe("a fleet with a run that hoards memory", function()
  for what, body in pairs(HOARDS) do
    it("ends with one line for it, and the other run is done or says why not: " .. what, function()
      local toy <close> = Toy.new()
      toy:runbook("busy", BUSY:format(body))
      local result = toy:o2x(
        { "run", "busy", "--tenants=alpha,beta", "--at-once=2", "--keep-going", "--json" },
        { O2X_LIMITS_MEMORY = "64", O2X_LIMITS_RUN = "8" }
      )
      assert.equal(1, result.code, result.stderr)
      assert.is_nil(result.stderr:find "traceback")
      local of = {}
      for _, run in ipairs(json.decode(result.stdout).tenants) do
        of[run.tenant] = run
      end
      assert.equal("failed", of.alpha.status)
      assert.truthy(result.stderr:find("alpha: failed: runbooks/busy.lua:", 1, true), result.stderr)
      if of.beta.status ~= "done" then
        assert.matches("beta: [^\n]*not enough memory", result.stderr)
        assert.matches("limits.memory", result.stderr)
      end
    end)
  end
end)

-- The database part of an onboarding, new and unchanged: round trips and connections.

local proc = require "o2x.base.proc"
local relay = require "tests.support.relay"
local setting = dofile "bench/database/setting.lua"

return function(count)
  local state = setting.start(count.folder)
  local function cost(...)
    local far <close> = relay.open { port = state.server.port, seconds = 0.05 }
    local argv, env = { "build/o2x", ... }, setting.environment(state, far.port)
    local result = proc.run { argv = argv, env = env, timeout = 300 }
    assert(result.code == 0, result.stderr)
    return far.turns, far.connections
  end
  setting.reset(state)
  local turns, connections = cost("run", state.runbook, "newclient")
  local again = cost("run", state.runbook, "newclient")
  local plan = cost("plan", state.runbook, "newclient")
  setting.stop(state)
  return {
    ["new, connections"] = connections,
    ["new, round trips"] = turns,
    ["unchanged, round trips"] = again,
    ["unchanged, round trips of a plan"] = plan,
  }
end

-- The API server answered 409 for Alertmanager behind it, and a maintenance went on without the silence.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

local SILENCES <const> = "/api/v1/namespaces/monitoring/services/alertmanager-operated:9093/proxy/api/v2/silences"

describe("a silence that meets a conflict", function()
  it("is written all the same", function()
    local lab, state = labs.start(), fs.temp_folder()
    local env = program.environment()
    for name, value in pairs(lab.env) do
      env[name] = value
    end
    env.O2X_STATE = state
    lab:fault { service = "k8s", kind = "409", match = "POST " .. SILENCES }
    local argv = { build.o2x, "run", "maintenance", "urbanos", "mode=on", "--confirm=urbanos" }
    local result = proc.run { argv = argv, env = env, timeout = 120 }
    local silences = lab:state({ parts = { "alerts" } }).alerts
    lab:stop()
    fs.remove_tree(state)
    assert.equal(0, result.code, result.stderr)
    assert.is_nil(result.stderr:find("are not silenced", 1, true))
    local name = next(silences)
    assert.matches('"value":"urbanos"', name or "none", 1, true)
  end)
end)

-- A backup that failed between an archive's note and the archive wrote the note again when it was resumed, although it
-- was there.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

local KEY <const> = "/embrix-development-data/TIDLT-100005/r830.dump"

describe("a backup to S3 that is resumed", function()
  local lab, env, state
  setup(function()
    lab, state = labs.start(), fs.temp_folder()
    env = program.environment()
    for name, value in pairs(lab.env) do
      env[name] = value
    end
    env.O2X_STATE = state
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(state)
  end)

  local function o2x(...) return proc.run { argv = { build.o2x, ... }, env = env, timeout = 120 } end

  -- How often was an object written?
  local function written(key)
    local times = 0
    for _, entry in ipairs(lab:log()) do
      local of_object = entry.method == "PUT" and entry.target == key
      times = times + (of_object and entry.status == 200 and 1 or 0)
    end
    return times
  end

  it("writes the note once", function()
    -- The first request with this text is that for the note.
    lab:fault { service = "aws", kind = "410", match = "PUT " .. KEY, nth = 2 }
    local failed = o2x("run", "backup", "urbanos", "to=s3:/" .. KEY)
    assert.equal(1, failed.code, failed.stderr)
    assert.equal(1, written(KEY .. ".json"))
    assert.equal(0, written(KEY))
    local resumed = o2x "resume"
    assert.equal(0, resumed.code, resumed.stderr)
    assert.equal(1, written(KEY .. ".json"))
    assert.equal(1, written(KEY))
  end)
end)

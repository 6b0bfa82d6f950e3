-- o2x locks showed a run that was killed on this machine as one that lives, for two minutes, and gave it back only
-- then.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local operators = require "tests.support.operators"
local proc = require "o2x.base.proc"

local KILL <const> = 9

describe("a holder of this machine", function()
  local place
  setup(function() place = operators.start() end)
  teardown(function() place:stop() end)
  after_each(function() place:forget() end)

  local function locks(...) return place:o2x("ben", { "locks", ... }) end

  it("that lives is not given back", function()
    local ann = place:start("ann"):waits()
    local shown = locks()
    assert.is_nil((shown.stdout .. shown.stderr):find("ended", 1, true))
    assert.equal(5, locks("--release=acme", "--reason=test").code)
    ann:kill(KILL)
    ann:ends()
  end)

  it("that was killed is known to have ended, and what is proposed frees the tenant", function()
    local ann = place:start("ann"):waits()
    ann:kill(KILL)
    ann:ends()
    assert.is_true(json.decode(locks("--json").stdout).locks[1].ended)
    local shown = locks()
    assert.matches("ago, its process has ended", shown.stdout, 1, true)
    local command = assert(shown.stderr:match "to free it: ([^\n]+)\n$", shown.stderr)
    local env = place:environment("ben", { PATH = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH" })
    local pasted = proc.run { argv = { "sh", "-c", command }, env = env, cwd = place.folder }
    assert.equal(0, pasted.code, command .. "\n" .. pasted.stderr)
    assert.matches("no run holds acme: given back by", locks("acme").stderr, 1, true)
  end)

  it("of another one is not judged from here", function()
    local ann = place:start("ann"):waits()
    ann:kill(KILL)
    ann:ends()
    place:sql(operators.CONTROL, "UPDATE o2x.lock SET machine = 'another one'")
    assert.is_nil(locks().stdout:find("ended", 1, true))
    assert.equal(5, locks("--release=acme", "--reason=test").code)
  end)
end)

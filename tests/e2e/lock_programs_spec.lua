-- What a run has started when it loses its tenant: helm goes on by itself, also while the run sleeps. It is stopped
-- when the run may not write any more, before another run takes its place where the run is awake, and as soon as it is
-- again where it slept.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local CONTROL <const> = "enginedevdb"
local STOP <const>, CONTINUE <const> = 19, 18
local SECONDS <const> = "6"
local PATCH <const> = "PATCH /apis/apps/v1/namespaces/default/deployments/urbanos-service-sso"
local DEPLOY <const> = { "deploy", "urbanos", "services=service-sso", "--confirm=urbanos" }

describe("a helm in the middle of its work, whose run", function()
  local lab, log, child
  setup(function()
    lab = labs.start()
    log = lab.dir .. "/said"
  end)
  teardown(function() lab:stop() end)
  after_each(function()
    if child then child:close() end
    ok(lab:o2x { "lab", "fault", "k8s", "off" })
    ok(lab:o2x { "lab", "fault", "postgres", "off" })
  end)

  local function store(name) return fs.join(lab.dir, "store-" .. name) end

  local function helms() return proc.run({ argv = { "pgrep", "-f", "upgrade .*" .. store "a" } }).stdout end

  -- Starts a deployment, the objects of which the API server takes and does not answer for.
  local function start(image)
    ok(lab:o2x { "lab", "fault", "k8s", "hang", "times=1", "match=" .. PATCH })
    fs.remove(log)
    child = proc.start {
      argv = { labs.O2X, DEPLOY[1], DEPLOY[2], DEPLOY[3], "image=" .. image, DEPLOY[4] },
      env = lab:environment { O2X_STATE = store "a", O2X_LOCK_SECONDS = SECONDS },
      log = log,
    }
    eventually(
      "helm's write",
      function()
        return lab:run({ "helm", "list", "-a", "--pending", "-q" }).stdout:find "urbanos%-service%-sso"
          and helms() ~= ""
      end,
      60
    )
  end

  local function ends()
    local code = proc.wait(child, 60)
    return code, fs.read(log)
  end

  local function goes_on(image)
    ok(lab:o2x { "lab", "fault", "k8s", "off" })
    local resumed = lab:o2x({ "resume" }, { env = { O2X_STATE = store "a" } })
    if resumed.code ~= 0 then
      local again = resumed.stderr:match "next: o2x (run deploy [^\n]+)"
      local words = {}
      for word in (again or ""):gmatch "%S+" do
        words[#words + 1] = word
      end
      ok(lab:o2x(words, { env = { O2X_STATE = store "a" } }))
    end
    assert.matches(image, lab:out("helm", "get", "values", "urbanos-service-sso", "-o", "json"))
    assert.matches("deployed", lab:out("helm", "status", "urbanos-service-sso", "-o", "json"))
  end

  it("slept while another took its place, is stopped when that wakes", function()
    start "7.7.1"
    child:kill(STOP)
    local function locks() return lab:o2x({ "locks", "urbanos" }, { env = { O2X_STATE = store "b" } }).stdout end
    eventually("the end of its time", function() return locks():find("expired", 1, true) end, 60)
    lab:sql(CONTROL, "update o2x.lock set machine = 'another one'")
    local b = lab:o2x({ "restart", "urbanos", "services=service-usage" }, { env = { O2X_STATE = store "b" } })
    ok(b)
    assert.matches("urbanos is taken over: .- a helm that it started may still be at work", b.stderr)
    assert.not_equal("", helms())
    child:kill(CONTINUE)
    local code, said = ends()
    assert.equal(5, code, said)
    assert.matches("this run has lost urbanos", said) -- that helm was stopped, unless another part of it saw it first
    assert.equal("", helms())
    goes_on "7.7.1"
  end)

  it("cannot renew its lock, is stopped before another can take it", function()
    start "7.7.2"
    ok(lab:o2x { "lab", "fault", "postgres", "down" })
    local code, said = ends()
    assert.equal(4, code, said)
    assert.matches("could not be renewed.-; helm was stopped in the middle of its work", said)
    assert.equal("", helms())
    ok(lab:o2x { "lab", "fault", "postgres", "off" })
    goes_on "7.7.2"
  end)
end)

-- An adoption of which one look went wrong for a moment wrote another file: what differs came in another order, or was
-- kept although it only could not be looked at. One that was killed while it looked ahead left a kubeconfig in TMPDIR.

local build = require "tests.support.build"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

local LOOK <const> = "PATCH /apis/networking.k8s.io/v1/namespaces/default/ingresses/urbanos-ingress?dryRun=All"

describe("an adoption", function()
  local lab, env, folder
  setup(function()
    lab, folder = labs.start(), fs.temp_folder()
    env = program.environment()
    for name, value in pairs(lab.env) do
      env[name] = value
    end
    env.O2X_STATE, env.TMPDIR = fs.join(folder, "state"), fs.join(folder, "tmp")
    fs.mkdir(env.TMPDIR)
    lab:snapshot "start"
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)
  after_each(function() lab:restore "start" end)

  -- The file that it writes.
  local function adopted()
    local result = proc.run { argv = { build.o2x, "run", "adopt", "urbanos" }, env = env, timeout = 120 }
    assert.equal(0, result.code, result.stderr)
    return fs.read(fs.join(lab.dir, "platform/tenants/urbanos.yaml"))
  end

  it("writes the same file where a look goes wrong for a moment", function()
    local file = adopted()
    lab:restore "start"
    lab:fault { service = "k8s", kind = "500", match = LOOK }
    assert.equal(file, adopted())
    assert.same({}, lab:fault {}) -- it has struck
  end)

  it("that is killed while it looks ahead leaves nothing in TMPDIR", function()
    lab:fault { service = "k8s", kind = "hang", match = LOOK }
    local child = proc.start { argv = { build.o2x, "run", "adopt", "urbanos" }, env = env }
    eventually("the look", function() return #lab:fault {} == 0 end)
    child:kill(9)
    proc.wait(child, 10)
    assert.same({}, fs.list(env.TMPDIR))
  end)
end)

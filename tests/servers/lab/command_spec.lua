-- The lab by the command line, in folders with a space and a quote in their names.
local build = require "tests.support.build"
local clock = require "o2x.base.clock"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local task = require "o2x.base.task"

local PROGRAM = fs.join(fs.folder(fs.realpath "/proc/self/exe"), "o2x")
local UP = 300 -- seconds; the machine may be busy

local function lab(folder, ...)
  return proc.run { argv = { PROGRAM, "lab", ... }, env = { O2X_LAB_DIR = folder }, timeout = UP }
end

local function env(folder) return json.decode(lab(folder, "env", "--json").stdout) end

-- What a shell makes of `lab env`.
local function in_shell(folder, script)
  return proc.run {
    argv = { "sh", "-c", 'eval "$("$1" lab env)"; ' .. script, "sh", PROGRAM },
    env = { O2X_LAB_DIR = folder },
  }
end

local function gone(pid)
  local deadline = task.now() + 60
  while fs.exists("/proc/" .. pid) do
    if task.now() > deadline then return false end
    task.sleep(0.05)
  end
  return true
end

-- Every process whose command line names the folder.
local function processes_of(folder)
  local found = {}
  for _, pid in ipairs(fs.list "/proc") do
    local text = pid:find "^%d+$" and fs.read_if(fs.join("/proc", pid, "cmdline"))
    if text and text:find(folder, 1, true) then found[#found + 1] = pid .. " " .. text:gsub("%z", " ") end
  end
  return found
end

describe("the lab", function()
  local base, one, two

  setup(function()
    base = fs.temp_folder()
    one, two = fs.join(base, "it's one"), fs.join(base, "two")
  end)

  teardown(function()
    for _, folder in ipairs { one, two } do
      lab(folder, "down")
      lab(folder, "reset")
    end
    fs.remove_tree(base)
  end)

  it("is not there before it is started", function()
    local result = lab(one, "env")
    assert.equal(4, result.code)
    assert.equal("", result.stdout)
    assert.truthy(result.stderr:find("is not up", 1, true))
    assert.equal(1, lab(one, "status").code)
    assert.equal(0, lab(one, "down").code)
  end)

  it("starts in seconds, and is left alone by a second start", function()
    local began = task.now()
    local result = lab(one, "up")
    assert.equal(0, result.code, result.stderr)
    assert.is_true(task.now() - began < UP)
    local pid = json.decode(lab(one, "status", "--json").stdout).pid
    assert.equal(0, lab(one, "up").code)
    assert.equal(pid, json.decode(lab(one, "status", "--json").stdout).pid)
  end)

  it("exports what a shell can take as it is", function()
    local result =
      in_shell(one, 'printf "%s\\n" "$O2X_PLATFORM" "$O2X_STATE" "$O2X_SECRETS"; test -f "$O2X_PLATFORM/platform.yaml"')
    assert.equal(0, result.code, result.stderr)
    assert.equal(("%s/platform\n%s/runs\n%s/secrets\n"):format(one, one, one), result.stdout)
  end)

  it("keeps its secrets to itself", function()
    local e = env(one)
    assert.equal(0x1c0, fs.stat(e.O2X_SECRETS).mode & 0x1ff)
    for _, name in ipairs(fs.list(e.O2X_SECRETS)) do
      assert.equal(0x180, fs.stat(fs.join(e.O2X_SECRETS, name)).mode & 0x1ff)
    end
    assert.equal(0x180, fs.stat(fs.join(one, "lab.json")).mode & 0x1ff)
    assert.is_false(fs.exists(fs.join(e.O2X_PLATFORM, "lab")))
  end)

  it("lives beside another one", function()
    assert.equal(0, lab(two, "up").code)
    local a, b = env(one), env(two)
    for _, name in ipairs {
      "O2X_PLATFORM",
      "O2X_LAB_DNS",
      "AWS_ENDPOINT_URL",
      "VAULT_ADDR",
      "KUBECONFIG",
      "REDIS_URL",
      "PGPORT",
    } do
      if a[name] then assert.not_equal(a[name], b[name], name) end
    end
    assert.equal(0, lab(two, "down").code)
    assert.equal(0, lab(one, "status").code)
  end)

  it("keeps ports and files over a restart, and forgets the files in a reset", function()
    local before = env(one)
    fs.write(fs.join(before.O2X_PLATFORM, "mark"), "x")
    assert.equal(0, lab(one, "down").code)
    assert.equal(0, lab(one, "up").code)
    assert.same(before, env(one))
    assert.is_true(fs.exists(fs.join(before.O2X_PLATFORM, "mark")))
    assert.equal(0, lab(one, "reset").code)
    assert.is_false(fs.exists(fs.join(before.O2X_PLATFORM, "mark")))
    assert.equal(before.O2X_LAB_DNS, env(one).O2X_LAB_DNS)
  end)

  it("injects faults by request", function()
    assert.equal(3, lab(one, "fault", "nosuch", "429").code)
    assert.equal(3, lab(one, "fault", "aws", "nosuch").code)
    assert.matches("aws: 500\n$", lab(one, "fault", "aws", "500", "times=1", "match=hostedzone").stderr)
    assert.truthy(lab(one, "fault").stdout:find "^aws +500 +1 time +match=hostedzone\n$")
    local function status()
      return in_shell(one, 'curl -s -o /dev/null -w "%{http_code}" "$AWS_ENDPOINT_URL/2013-04-01/hostedzone"').stdout
    end
    assert.equal("500", status())
    assert.not_equal("500", status())
    assert.equal("", lab(one, "fault").stdout)
    assert.matches("no request is set to fail\n$", lab(one, "fault").stderr)
  end)

  it("moves its clock forward", function()
    local result = lab(one, "advance-clock", "7200")
    assert.equal(0, result.code, result.stderr)
    local time = clock.parse(result.stderr:match "the lab's time is (%S+)\n$")
    assert.is_true(math.abs(time - clock.now() - 7200) < 300)
  end)

  it("can be started again after it was killed, and stopped so that nothing runs on", function()
    local pid = json.decode(lab(one, "status", "--json").stdout).pid
    proc.run { argv = { "sh", "-c", 'kill -9 "$1"', "sh", tostring(pid) } }
    assert.is_true(gone(pid))
    assert.equal(1, lab(one, "status").code)
    assert.equal(0, lab(one, "up").code)
    assert.equal(0, lab(one, "down").code)
    assert.same({}, processes_of(one))
  end)

  it("refuses words that it does not know in one line", function()
    for _, words in ipairs {
      { "frobnicate" },
      { "up", "now" },
      { "up", "--frobnicate" },
      {},
      { "fault", "vault" },
      { "advance-clock", "soon" },
    } do
      local result = lab(one, table.unpack(words))
      assert.equal(3, result.code)
      assert.is_nil(result.stderr:find("traceback", 1, true))
    end
  end)
end)

describe("an installed o2x", function()
  local base, bin, folder

  -- make with the binaries as they are (-o): a test does not rebuild them under the others.
  local function make(...)
    local argv = { "make", "-s", "-o", build.o2x, "-o", build.o2x .. "-lab", "DESTDIR=" .. base, "PREFIX=/usr", ... }
    local result = proc.run { argv = argv, timeout = 60 }
    assert.equal(0, result.code, result.stderr)
  end

  local function installed(...)
    return proc.run { argv = { bin .. "/o2x", "lab", ... }, cwd = "/", env = { O2X_LAB_DIR = folder }, timeout = UP }
  end

  setup(function()
    base = fs.temp_folder()
    bin, folder = base .. "/usr/bin", base .. "/lab"
    make "install"
  end)

  teardown(function()
    proc.run { argv = { PROGRAM, "lab", "down", "--dir=" .. folder } }
    proc.run { argv = { PROGRAM, "lab", "reset", "--dir=" .. folder } }
    fs.remove_tree(base)
  end)

  it("names the missing program without the lab", function()
    local result = installed "up"
    assert.equal(3, result.code)
    assert.equal(
      ("o2x: the lab is not installed: there is no %s/o2x-lab\n     install it: make install-lab\n"):format(bin),
      result.stderr
    )
  end)

  it("runs the lab from any folder after make install-lab", function()
    make "install-lab"
    local result = installed "up"
    assert.equal(0, result.code, result.stderr)
    assert.equal(0, installed("status").code)
    assert.is_true(fs.exists(folder .. "/platform/platform.yaml"))
    assert.equal(0, installed("down").code)
  end)

  it("has a lab program that works on its own", function()
    local result = proc.run { argv = { bin .. "/o2x-lab", "status", "--dir=" .. folder }, cwd = "/" }
    assert.equal(1, result.code)
    assert.matches("is not up\n$", result.stdout)
  end)
end)

-- Runs of every shipped runbook against the lab, packed: done, failed, killed and resumed, undone. Then the lab is
-- taken down, and all of them are replayed.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local leaks = require "tests.support.leaks"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

local TENANT <const>, CONFIRM <const>, OTHER <const> = "newclient", "--confirm=newclient", "acme-sbx"
local QUICK <const> = { "--set", "retry.seconds=2" }
local PASSWORDS <const> =
  { "PGPASSWORD", "VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "REDISCLI_AUTH", "O2X_BROKER_PASSWORD" }

describe("the shipped runbooks in capsules", function()
  local lab, folder, forms, onboarded
  local packed = {} -- file → what run it is of
  setup(function()
    lab, folder = labs.start(), fs.temp_folder()
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  local function newest() return json.decode(lab:o2x({ "show", "--json" }).stdout).id end

  -- Packs the newest run, which must have ended as it says.
  local function pack(status, what)
    local shown = json.decode(lab:o2x({ "show", "--json" }).stdout)
    assert.equal(status, shown.status, what)
    local path = ("%s/%d-%s.capsule"):format(folder, #fs.list(folder), status)
    local result = lab:o2x { "capsule", shown.id, "--out=" .. path }
    assert.equal(0, result.code, what .. "\n" .. result.stderr)
    packed[path] = what
    return path, shown.id
  end

  local function run(status, words, env)
    local result = lab:o2x({ "run", table.unpack(words) }, { env = env })
    local what = table.concat(words, " ")
    local shown = json.decode(lab:o2x({ "show", "--json" }).stdout)
    assert.equal(status, shown.status, ("%s\n%s"):format(what, result.stderr))
    return pack(status, what)
  end

  it("are run", function()
    onboarded = run("done", { "onboard", TENANT })
    run("done", { "onboard", TENANT })
    local archive = folder .. "/archive"
    fs.mkdir(archive)
    for _, words in ipairs {
      { "backup", TENANT, ("to=%s/data.dump"):format(archive) },
      { "backup", TENANT },
      { "smoke", TENANT },
      { "logs", TENANT, "services=service-usage" },
      { "restart", TENANT, "services=service-usage" },
      { "diagnose", TENANT },
      { "vacuum", TENANT },
      { "adopt", TENANT },
      { "cache-clear", TENANT, CONFIRM },
      { "maintenance", TENANT, "mode=on", CONFIRM },
      { "maintenance", TENANT, "mode=status", CONFIRM },
      { "maintenance", TENANT, "mode=off", CONFIRM },
      { "deploy", TENANT, "services=service-usage", "image=v2.6.0", CONFIRM },
      { "rollback", TENANT, "services=service-usage", CONFIRM },
      { "scale", TENANT, "service=service-usage", "replicas=3" },
      { "migrations-repair", TENANT, CONFIRM },
      { "restore", TENANT, ("archive=%s/data.dump"):format(archive), CONFIRM },
    } do
      run("done", words)
    end
  end)

  it("are run while something is wrong", function()
    for _, row in ipairs {
      { { "postgres", "down" }, "failed", "vacuum", TENANT },
      { { "postgres", "down" }, "failed", "smoke", TENANT },
      { { "vault", "500", "times=100" }, "failed", "onboard", TENANT },
      { { "k8s", "500", "times=1000" }, "done", "diagnose", TENANT },
      { { "redis", "down" }, "failed", "cache-clear", TENANT, CONFIRM },
      {
        { "k8s", "broken-pods", "match=service-usage" },
        "failed",
        "deploy",
        TENANT,
        "services=service-usage",
        "image=v2.7.0",
        "timeout=2s",
        CONFIRM,
      },
      {
        { "ingress", "unhealthy", "match=newclient-service-usage:redis" },
        "failed",
        "deploy",
        TENANT,
        "services=service-usage",
        "image=v2.8.0",
        "timeout=2s",
        CONFIRM,
      },
    } do
      local words = table.move(row, 3, #row, 1, {})
      ok(lab:o2x { "lab", "fault", table.unpack(row[1]) })
      run(row[2], table.move(QUICK, 1, #QUICK, #words + 1, words))
      ok(lab:o2x { "lab", "fault", row[1][1], "off" })
    end
  end)

  it("are killed, and resumed", function()
    for _, row in ipairs {
      { 4, "deploy", TENANT, "services=service-usage,service-sso", "image=v2.9.0", CONFIRM },
      { 11, "deploy", TENANT, "services=service-usage,service-sso", "image=v2.9.1", CONFIRM },
      { 8, "maintenance", TENANT, "mode=on", CONFIRM },
      { 20, "maintenance", TENANT, "mode=off", CONFIRM },
      { 9, "vacuum", TENANT },
    } do
      local _, id = run("crashed", table.move(row, 2, #row, 1, {}), { O2X_KILL_AT = tostring(row[1]) })
      ok(lab:o2x { "resume", id })
      pack("done", "resumed " .. row[2])
    end
  end)

  it("are undone: the run that was taken back is packed, and its undo", function()
    run("done", { "deploy", TENANT, "services=service-usage", "image=v3.0.0", CONFIRM })
    local id = newest()
    ok(lab:o2x { "undo", id, CONFIRM })
    pack("done", "the undo of a deploy")
    ok(lab:o2x { "undo", newest(), CONFIRM })
    pack("done", "the undo of the undo of a deploy")
    ok(lab:o2x { "capsule", id, "--out=" .. folder .. "/undone.capsule" })
    packed[folder .. "/undone.capsule"] = "a deploy that was undone"
  end)

  it("are undone: a whole onboarding, killed in between", function()
    run("done", { "onboard", OTHER })
    local killed = lab:o2x({ "undo", newest(), "--confirm=" .. OTHER }, { env = { O2X_KILL_AT = "101" } })
    assert.equal(9, killed.signal, killed.stderr)
    pack("crashed", "an undo that was killed")
    lab:o2x { "resume", newest() }
    assert.is_true(#pack("incomplete", "an undo of an onboarding, resumed") > 0)
    lab:o2x { "undo", newest(), "--confirm=" .. OTHER }
    pack("incomplete", "an undo that could not bring back all")
  end)

  it("are all of them", function()
    local all, seen = json.decode(lab:o2x({ "list", "--json" }).stdout).runbooks, {}
    for _, what in pairs(packed) do
      seen[what:match "^%S+"] = true
    end
    for _, book in ipairs(all) do
      assert.is_true(seen[book.name], book.name)
    end
  end)

  it("have no secret in them", function()
    local secrets, places = {}, {}
    local path = fs.join(lab.env.O2X_SECRETS, TENANT .. ".yaml")
    leaks.add_texts(secrets, yaml.decode(fs.read(path), path), "secrets file")
    for _, name in ipairs(PASSWORDS) do
      leaks.add_texts(secrets, lab.env[name], name)
    end
    leaks.add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/license/onboarding").decrypt_key, "decrypt key")
    leaks.add_texts(secrets, lab:vault("tenant/" .. TENANT .. "/admin").password, "admin's password")
    forms = leaks.forms_of(secrets)
    for file in pairs(packed) do
      places[file] = fs.read(file)
    end
    assert.same({}, leaks.found(places, forms))
  end)

  local function replay(file, more)
    return proc.run {
      argv = { labs.O2X, "replay", file, "--json", more },
      env = { PATH = os.getenv "PATH", TMPDIR = folder },
      timeout = 100,
    }
  end

  it("do the same without the lab, and with the project's scripts", function()
    ok(lab:o2x { "lab", "down" })
    for file, what in pairs(packed) do
      for _, more in ipairs { false, "--project=." } do
        local result = replay(file, more or nil)
        assert.equal(0, result.code, ("%s\n%s%s"):format(what, result.stdout, result.stderr))
        assert.is_true(json.decode(result.stdout).same)
        assert.is_nil(json.decode(result.stdout).incomplete)
      end
    end
  end)

  it("contact nothing, start nothing, and write nothing outside of a temporary folder", function()
    local log = folder .. "/strace"
    local traced = proc.run {
      argv = { "strace", "-f", "-qq", "-o", log, "-e", "trace=%network,%process,%file", labs.O2X, "replay", onboarded },
      env = { PATH = os.getenv "PATH", TMPDIR = folder },
      timeout = 300,
    }
    assert.equal(0, traced.code, traced.stderr)
    local count = 0
    for line in fs.read(log):gmatch "[^\n]+" do
      count = count + 1
      for _, call in ipairs { "connect(", "sendto(", "sendmsg(", "bind(", "fork(" } do
        assert.is_nil(line:find(call, 1, true), line)
      end
      assert.truthy(not line:find("execve(", 1, true) or line:find("replay", 1, true), line)
      local writes = line:find "O_WRONLY" or line:find "O_RDWR" or line:find "O_CREAT" or line:find "mkdir"
      if writes then assert.truthy(line:find(folder, 1, true) or line:find("/dev/", 1, true), line) end
    end
    assert.is_true(count > 20)
  end)

  it("diverge at the step that was edited", function()
    local project = folder .. "/project"
    for _, name in ipairs { "runbooks", "stdlib" } do
      fs.mkdir(project)
      fs.copy_tree(name, fs.join(project, name))
    end
    local text = fs.read(project .. "/runbooks/onboard.lua")
    local name = text:match '%f[%w]step%("([^"]+)"'
    fs.write(project .. "/runbooks/onboard.lua", (text:gsub(name, name .. " again")))
    local result = replay(onboarded, "--project=" .. project)
    assert.equal(2, result.code, result.stdout .. result.stderr)
    assert.equal(name .. " again", json.decode(result.stdout).divergence.step, result.stdout)
  end)
end)

-- o2x doctor: a table of what can be wrong. Each is brought about, its line is looked for, its remedy is pasted where a
-- shell can do it, and then the finding is gone. Nothing is written, and nothing hangs.

local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local raw_server = require "tests.support.raw_server"
local task = require "o2x.base.task"

local PROJECT_FILE <const> = "platform: platform\nstate: .o2x/runs\n"

local lab, project, baseline

local function write(path, text, mode) fs.write(path, text, { parents = true, mode = mode }) end

-- A project that says itself where everything is.
local function new_project()
  local folder = fs.temp_folder "/tmp/o2x-doctor-"
  fs.copy_tree("runbooks", folder .. "/runbooks")
  fs.copy_tree("stdlib", folder .. "/stdlib")
  fs.copy_tree(lab.env.O2X_PLATFORM, folder .. "/platform")
  write(folder .. "/o2x.yaml", PROJECT_FILE)
  return folder
end

local function doctor(env, words)
  local all = { O2X_PLATFORM = "", O2X_STATE = "", HOME = project .. "/home" }
  for name, value in pairs(env or {}) do
    all[name] = value
  end
  local result = lab:o2x({ "doctor", "--json", table.unpack(words or {}) }, { env = all, cwd = project })
  local ok, list = pcall(json.decode, result.stdout)
  assert(ok, result.stderr .. result.stdout)
  return list, result
end

-- All findings: "CHECK: TEXT" → remedy
local function findings(list)
  local found = {}
  for _, note in ipairs(list) do
    for _, one in ipairs(note.findings) do
      found[note.name .. ": " .. one.text] = one.mend or ""
    end
  end
  return found
end

-- The finding that matches and that was not there before; fails if there is none.
local function new_finding(list, pattern)
  local all = findings(list)
  for text, mend in pairs(all) do
    if not baseline[text] and text:find(pattern) then return text, mend end
  end
  error(("no finding matches %s:\n%s"):format(pattern, json.pretty(all)))
end

local function sql(text) lab:sql("postgres", text) end

local function program(name, text)
  local path = project .. "/bin/" .. name
  write(path, "#!/bin/sh\n" .. text .. "\n", tonumber("755", 8))
end

local function o2x_path() return fs.folder(fs.realpath(labs.O2X)) .. ":" .. os.getenv "PATH" end

local function in_path() return project .. "/bin:" .. os.getenv "PATH" end

-- What the words say to do with a file or a tool.
local function edits(fn)
  return function(mend, env)
    fn(mend)
    return env
  end
end

-- The variables that the remedy names are set right. Where it sends people to o2x config explain, that is asked.
local function sets(mend, env)
  local words, right, some = mend, {}, false
  local explain = mend:match "o2x config explain"
  if explain then
    local all = { O2X_PLATFORM = "", O2X_STATE = "", HOME = project .. "/home" }
    for name, value in pairs(env) do
      all[name] = value
    end
    words = words .. lab:o2x({ "config", "explain" }, { env = all, cwd = project }).stdout
  end
  for name, value in pairs(env) do
    local named = words:find(name, 1, true) ~= nil
    some = some or named
    if not named then right[name] = value end
  end
  assert.is_true(some, mend)
  return right
end

-- what, how it is brought about (returns variables), the finding, a part of its remedy; code: the exit code;
-- paste: the remedy is a command, and ends it; export: it is one for the shell that o2x is called from; follow: it is
-- no command, because only people know what is right: what to correct, and where, is taken from its words, and that
-- ends it
local CASES <const> = {
  {
    "PostgreSQL that does not answer",
    function() return { PGPORT = "1" } end,
    "^PostgreSQL: .*",
    code = 4,
    follow = sets,
  },
  {
    "a wrong password of PostgreSQL",
    function()
      sql "CREATE ROLE stranger LOGIN PASSWORD 'x'"
      return { PGUSER = "nobody_there" }
    end,
    "^PostgreSQL: .*",
    code = 4,
    follow = sets,
  },
  {
    "a role that may not create databases, nor read the registry",
    function()
      sql "CREATE ROLE weak LOGIN PASSWORD 'weak'"
      lab:sql("enginedevdb", "GRANT USAGE ON SCHEMA core_config TO weak")
      return { PGUSER = "weak", PGPASSWORD = "weak" }
    end,
    "^PostgreSQL: weak may not SELECT, INSERT, UPDATE core_config.tenant of ",
    'psql %-d enginedevdb %-c .*GRANT SELECT, INSERT, UPDATE ON core_config.tenant TO "weak"',
    code = 2,
    paste = true,
  },
  {
    "a role that may not create databases",
    function() return { PGUSER = "weak", PGPASSWORD = "weak" } end,
    "^PostgreSQL: weak may not create databases",
    'ALTER ROLE "weak" CREATEDB',
    code = 2,
    paste = true,
  },
  {
    "a token that Vault does not know",
    function() return { VAULT_TOKEN = "hvs.wrong" } end,
    "^Vault: .*",
    code = 4,
    follow = sets,
  },
  {
    "a Vault that is not configured",
    function() return { VAULT_ADDR = "" } end,
    "^Vault: .*not configured",
    "VAULT_ADDR",
    follow = sets,
  },
  {
    "a Vault that is plain http, elsewhere",
    function() return { VAULT_ADDR = "http://vault.invalid:8200" } end,
    "^Vault: .*is plain http",
    "export VAULT_ADDR=https://vault.invalid:8200",
    export = true,
  },
  {
    "a kubeconfig that others may read",
    function()
      fs.chmod(lab.env.KUBECONFIG, tonumber("644", 8))
      return {}
    end,
    "^Private files: others may read .*kubeconfig",
    "^chmod go%-rwx ",
    code = 2,
    paste = true,
  },
  {
    "secrets that others may read",
    function()
      write(project .. "/secrets/newclient.yaml", "a: b\n", tonumber("644", 8))
      return { O2X_SECRETS = project .. "/secrets" }
    end,
    "^Private files: others may read .*secrets",
    "^chmod go%-rwx ",
    code = 2,
    paste = true,
  },
  {
    "a .pgpass that others may read",
    function()
      write(project .. "/home/.pgpass", "", tonumber("644", 8))
      return {}
    end,
    "^Private files: others may read .*pgpass",
    "^chmod go%-rwx ",
    paste = true,
  },
  {
    "a kubeconfig with a plugin that is not allowed",
    function()
      local config = [[{"apiVersion":"v1","kind":"Config","current-context":"x","clusters":[{"name":"x","cluster":
        {"server":"https://127.0.0.1:1"}}],"users":[{"name":"x","user":{"exec":{"command":"aws-iam-authenticator",
        "apiVersion":"client.authentication.k8s.io/v1","interactiveMode":"Never"}}}],
        "contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}]}]]
      write(project .. "/kubeconfig", config, tonumber("600", 8))
      return { KUBECONFIG = project .. "/kubeconfig" }
    end,
    "^Kubernetes: .*aws%-iam%-authenticator",
    follow = edits(function(mend)
      local key, file = mend:match "name a context that needs none: ([%l.]+) in (%S+)$"
      assert.equal("kube.context", key)
      local good = fs.read(lab.env.KUBECONFIG):gsub('("current%-context": )"lab"', '%1"x"')
      write(project .. "/kubeconfig", good, tonumber("600", 8))
      write(project .. "/" .. file, PROJECT_FILE .. "kube:\n  context: lab\n")
    end),
    undo = function() write(project .. "/o2x.yaml", PROJECT_FILE) end,
  },
  {
    "an API server that does not answer",
    function()
      local text = fs.read(lab.env.KUBECONFIG):gsub("127.0.0.1:%d+", "127.0.0.1:1")
      write(project .. "/kubeconfig", text, tonumber("600", 8))
      return { KUBECONFIG = project .. "/kubeconfig" }
    end,
    "^Kubernetes: .*127.0.0.1:1",
    code = 4,
    follow = edits(function(mend)
      local path = mend:match "context lab in (%S+)$"
      write(path, fs.read(lab.env.KUBECONFIG), tonumber("600", 8))
    end),
  },
  {
    "no helm",
    function() return { O2X_HELM_COMMAND = "nosuch-helm" } end,
    "^Kubernetes: nosuch%-helm is not on PATH",
    "install helm",
    follow = function(mend, env)
      assert.equal("install helm 3: https://helm.sh", mend)
      program("nosuch-helm", 'exec helm "$@"')
      env.PATH = in_path()
      return env
    end,
  },
  {
    "an AWS that throttles",
    function()
      lab:o2x { "lab", "fault", "aws", "429", "times=1000" }
      return {}
    end,
    "^AWS: .*Throttling",
    "^wait: ",
    code = 4,
    follow = function(_, env)
      lab:o2x { "lab", "fault", "aws", "off" }
      return env
    end,
  },
  {
    "a Redis that does not answer",
    function() return { REDIS_URL = "redis://127.0.0.1:1" } end,
    "^Redis: .*",
    code = 4,
    follow = sets,
  },
  {
    "a wrong password of Redis",
    function() return { REDISCLI_AUTH = "x" } end,
    "^Redis: .*",
    code = 4,
    follow = sets,
  },
  {
    "a Redis user without rights",
    function()
      lab:out(
        "redis-cli",
        "-u",
        lab.env.REDIS_URL,
        "ACL",
        "SETUSER",
        "poor",
        "on",
        ">poor",
        "+ping",
        "+acl",
        "+info",
        "+time"
      )
      return { REDIS_URL = lab.env.REDIS_URL:gsub("redis://", "redis://poor:poor@"), REDISCLI_AUTH = "" }
    end,
    "^Redis: poor may not SCAN, UNLINK",
    "ACL SETUSER poor '~TIDLT.*' %+scan %+unlink",
    paste = true,
  },
  {
    "a wrong password of the broker",
    function() return { O2X_BROKER_PASSWORD = "x" } end,
    "^Message broker: .*rejected",
    code = 4,
    follow = sets,
  },
  {
    "wrong keys of AWS",
    function() return { AWS_SECRET_ACCESS_KEY = "x" } end,
    "^AWS: RDS: .*SignatureDoesNotMatch",
    "correct both keys: they are from AWS_ACCESS_KEY_ID",
    code = 4,
    follow = sets,
  },
  {
    "a name server that does not answer",
    function() return { O2X_LAB_DNS = "127.0.0.1:1" } end,
    "^DNS: .*",
    code = 4,
    follow = sets,
  },
  {
    "a disk that is nearly full",
    function()
      program(
        "df",
        "printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 1000000 999000 1000 99%% /\\n'"
      )
      return { PATH = in_path() }
    end,
    "^Disks: 1.* left for runs",
    "o2x runs prune",
    follow = function(mend, env)
      local shows = lab:run(
        { "sh", "-c", mend:match "^(o2x .-) shows" },
        { cwd = project, env = { PATH = o2x_path() } }
      )
      assert.equal(0, shows.code, shows.stderr)
      program("df", 'exec /bin/df "$@"')
      return env
    end,
  },
  {
    "a runbook that does not check",
    function()
      write(project .. "/runbooks/broken.lua", "return 1 +\n")
      return {}
    end,
    "^Runbooks: runbooks/broken.lua",
    undo = function() fs.remove(project .. "/runbooks/broken.lua") end,
    follow = edits(function(mend)
      local shows = lab:run({ "sh", "-c", mend }, { cwd = project, env = { PATH = o2x_path() } })
      local path = shows.stdout:match "(runbooks/%S+%.lua):2" or error(shows.stdout .. shows.stderr)
      fs.remove(project .. "/" .. path)
    end),
  },
  {
    "a runbook that was edited without a new version",
    function()
      assert.equal(0, lab:o2x({ "lock" }, { cwd = project }).code)
      write(project .. "/runbooks/smoke.lua", fs.read(project .. "/runbooks/smoke.lua") .. "-- edited\n")
      return {}
    end,
    "^Runbooks: .*smoke.lua.*version is still",
    undo = function()
      os.remove(project .. "/runbooks/versions.lock")
      fs.write(project .. "/runbooks/smoke.lua", fs.read "runbooks/smoke.lua")
    end,
    follow = edits(function(mend)
      local locks = mend:match "^raise its version and run (o2x lock);"
      local path = project .. "/runbooks/smoke.lua"
      write(path, (fs.read(path):gsub('version = "[%d.]+"', 'version = "99.0.0"')))
      assert.equal(0, lab:run({ "sh", "-c", locks }, { cwd = project, env = { PATH = o2x_path() } }).code)
    end),
  },
  {
    "a tenant's file that does not load",
    function()
      write(project .. "/platform/tenants/broken.yaml", "name: [\n")
      return {}
    end,
    "^Tenants: .*broken.yaml",
    undo = function() fs.remove(project .. "/platform/tenants/broken.yaml") end,
    follow = edits(function(mend) fs.remove(mend:match "^correct (%S+)$") end),
  },
  {
    "a fresh shell, where only variables said where the platform is",
    function()
      fs.rename(project .. "/o2x.yaml", project .. "/kept.yaml")
      return { O2X_PLATFORM = project .. "/platform" }
    end,
    "^Project: the project has no o2x.yaml",
    undo = function() fs.rename(project .. "/kept.yaml", project .. "/o2x.yaml") end,
    paste = true,
  },
  {
    "a platform that is not there",
    function() return { O2X_PLATFORM = project .. "/nowhere" } end,
    "^Project: .*nowhere has no platform.yaml",
    "O2X_PLATFORM",
    follow = sets,
  },
}

describe("o2x doctor", function()
  setup(function()
    lab = labs.start()
    project = new_project()
    baseline = {}
    baseline = findings((doctor()))
  end)
  teardown(function()
    fs.remove_tree(project)
    lab:stop()
  end)

  it("finds nothing in a project that is whole, says who we are everywhere, and writes nothing", function()
    local before = lab:snapshot "coredb-urbanos"
    local list, result = doctor()
    assert.same({}, findings(list))
    assert.equal(0, result.code)
    local facts = {}
    for _, note in ipairs(list) do
      facts[note.name] = table.concat(note.facts, "; ")
    end
    assert.matches("as admin", facts.PostgreSQL)
    assert.matches("as root", facts.Vault)
    assert.matches("context lab", facts.Kubernetes)
    assert.matches("as default", facts.Redis)
    assert.equal(before, lab:snapshot "coredb-urbanos")
    assert.is_nil(fs.stat(project .. "/.o2x"))
  end)

  for _, case in ipairs(CASES) do
    it("finds " .. case[1], function()
      local env = case[2]()
      local _undo <close> = defer(case.undo or function() end)
      local list, result = doctor(env)
      local text, mend = new_finding(list, case[3])
      assert.is_true(#mend > 0, text .. " has no remedy")
      if case[4] then assert.matches(case[4], mend) end
      if case.code then assert.equal(case.code, result.code, result.stderr) end
      assert.truthy(result.code == 2 or result.code == 4)
      if case.follow then
        local found = findings((doctor(case.follow(mend, env))))
        return assert.is_nil(found[text], mend)
      end
      if case.export then
        local name, value = mend:match "^export (%S+)=(%S+)$"
        env[name] = value
        return assert.is_nil(findings((doctor(env)))[text])
      end
      assert.is_true(case.paste, case[1])
      local pasted = lab:run({ "sh", "-c", mend }, { cwd = project, env = { PATH = env.PATH } })
      assert.equal(0, pasted.code, mend .. "\n" .. pasted.stderr)
      assert.is_nil(findings((doctor(env)))[text])
    end)
  end

  it("finds clocks that differ", function()
    assert.equal(0, lab:o2x({ "lab", "advance-clock", "600" }).code)
    local text, mend = new_finding((doctor()), "^Vault: the clocks differ")
    assert.matches("1?[09] min.* behind", text)
    assert.matches("timedatectl", mend)
  end)

  it("ends in time when everything hangs, and says what it waits for", function()
    local silent <close> = raw_server.serve(function() task.sleep(300) end, { silent = true })
    local at = "127.0.0.1:" .. silent.port
    local config = fs.read(lab.env.KUBECONFIG):gsub("127.0.0.1:%d+", at)
    write(project .. "/kubeconfig", config, tonumber("600", 8))
    local start = task.now()
    local list, result = doctor {
      PGPORT = tostring(silent.port),
      VAULT_ADDR = "http://" .. at,
      KUBECONFIG = project .. "/kubeconfig",
      REDIS_URL = "redis://" .. at,
      O2X_BROKER_URL = "http://" .. at,
      AWS_ENDPOINT_URL = "http://" .. at,
      O2X_LAB_DNS = at,
    }
    local seconds = task.now() - start
    assert.is_true(seconds < 20, ("%.1f s"):format(seconds)) -- 12 on a machine with nothing else to do
    assert.equal(4, result.code)
    assert.matches("waiting for .*Vault.* since %d", result.stderr)
    local states = {}
    for _, note in ipairs(list) do
      states[note.name] = note.state
    end
    for _, name in ipairs { "PostgreSQL", "Vault", "Kubernetes", "Redis", "Message broker", "AWS", "DNS" } do
      assert.equal("unreachable", states[name], name)
    end
  end)
end)

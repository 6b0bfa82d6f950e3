local exec = require "o2x.client.kubeconfig.exec"
local clock = require "o2x.base.clock"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"

local V1 <const> = "client.authentication.k8s.io/v1"

describe("a credential plugin", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  -- A plugin that counts its runs, keeps what it was told, and prints what the file "answer" has.
  local function plugin(status, fields, more)
    local script = '#!/bin/sh\ncd "$(dirname "$0")"\necho x >> runs\nenv > told\n' .. (more or "") .. "cat answer\n"
    fs.chmod(place:write("plugin", script), 493)
    place:write("answer", json.encode { apiVersion = V1, kind = "ExecCredential", status = status })
    local value = { apiVersion = V1, command = "./plugin", interactiveMode = "Never" }
    for name, field in pairs(fields or {}) do
      value[name] = field
    end
    return { path = place:at "config", name = "u", value = { exec = value } }
  end

  local function new(entry, allowed) return exec.new(entry, nil, { allowed or place:at "plugin" }, 2) end

  local function runs() return #(fs.read_if(place:at "runs") or "") // 2 end

  local function is(expected, value) assert.is_true(secret.equal(value, secret.new(expected, "x"))) end

  it("runs once, and again when it is forgotten", function()
    local one = new(plugin { token = "first-token" })
    local credential, renewed = one:credentials()
    is("first-token", credential.token)
    assert.is_true(renewed)
    credential, renewed = one:credentials()
    is("first-token", credential.token)
    assert.is_false(renewed)
    assert.equal(1, runs())
    one:forget()
    one:credentials()
    assert.equal(2, runs())
  end)

  it("runs once for tasks that ask at the same time", function()
    local one = new(plugin({ token = "a-token" }, nil, "sleep 0.2\n"))
    task.each({ 1, 2, 3, 4 }, function() one:credentials() end)
    assert.equal(1, runs())
  end)

  it("runs again when its credential has expired", function()
    local real = clock.now
    local one = new(plugin { token = "a-token", expirationTimestamp = clock.iso(real() + 3600) })
    one:credentials()
    clock.now = function() return real() + 3590 end
    one:credentials()
    local before = runs()
    clock.now = function() return real() + 3601 end
    one:credentials()
    clock.now = real
    assert.same({ 1, 2 }, { before, runs() })
  end)

  it("is not asked at every request where it gives what has expired", function()
    local one = new(plugin { token = "a-token", expirationTimestamp = "2020-01-01T00:00:00Z" })
    one:credentials()
    one:credentials()
    assert.equal(1, runs())
  end)

  it("is told of the request, and gets our environment without what is for other systems", function()
    local entry = plugin({ token = "a-token" }, { env = { { name = "WHO", value = "me" } }, provideClusterInfo = true })
    local program = require "o2x.core.program"
    local real = program.environment
    program.environment = function()
      local env = real()
      env.AWS_PROFILE, env.PGPASSWORD, env.VAULT_TOKEN, env.O2X_X = "p", "not-for-plugins", "not-for-plugins", "no"
      return env
    end
    local cluster = { path = "x", value = { server = "https://h", ["tls-server-name"] = "n" } }
    local one = exec.new(entry, exec.cluster(cluster, "CA"), { place:at "plugin" })
    local ok, err = pcall(one.credentials, one)
    program.environment = real
    assert.is_true(ok, tostring(err))
    local told = fs.read(place:at "told")
    assert.matches("WHO=me\n", told)
    assert.matches("AWS_PROFILE=p\n", told)
    assert.is_nil(told:find "not%-for%-plugins")
    assert.is_nil(told:find "O2X_X")
    assert.same({
      apiVersion = V1,
      kind = "ExecCredential",
      spec = {
        interactive = false,
        cluster = {
          server = "https://h",
          ["tls-server-name"] = "n",
          ["certificate-authority-data"] = "Q0E=",
          config = json.null,
        },
      },
    }, json.decode(told:match "KUBERNETES_EXEC_INFO=([^\n]*)"))
  end)

  it("may be allowed by another path of the same program", function()
    local entry = plugin { token = "a-token" }
    assert.is_truthy(new(entry, place:at "./plugin"):credentials())
  end)

  it("does not run where it is not allowed, and the hint names the variable", function()
    local one = new(plugin { token = "a-token" }, "/bin/false")
    local problem = raised(one.credentials, one)
    assert.matches("is not allowed", problem.message)
    assert.is_truthy(problem.hint:find("O2X_KUBE_EXEC_PLUGINS=" .. place:at "./plugin", 1, true) or problem.hint)
    assert.equal(0, runs())
  end)

  it("that hangs is stopped", function()
    local one = new(plugin({ token = "a-token" }, nil, "exec sleep 60\n"))
    local problem = raised(one.credentials, one)
    assert.matches("did not answer within 2 s", problem.message)
    assert.equal("unauthorised", problem.kind)
  end)

  it("that is not installed gives its own hint", function()
    local one = new(plugin({}, { command = "no-such-plugin", installHint = "\n  apt install it\nand more" }))
    local problem = raised(one.credentials, one)
    assert.matches("is not installed", problem.message)
    assert.equal("apt install it", problem.hint)
  end)

  it("that fails says why, in one line", function()
    local one = new(plugin({}, nil, "echo 'no session' >&2\necho more >&2\nexit 1\n"))
    local problem = raised(one.credentials, one)
    assert.matches("gave no credential: no session", problem.message)
    assert.is_nil(tostring(problem):find "\n")
  end)

  for what, fields in pairs {
    ["no command"] = { command = false },
    ["no apiVersion"] = { apiVersion = false },
    ["unknown apiVersion"] = { apiVersion = "client.authentication.k8s.io/v1alpha1" },
    ["no interactiveMode"] = { interactiveMode = false },
    ["unknown interactiveMode"] = { interactiveMode = "sometimes" },
    ["wants a terminal"] = { interactiveMode = "Always" },
    ["an entry without a name"] = { env = { { value = "x" } } },
  } do
    it("is refused before it runs: " .. what, function()
      local entry = plugin { token = "a-token" }
      for name, field in pairs(fields) do
        entry.value.exec[name] = field or nil
      end
      local problem = raised(new, entry)
      assert.matches(what, problem.message)
      assert.equal(place:at "config", problem.where)
      assert.is_string(problem.hint or what:find "entry" and "")
    end)
  end
end)

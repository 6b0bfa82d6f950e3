-- Who it was: what the system knows, and what is only said.

local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local identity = require "o2x.base.identity"
local proc = require "o2x.base.proc"

local function environment(variables)
  return function(name) return variables[name] end
end

describe("identity.here", function()
  local user, host = identity.here()

  it(
    "is the host's own name, without a line end",
    function() assert.equal(fs.read("/proc/sys/kernel/hostname"):match "^%S+", host) end
  )

  it("is the user of the process, whatever $USER says", function()
    assert.equal(proc.run({ argv = { "id", "-un" } }).stdout:match "%S+", user)
    local code = [[print((require("o2x.base.identity").here()))]]
    local script = fs.temp_folder "/tmp/o2x-identity-"
    fs.write(script .. "/a.lua", code)
    local result = proc.run {
      argv = { require("tests.support.build").dev, script .. "/a.lua" },
      env = { USER = "mallory", LOGNAME = "mallory", PATH = os.getenv "PATH" },
    }
    fs.remove_tree(script)
    assert.equal(user .. "\n", result.stdout)
  end)

  it("is a number where the system has no name for it", function()
    local core = require "o2x.core.fs"
    assert.is_nil(core.user_name(4000000000))
    assert.equal("root", core.user_name(0))
  end)
end)

describe("identity.details", function()
  local folder
  setup(function() folder = fs.temp_folder "/tmp/o2x-identity-" end)
  teardown(function() fs.remove_tree(folder) end)

  local function of(variables) return identity.details(environment(variables)) or {} end

  local function key_file(blob)
    fs.write(folder .. "/auth", ("publickey ssh-ed25519 %s\n"):format(crypto.base64(blob)))
    return { SSH_CONNECTION = "10.0.0.5 4711 10.0.0.9 22", SSH_USER_AUTH = folder .. "/auth" }
  end

  local function text(...)
    local parts = {}
    for i, part in ipairs { ... } do
      parts[i] = string.pack(">s4", part)
    end
    return table.concat(parts)
  end

  it("has the address and the key of an SSH login", function()
    local blob = text("ssh-ed25519", ("k"):rep(32))
    local found = of(key_file(blob))
    assert.equal("10.0.0.5", found.ssh.from)
    local fingerprint = crypto.base64(crypto.unhex(crypto.sha256(blob))):gsub("=+$", "")
    assert.equal("SHA256:" .. fingerprint, found.ssh.key)
    assert.matches("ssh from 10.0.0.5, SHA256:", identity.line(found), 1, true)
  end)

  it("has the id of a certificate", function()
    for kind, parts in pairs { ["ssh-ed25519"] = 1, ["ssh-rsa"] = 2, ["ecdsa-sha2-nistp256"] = 2 } do
      local blob = text(kind .. "-cert-v01@openssh.com", "nonce") .. text(table.unpack({ "a", "b" }, 1, parts))
      blob = blob .. string.pack(">I8I4", 7, 1) .. text("ann@example.com", "rest")
      assert.equal("certificate ann@example.com", of(key_file(blob)).ssh.key, kind)
    end
  end)

  it("does without what is damaged or missing", function()
    for _, blob in ipairs { "", "x", string.pack(">I4", 1 << 31), text "ssh-ed25519-cert-v01@openssh.com" } do
      assert.equal("10.0.0.5", of(key_file(blob)).ssh.from)
    end
    assert.is_nil(of({ SSH_CONNECTION = "10.0.0.5 1 2 3", SSH_USER_AUTH = folder .. "/none" }).ssh.key)
    assert.is_nil(of({}).ssh)
  end)

  it("has what a CI job says of itself", function()
    local found = of { GITLAB_CI = "true", CI = "true", CI_JOB_URL = "https://ci/1", GITLAB_USER_LOGIN = "ann" }
    assert.same({ system = "GitLab", job = "https://ci/1", user = "ann" }, found.ci)
    assert.same({ system = "CI" }, of({ CI = "1" }).ci)
    assert.matches("GitLab https://ci/1 for ann", identity.line(found), 1, true)
    assert.equal("ann", of({ SUDO_USER = "ann" }).sudo or "ann")
  end)

  it("may be nothing", function() assert.equal("", identity.line(nil)) end)
end)

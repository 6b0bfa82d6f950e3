-- o2x with HashiCorp Vault itself instead of the lab's simulator: TLS, a file store, an audit log, check-and-set as the
-- server does it. Looked at with Vault's own command line.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local reference = require "tests.support.reference"

local VAULT <const> = reference.find("vault", "bin/vault")
local TENANT <const>, ROLE <const> = "newclient", "o2x-newclient"

describe("Vault itself", function()
  if not VAULT then return pending "Vault is not there: run vendor/reference vault (some minutes)" end

  local lab
  setup(function() lab = labs.start { real = "vault" } end)
  teardown(function() lab:stop() end)

  local function vault(...) return lab:out(VAULT, ...) end
  local function secret(path) return json.decode(vault("kv", "get", "-format=json", "secret/" .. path)).data end
  local function fault(...) ok(lab:o2x { "lab", "fault", ... }) end

  -- What the server was asked, by its audit log: operation and path of each request.
  local function asked()
    local list = {}
    for line in fs.read(lab.dir .. "/vault/audit.log"):gmatch "[^\n]+" do
      local entry = json.decode(line)
      if entry.type == "request" then list[#list + 1] = entry.request.operation .. " " .. entry.request.path end
    end
    return list
  end

  local function writes_since(count)
    local found = {}
    for i, line in ipairs(asked()) do
      if i > count and line:find "^%l+ secret/" and not line:find "^read " then found[#found + 1] = line end
    end
    return found
  end

  it("is looked at by a plan, which writes nothing to it", function()
    local before = #asked()
    ok(lab:o2x { "plan", "onboard", TENANT })
    assert.is_true(#asked() > before)
    assert.same({}, writes_since(before))
  end)

  it("gets the secrets of an onboarding, each once", function()
    local before = #asked()
    ok(lab:o2x { "run", "onboard", TENANT })
    local admin = secret("tenant/" .. TENANT .. "/admin")
    assert.equal(1, admin.metadata.version)
    assert.is_true(#admin.data.password >= 16)
    local seen = {}
    for _, line in ipairs(writes_since(before)) do
      assert.is_nil(seen[line], "twice: " .. line)
      seen[line] = true
    end
    assert.truthy(next(seen))
  end)

  it("is not written by a second run, nor planned to be", function()
    local before = #asked()
    ok(lab:o2x { "run", "onboard", TENANT })
    assert.equal(0, lab:o2x({ "plan", "onboard", TENANT, "--detailed-exitcode" }).code)
    assert.same({}, writes_since(before))
  end)

  it("is said to be sealed, and the run goes on when it is open again", function()
    fault("vault", "sealed")
    local stopped = lab:o2x { "run", "onboard", "acme-sbx" }
    assert.not_equal(0, stopped.code)
    assert.matches("sealed", stopped.stderr)
    fault("vault", "off")
  end)

  it("has each secret once after an onboarding that was killed again and again", function()
    local before, kills = #asked(), 0
    local words, result = { "run", "onboard", "acme-sbx" }
    repeat
      result = lab:o2x(words, { env = { O2X_KILL_AT = "12" } })
      if result.signal == 9 then
        kills, words = kills + 1, { "resume" }
      end
    until result.signal ~= 9 or kills > 200
    ok(result)
    assert.is_true(kills > 10, kills .. " kills")
    assert.truthy(writes_since(before)[1])
    for _, line in ipairs(writes_since(before)) do
      assert.equal(1, secret(line:match "secret/data/(.*)").metadata.version, line)
    end
  end)

  it("refuses a token that ended, in one line that says what to do", function()
    fault("vault", "token-expired")
    local refused = lab:o2x { "plan", "onboard", TENANT }
    assert.not_equal(0, refused.code)
    assert.matches("VAULT_TOKEN", refused.stderr)
    fault("vault", "off")
    ok(lab:o2x { "plan", "onboard", TENANT })
  end)

  it("lets the policy that o2x prints do all that an audit and an onboarding need, and no more", function()
    local path = lab.dir .. "/policy.hcl"
    fs.write(path, ok(lab:o2x { "policy", TENANT, "--system=vault" }).stdout)
    vault("policy", "write", ROLE, path)
    local token = vault("token", "create", "-policy=" .. ROLE, "-field=token")
    local env = { env = { VAULT_TOKEN = token } }
    vault("kv", "metadata", "delete", "secret/tenant/" .. TENANT .. "/info")
    ok(lab:o2x({ "run", "onboard", TENANT }, env))
    assert.equal(1, secret("tenant/" .. TENANT .. "/info").metadata.version)
    local other = lab:run({ VAULT, "kv", "get", "secret/tenant/acme-sbx/info" }, env)
    assert.matches("permission denied", other.stderr)
  end)

  it("has what a run made taken away by its undo, and the next onboarding makes it again", function()
    local ids = json.decode(ok(lab:o2x { "runs", "--tenant=acme-sbx", "--json" }).stdout)
    local result = lab:o2x { "undo", ids[#ids].id, "--confirm=acme-sbx" }
    assert.equal(7, result.code, result.stderr) -- what services were asked to do stays
    local gone = lab:run { VAULT, "kv", "metadata", "get", "secret/tenant/acme-sbx/info" }
    assert.equal("No value found at secret/metadata/tenant/acme-sbx/info\n", gone.stderr)
    ok(lab:o2x { "run", "onboard", "acme-sbx" })
    assert.equal(1, secret("tenant/acme-sbx/info").metadata.version)
  end)
end)

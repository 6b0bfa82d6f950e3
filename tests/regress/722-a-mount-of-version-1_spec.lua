-- At a mount of version 1, or of another kind, or at none, secrets were "not there", were written to the wrong place,
-- and a run ended with a line about the shape of an answer. What Vault 1.21 answers there.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local vaults = require "tests.support.vault"

local function mount_of(kind, options) return 200, {}, json.encode { data = { type = kind, options = options } } end

-- Each case: what the mount is, what Vault answers about it and to a request below it, what is said, what to type.
local CASES <const> = {
  {
    "of version 1",
    function() return mount_of("kv", { version = "1" }) end,
    '{"errors":[]}',
    "Vault: secret/ is a key%-value store of version 1, and o2x needs a key%-value store of version 2",
    "vault kv enable%-versioning secret makes it one",
  },
  {
    "of another kind",
    function() return mount_of("ssh", json.null) end,
    '{"errors":["1 error occurred:\\n\\t* unsupported path\\n\\n"]}',
    "Vault: secret/ is of the kind ssh",
    "vault secrets enable %-path=ANOTHER %-version=2 kv",
  },
  {
    "that is not there",
    function() return 403, {}, '{"errors":["preflight capability check returned 403"]}' end,
    '{"errors":["no handler for route \\"secret/data/tenant/newclient/info\\". route entry not found."]}',
    "Vault: secret/ is no mount",
    "vault secrets enable %-path=secret %-version=2 kv",
  },
}

describe("a mount of Vault", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function against(case, words)
    local vault <close> = vaults.start()
    local writes = 0
    function vault.intercept(req)
      if req.path == "/v1/sys/internal/ui/mounts/secret" then return case[2]() end
      if not req.path:find "^/v1/secret/" then return nil end
      if req.method ~= "GET" then
        writes = writes + 1
        return 204, {}, ""
      end
      return 404, {}, case[3]
    end
    local result = lab:o2x(words, { env = { VAULT_ADDR = vault.addr, VAULT_TOKEN = vault.root } })
    return result, writes
  end

  for _, case in ipairs(CASES) do
    it(case[1] .. " is seen before anything is written", function()
      for _, words in ipairs { { "plan", "onboard", "newclient" }, { "run", "onboard", "newclient" } } do
        local result, writes = against(case, words)
        assert.are_not.equal(0, result.code)
        assert.matches(case[4], result.stderr .. result.stdout)
        assert.matches(case[5], result.stderr .. result.stdout)
        assert.equal(0, writes)
      end
      assert.equal("0", lab:sql("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'coredb-newclient'"))
    end)
  end

  it("of version 1 is a finding of o2x doctor, which asks once", function()
    local result = against(CASES[1], { "doctor", "newclient" })
    assert.equal(2, result.code)
    assert.matches("secret/ is a key%-value store of version 1", result.stdout)
  end)

  it("of version 2 is not asked about where a secret is there", function()
    local vault <close> = vaults.start()
    assert(vault.ask("PUT", "secret/data/tenant/newclient/info", { data = { tenant_id = "x" } }) == 200)
    lab:o2x({ "plan", "smoke", "newclient" }, { env = { VAULT_ADDR = vault.addr, VAULT_TOKEN = vault.root } })
    lab:o2x({ "plan", "onboard", "newclient" }, { env = { VAULT_ADDR = vault.addr, VAULT_TOKEN = vault.root } })
    local asked = 0
    for _, line in ipairs(vault.requests) do
      if line:find("internal/ui/mounts", 1, true) then asked = asked + 1 end
    end
    assert.is_true(asked <= 1, ("asked %d times"):format(asked))
  end)
end)

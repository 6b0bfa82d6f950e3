-- What a red check of the smoke test proposes mends: its lines are pasted as they are printed, what diagnose then
-- proposes, too, and the smoke test is green.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local ROUNDS <const> = 4 -- one mends what the next check needs: a password, then the test customer
local PASTE <const> = 120 -- seconds

local lab, path

local function vault(secret, method, data)
  local url = ("%s/v1/secret/%s"):format(lab.env.VAULT_ADDR, secret)
  lab:out("curl", "-fsS", "-X", method, "-H", "X-Vault-Token: " .. lab.env.VAULT_TOKEN, url, "-d", json.encode(data))
end

-- What is broken of a tenant that was adopted, and one that was made by hand: what, the check that sees it, how.
local BREAKS <const> = {
  {
    "a queue that is gone",
    "ActiveMQ queues",
    function(_, id)
      local broker = (lab.env.O2X_BROKER_URL:gsub("/+$", ""))
      local user = lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD
      local remove = "/api/jolokia/exec/org.apache.activemq:type=Broker,brokerName=localhost/removeQueue/"
      lab:out(
        "curl",
        "-fsS",
        "-H",
        "Origin: http://localhost",
        "-u",
        user,
        broker .. remove .. id .. ".billing.invoice"
      )
    end,
  },
  {
    "an info that Vault has no more",
    "Vault secrets accessible",
    function(tenant) vault(("metadata/tenant/%s/info"):format(tenant), "DELETE", {}) end,
  },
  {
    "a licence that Vault has no more",
    "Vault secrets accessible",
    function(tenant) vault(("metadata/tenant/%s/license/onboarding"):format(tenant), "DELETE", {}) end,
  },
  {
    "an administrator's password that Vault has no more",
    "Admin user can log in",
    function(tenant) vault(("metadata/tenant/%s/admin"):format(tenant), "DELETE", {}) end,
  },
  {
    "an administrator's password that is another one",
    "Admin user can log in",
    function(tenant)
      local user = lab:sql("coredb-" .. tenant, "select userid from core_config.users limit 1")
      vault(("data/tenant/%s/admin"):format(tenant), "PUT", { data = { username = user, password = "another" } })
    end,
  },
  {
    "a service that is gone",
    "All pods are running and healthy",
    function(tenant) lab:out("kubectl", "delete", "deployment", tenant .. "-service-usage") end,
  },
}

local function smoke(tenant)
  local result = lab:o2x { "smoke", tenant, "--json" }
  assert(result.code == 0 or result.code == 1, result.stderr .. result.stdout)
  return json.decode(result.stdout).result, result
end

-- What the words ask people to put into the secrets file.
local function follow_words(tenant, words)
  for fields, section in words:gmatch "put ([%w_, ]-),? into the tenant's secrets file, under ([%w-]+)" do
    local file = fs.join(lab.env.O2X_SECRETS, tenant .. ".yaml")
    local given = json.decode(fs.read_if(file) or "{}")
    given[section] = {}
    for field in fields:gmatch "[%w_]+" do
      given[section][field] = "given-" .. field
    end
    fs.write(file, json.encode(given), { mode = 384 })
  end
end

local function paste(command)
  local said = lab:run({ "bash", "-c", command }, { env = { PATH = path }, timeout = PASTE })
  assert(said.code, command .. " does not end")
end

local function paste_findings(tenant)
  local known = {}
  local rows = json.decode(lab:o2x({ "diagnose", tenant, "--json" }).stdout).result or {}
  for _, row in ipairs(rows) do
    follow_words(tenant, row.fix)
  end
  for _, row in ipairs(rows) do
    if row.mend and not known[row.mend] then paste(row.mend) end
    known[row.mend or ""] = true
  end
end

local function is_mended(tenant)
  local last
  for _ = 1, ROUNDS do
    local rows, result = smoke(tenant)
    local done = {}
    last = result
    if result.code == 0 then return end
    for _, row in ipairs(rows) do
      local waits = (row.found or ""):find "not tried: "
      assert(row.ok or row.next or waits, ("%s: %s: no line"):format(row.check, row.found))
      follow_words(tenant, row.next or "")
      local command = (row.next or ""):match "o2x run .*" or row.next
      if command and not done[command] then
        if command:find "^o2x run diagnose" then paste_findings(tenant) end
        paste(command)
      end
      done[command or ""] = true
    end
  end
  error(last.stdout .. last.stderr)
end

for _, state in ipairs { "made by hand", "adopted" } do
  describe("what the smoke test proposes for a tenant " .. state, function()
    setup(function()
      lab = labs.start { tenants = "all" }
      path = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH"
    end)
    teardown(function() lab:stop() end)

    for _, tenant in ipairs { "demo", "urbanos", "coopegenergy" } do
      it("makes " .. tenant .. " green", function()
        if state == "adopted" then ok(lab:o2x { "adopt", tenant }) end
        is_mended(tenant)
      end)
    end

    for _, row in ipairs(BREAKS) do
      it("ends " .. row[1], function()
        local tenant = "demo"
        row[3](tenant, lab:sql("enginedevdb", ("select id from core_config.tenant where name = '%s'"):format(tenant)))
        local seen
        for _, one in ipairs((smoke(tenant))) do
          seen = seen or one.check == row[2] and not one.ok
        end
        assert.is_true(seen)
        is_mended(tenant)
      end)
    end
  end)
end

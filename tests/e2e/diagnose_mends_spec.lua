-- What diagnose proposes mends: for each tenant of the guide, made by hand, or adopted, and then broken, its lines are
-- pasted as they are printed, after what their words ask people to do, and then the findings are gone.
local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

local PASTE <const> = 120 -- seconds: a line that waits for what cannot come mends nothing

-- Each state has a lab of its own: how the tenants come into it, and which they are.
local SEVEN <const> = { "coopeg-prd", "coopeg-sbx", "coopegenergy", "demo", "dev", "shm", "urbanos" }
local STATES <const> = {
  { "made by hand", SEVEN },
  { "adopted", SEVEN, command = "adopt" },
  { "onboarded", { "newclient" }, command = "onboard" },
}

-- What is broken, and what is found: subject and finding (patterns). %s is the tenant's id.
local BREAKS <const> = {
  {
    "demo",
    "a merchant that is gone",
    "QUICKBOOKS",
    "merchant is not configured",
    sql = "delete from core_config.finance_gateway_attributes; delete from core_config.oauth2_attributes;"
      .. "delete from core_config.tenant_merchants where name = 'QUICKBOOKS'",
  },
  {
    "dev",
    "a merchant that is off",
    "STRIPE",
    "merchant is INACTIVE",
    sql = "update core_config.tenant_merchants set status = 'INACTIVE' where name = 'STRIPE'",
  },
  {
    "urbanos",
    "an invoice template that is gone",
    "core_config.invoice_template",
    "no invoice template",
    sql = "delete from core_config.invoice_template",
  },
  {
    "coopeg-prd",
    "a tenant that is suspended",
    "core_config.tenant",
    "tenant is SUSPENDED",
    sql = "update core_config.tenant set status = 'SUSPENDED'",
  },
  {
    "shm",
    "a service that is gone",
    "service-usage",
    "is not deployed",
    kubectl = { "delete", "deployment", "shm-service-usage" },
  },
  {
    "coopeg-sbx",
    "an environment that was changed",
    "service-usage",
    "AMQ_BROKER_URL is ssl://elsewhere:1",
    kubectl = { "set", "env", "deployment/coopeg-sbx-service-usage", "AMQ_BROKER_URL=ssl://elsewhere:1" },
  },
  {
    "newclient",
    "an invoice template that is gone",
    "core_config.invoice_template",
    "no invoice template",
    sql = "delete from core_config.invoice_template",
  },
  {
    "dev",
    "a name that leads elsewhere",
    "dev.embrix.com",
    "it leads elsewhere",
    name = "dev.embrix.com",
  },
  {
    "newclient",
    "a name that leads elsewhere",
    "api.newclient.embrix.com",
    "it leads elsewhere",
    name = "api.newclient.embrix.com",
  },
  {
    "demo",
    "an ingress that is gone",
    "demo-tls-cert",
    "there is no certificate",
    kubectl = { "delete", "ingress/demo-ingress", "certificate/demo-tls-cert", "--ignore-not-found" },
  },
}

local function describe_state(state, tenants, command)
  local lab, path
  setup(function()
    lab = labs.start { tenants = "all" }
    path = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH"
  end)
  teardown(function() lab:stop() end)

  local function diagnose(tenant)
    local result = lab:o2x { "diagnose", tenant, "--json" }
    assert(result.code == 0 or result.code == 2, result.stderr .. result.stdout)
    return json.decode(result.stdout).result or {}
  end

  local function is_in(rows, one)
    for _, row in ipairs(rows) do
      if row.subject == one.subject and row.finding == one.finding then return true end
    end
    return false
  end

  -- What the words ask people to put into the secrets file, before the command.
  local function follow_words(tenant, rows)
    local file, sections = fs.join(lab.env.O2X_SECRETS, tenant .. ".yaml"), {}
    for _, row in ipairs(rows) do
      for fields, section in row.fix:gmatch "put ([%w_, ]-),? into the tenant's secrets file, under ([%w-]+)" do
        sections[section] = sections[section] or {}
        for field in fields:gmatch "[%w_]+" do
          sections[section][field] = "given-" .. field
        end
      end
    end
    if next(sections) then fs.write(file, json.encode(sections), { mode = 384 }) end
  end

  local function paste(row)
    local said = lab:run({ "bash", "-c", row.mend }, { env = { PATH = path }, timeout = PASTE })
    assert(said.code, row.mend .. " does not end")
    return said
  end

  -- All lines, each once, in their order. The last one leaves the tenant as its file has it.
  local function are_mended(tenant, rows)
    follow_words(tenant, rows)
    local known, last = {}, nil
    for _, row in ipairs(rows) do
      assert.is_truthy(row.mend or row.look, row.fix)
      if row.mend and not known[row.mend] then
        known[row.mend], last = true, paste(row)
      end
    end
    if last then ok(last) end
    local after = diagnose(tenant)
    for _, row in ipairs(rows) do
      assert(not row.mend or not is_in(after, row), ("%s: %s\n%s"):format(row.subject, row.finding, row.fix))
    end
  end

  local function point_elsewhere(name)
    local record = { Name = name, Type = "CNAME", TTL = 60, ResourceRecords = { { Value = "elsewhere.example.com" } } }
    local batch = json.encode { Changes = { { Action = "UPSERT", ResourceRecordSet = record } } }
    local words = { "route53", "change-resource-record-sets", "--hosted-zone-id", lab:zone(), "--change-batch", batch }
    table.move({ "--query", "ChangeInfo.Id", "--output", "text" }, 1, 4, #words + 1, words)
    local id = lab:out("aws", table.unpack(words)):match "%S+"
    lab:out("aws", "route53", "wait", "resource-record-sets-changed", "--id", id)
  end

  local function break_it(tenant, row)
    local file = fs.read(fs.join(lab.platform, "tenants", tenant .. ".yaml"))
    if row.sql then lab:sql(file:match "database: (%S+)" or "coredb-" .. tenant, row.sql) end
    if row.kubectl then lab:out("kubectl", table.unpack(row.kubectl)) end
    if row.name then point_elsewhere(row.name) end
  end

  local function found(rows, row)
    for _, one in ipairs(rows) do
      if one.subject == row[3] and one.finding:find(row[4]) then return end
    end
    error(json.encode(rows))
  end

  for _, tenant in ipairs(tenants) do
    it(("mends %s, %s"):format(tenant, state), function()
      if command then ok(lab:o2x { command, tenant }) end
      are_mended(tenant, diagnose(tenant))
    end)
    for _, row in ipairs(BREAKS) do
      if row[1] == tenant then
        it(("mends %s of %s, %s"):format(row[2], tenant, state), function()
          break_it(tenant, row)
          local rows = diagnose(tenant)
          found(rows, row)
          are_mended(tenant, rows)
        end)
      end
    end
  end
end

for _, state in ipairs(STATES) do
  describe("what diagnose proposes", function() describe_state(state[1], state[2], state.command) end)
end

-- The tenants of the guide that the lab seeds whole when it is asked for them, seen by the ordinary clients.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local yaml = require "o2x.base.yaml"

local GRANTED <const> = { "coopeg-prd", "coopeg-sbx", "demo", "dev", "shm" } -- those that are whole
local ALL <const> = { "coopeg-prd", "coopeg-sbx", "coopegenergy", "demo", "dev", "shm" }
local DATABASES <const> = { dev = "enginedevdb" }

local function database(name) return DATABASES[name] or "coredb-" .. name end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    list[#list + 1] = line
  end
  return list
end

describe("the lab with all tenants", function()
  local lab

  setup(function() lab = labs.start { tenants = "all" } end)
  teardown(function() lab:stop() end)

  local function file(name) return yaml.decode(fs.read("examples/platform/tenants/" .. name .. ".yaml"), name) end

  -- Helm's own words on the releases of a tenant: name → app version, revision, status.
  local function releases(name)
    local found = {}
    for _, release in ipairs(json.decode(lab:out("helm", "list", "--max=500", "-a", "-o", "json"))) do
      local service = release.name:match("^" .. name:gsub("%-", "%%-") .. "%-(.+)$")
      if service then found[service] = release end
    end
    return found
  end

  local function count(map)
    local number = 0
    for _ in pairs(map) do
      number = number + 1
    end
    return number
  end

  it("has each in its own database, with its integrations", function()
    for _, name in ipairs(GRANTED) do
      local tenant, wanted = file(name), {}
      for i, item in ipairs(tenant.integrations) do
        wanted[i] = ("%s|%d|%s"):format(tenant.id, item.index, item.name)
      end
      local query = "select id, index, name from core_config.tenant_merchants order by index"
      assert.same(wanted, lines(lab:sql(database(name), query)))
      query = "select userid, status from core_config.users"
      assert.equal(tenant.admin.email .. "|ACTIVE", lab:sql(database(name), query))
    end
    assert.equal("demo", lab:sql("coredb-demo", "select name from core_config.tenant"))
  end)

  it("has releases that helm would make of the same values, to the byte", function()
    for _, of in ipairs {
      { "coopeg-prd", "service-billing", "core" },
      { "coopeg-sbx", "service-usage", "core" },
      { "demo", "crm-gateway", "crm_gateway" },
      { "dev", "service-sso", "core" },
      { "shm", "tax-gateway", "tax-gateway" },
    } do
      local name, service, folder = table.unpack(of)
      local release = name .. "-" .. service
      local values = ("%s/helm_values/%s/%s.yaml"):format(folder, name, service)
      local chart = ("%s/charts/%s"):format(folder, service)
      local made = lab:run({ "helm", "template", release, chart, "-f", values }, { cwd = lab.platform })
      assert.equal(0, made.code, made.stderr)
      assert.equal((made.stdout:gsub("\n+$", "")), (lab:out("helm", "get", "manifest", release):gsub("\n+$", "")))
      local stored = json.decode(lab:out("helm", "get", "values", release, "-o", "json"))
      assert.same(yaml.decode(fs.read(fs.join(lab.platform, values)), values), stored)
    end
  end)

  it("runs every service of those that are whole, in their versions", function()
    for _, name in ipairs(GRANTED) do
      assert.equal(16, count(releases(name)), name)
      local deployments = lab:kubectl("get", "deployments", "-l", "tenant=" .. name, "-o", "json").items
      assert.equal(16, #deployments, name)
      for _, deployment in ipairs(deployments) do
        assert.equal(deployment.spec.replicas, deployment.status.readyReplicas, deployment.metadata.name)
        assert.equal("Helm", deployment.metadata.labels["app.kubernetes.io/managed-by"])
        local image = deployment.spec.template.spec.containers[1].image
        local pinned = deployment.metadata.name == "shm-tax-gateway" and "v2.4.9"
        assert.equal(pinned or name == "coopeg-prd" and "v2.4.3" or "v2.5.0", image:match ":(.*)")
      end
    end
    assert.equal(2, tonumber(releases("shm")["tax-gateway"].revision))
  end)

  it("has nothing that o2x manages, and what kubectl apply leaves", function()
    local kinds = "deployments,services,persistentvolumeclaims,ingresses,configmaps,secrets"
    assert.equal("", lab:out("kubectl", "get", kinds, "-A", "-l", "app.kubernetes.io/managed-by=o2x", "-o", "name"))
    for _, name in ipairs(ALL) do
      local claim = lab:kubectl("get", "pvc", name .. "-data-pvc", "-o", "json", "--show-managed-fields")
      assert.equal("Bound", claim.status.phase)
      assert.equal("kubectl-client-side-apply", claim.metadata.managedFields[1].manager)
      local path = ("k8s/%s-data-pvc.yaml"):format(name)
      local again = lab:run({ "kubectl", "apply", "-f", path }, { cwd = lab.platform })
      assert.equal(("persistentvolumeclaim/%s-data-pvc unchanged\n"):format(name), again.stdout)
    end
  end)

  it("has credentials in Vault, of each integration", function()
    for _, name in ipairs(GRANTED) do
      local tenant = file(name)
      assert.same(
        { tenant_id = tenant.id, tenant_name = name, environment = tenant.environment },
        (lab:vault(("tenant/%s/info"):format(name)))
      )
      for _, item in ipairs(tenant.integrations) do
        local path = item.name:lower():gsub("_", "-")
        assert.truthy(lab:vault(("tenant/%s/%s"):format(name, path)), name .. " " .. path)
      end
      assert.equal(tenant.admin.email, lab:vault(("tenant/%s/admin"):format(name)).username)
      local row = lab:sql("enginedevdb", ("select licensekey from core_config.tenant where name = '%s'"):format(name))
      assert.equal(row, lab:vault(("tenant/%s/license/onboarding"):format(name)).license_key)
    end
  end)

  it("answers each by HTTPS, behind its own name", function()
    local address = lab.env.O2X_LAB_HTTPS
    for _, name in ipairs(ALL) do
      local host = ("api.%s.embrix.com"):format(name)
      assert.truthy(lab:dig(host, "CNAME"):find("elb", 1, true), host)
      local url = ("https://%s/graphql"):format(host)
      local to = host .. ":443:" .. address
      local answer = lab:out("curl", "-sS", "-d", "{}", "--cacert", lab.env.O2X_LAB_CA, "--connect-to", to, url)
      assert.truthy(answer:find("UNAUTHENTICATED", 1, true), name .. ": " .. answer)
    end
  end)

  it("has queues and keys of each", function()
    for _, name in ipairs(GRANTED) do
      local id = file(name).id
      local keys = lines(lab:out("redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning", "KEYS", id .. ":*"))
      assert.truthy(#keys >= 5, name)
      local broker = "/api/jolokia/read/org.apache.activemq:type=Broker,brokerName=localhost/Queues"
      local login = lab.env.O2X_BROKER_USER .. ":" .. lab.env.O2X_BROKER_PASSWORD
      local answer =
        lab:out("curl", "-sS", "-g", "-H", "Origin: http://localhost", "-u", login, lab.env.O2X_BROKER_URL .. broker)
      local _, found = answer:gsub("destinationName=" .. id:gsub("%-", "%%-") .. "%.", "")
      assert.equal(4, found, name)
    end
  end)

  it("passes the smoke test for those that are whole", function()
    for _, name in ipairs(GRANTED) do
      local smoke = lab:o2x { "smoke", name }
      assert.equal(0, smoke.code, name .. ": " .. smoke.stdout .. smoke.stderr)
    end
  end)

  it("leaves one half configured, and says so", function()
    local found = releases "coopegenergy"
    assert.equal(15, count(found))
    assert.is_nil(found["payment-gateway"])
    local query = "select name from core_config.tenant_merchants"
    assert.equal("NETSUITE", lab:sql("coredb-coopegenergy", query))
    assert.is_nil((lab:vault "tenant/coopegenergy/authorize-net"))
    assert.is_nil((lab:vault "tenant/coopegenergy/admin"))
    local alerts = lab:run { "kubectl", "get", "prometheusrule", "-n", "monitoring", "coopegenergy-alerts" }
    assert.truthy(alerts.stderr:find("NotFound", 1, true))
    assert.is_false(fs.exists(fs.join(lab.platform, "docs/runbooks/TENANT_coopegenergy.md")))
    assert.equal(1, lab:o2x({ "smoke", "coopegenergy" }).code)
  end)

  it("has a handoff document of each other one, with its own integrations", function()
    local text = fs.read(fs.join(lab.platform, "docs/runbooks/TENANT_shm.md"))
    assert.truthy(text:find("**Finance:** NetSuite (Production)", 1, true))
    assert.truthy(text:find("secret/tenant/shm/authorize-net", 1, true))
    assert.is_nil(text:lower():find "urbanos")
    assert.is_nil(text:find "Broadsoft")
  end)

  it("has no word of the tenant that they are made like", function()
    for _, name in ipairs(ALL) do
      local found = lab:run(
        { "sh", "-c", ('find . -path "*%s*" -type f ! -path "./tenants/*" -exec grep -il urbanos {} +'):format(name) },
        { cwd = lab.platform }
      )
      assert.equal("", found.stdout)
    end
  end)

  it("is seeded once", function()
    assert.equal(0, lab:o2x({ "lab", "up", "--tenants=demo" }).code)
    local unknown = lab:o2x { "lab", "up", "--tenants=demo,nobody" }
    assert.equal(3, unknown.code)
    assert.truthy(unknown.stderr:find('has no seed of a tenant "nobody"', 1, true), unknown.stderr)
    assert.truthy(unknown.stderr:find("coopeg-prd, coopeg-sbx, coopegenergy, demo, dev, shm", 1, true))
  end)
end)

describe("a lab that was seeded without them", function()
  it("says how to get them", function()
    local lab = labs.start()
    local _ <close> = setmetatable({}, { __close = function() lab:stop() end })
    local more = lab:o2x { "lab", "up", "--tenants=demo" }
    assert.equal(3, more.code)
    assert.truthy(more.stderr:find("was seeded without the tenant demo", 1, true), more.stderr)
    assert.truthy(more.stderr:find("o2x lab remove && o2x lab up", 1, true))
    assert.equal(0, lab:o2x({ "lab", "down" }).code)
    assert.equal(3, lab:o2x({ "lab", "up", "--tenants=demo" }).code)
    assert.equal(0, lab:o2x({ "lab", "reset" }).code)
    assert.equal(0, lab:o2x({ "lab", "up", "--tenants=demo" }).code)
    assert.equal("32", lab:out("sh", "-c", "helm list -q --max=500 | wc -l"):match "%d+")
  end)
end)

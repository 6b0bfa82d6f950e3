-- The main job, looked at with the ordinary clients: plan, run, run again, crash and resume, two at once.

local build = require "tests.support.build"
local counting_helm = require "tests.support.counting_helm"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local ONBOARD = "runbooks/onboard.lua"

describe("onboarding", function()
  local lab, folder, helm, counted
  setup(function()
    lab, folder = labs.start(), fs.temp_folder()
    helm = counting_helm.new(folder)
    counted = { env = { O2X_HELM_COMMAND = helm.path, XDG_CACHE_HOME = fs.join(folder, "cache") } }
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  it("can be seen before it happens: the plan sends reads only and says what would be made", function()
    local before = lab:snapshot "coredb-newclient"
    local plan = ok(lab:o2x { "plan", ONBOARD, "newclient", "--json" })
    assert.equal(before, lab:snapshot "coredb-newclient")
    local planned = json.decode(plan.stdout)
    assert.is_true(planned.totals.create > 50)
    local text = ok(lab:o2x { "plan", ONBOARD, "newclient" }).stdout
    for _, expected in ipairs {
      "coredb%-newclient",
      "quickbooks",
      "service%-transactional.yaml",
      "newclient%-service%-proxy",
      "newclient%-ingress",
      "api.newclient.embrix.com",
    } do
      assert.matches(expected, text)
    end
    assert.is_nil(text:find("sk_live_lab_newclient", 1, true))
    assert.equal(2, lab:o2x({ "plan", ONBOARD, "newclient", "--detailed-exitcode" }).code)
  end)

  it("makes the tenant", function()
    ok(lab:o2x({ "run", ONBOARD, "newclient" }, counted))
    assert.equal("version" .. (" upgrade"):rep(16), helm:words())
    assert.equal("TIDLT-100008", lab:sql("enginedevdb", "select id from core_config.tenant where name = 'newclient'"))
    assert.equal(
      "UTF8|100|admin",
      lab:sql(
        "postgres",
        [[
        select pg_encoding_to_char(encoding), datconnlimit, pg_get_userbyid(datdba)
        from pg_database where datname = 'coredb-newclient']]
      )
    )
    assert.equal("t", lab:sql("coredb-newclient", "select bool_and(success) from public.flyway_schema_history"))
    assert.equal(
      "TIDLT-100008|newclient|ACTIVE",
      lab:sql("coredb-newclient", "select id, name, status from core_config.tenant")
    )
    assert.equal(
      "QUICKBOOKS|0\nSTRIPE|1\nAVALARA|2",
      lab:sql("coredb-newclient", "select name, index from core_config.tenant_merchants order by index")
    )
    assert.equal(
      "30",
      lab:sql(
        "coredb-newclient",
        "select property_value from core_config.tenant_property_defaults where property_key = 'invoice.due_days'"
      )
    )
    assert.equal(
      "t",
      lab:sql(
        "coredb-newclient",
        "select password ~ '^\\$2[aby]\\$1[0-9]\\$' from core_config.users where email = 'admin@newclient.com'"
      )
    )
    local deployments = lab:kubectl("get", "deployments", "-l", "tenant=newclient", "-o", "json").items
    assert.equal(16, #deployments)
    for _, deployment in ipairs(deployments) do
      assert.equal(deployment.spec.replicas, deployment.status.readyReplicas, deployment.metadata.name)
      assert.equal(deployment.metadata.name, deployment.metadata.labels.app)
    end
    local balancer = lab:out(
      "kubectl",
      "get",
      "svc",
      "-n",
      "ingress-nginx",
      "ingress-nginx-controller",
      "-o",
      "jsonpath={.status.loadBalancer.ingress[0].hostname}"
    )
    for _, host in ipairs { "newclient.embrix.com", "api.newclient.embrix.com", "anything.newclient.embrix.com" } do
      assert.equal(balancer .. ".", lab:dig(host, "CNAME"))
    end
    assert.equal("TIDLT-100008", lab:vault("tenant/newclient/info").tenant_id)
  end)

  it("has done side by side what needs nothing of each other", function()
    local run = lab:o2x({ "runs", "--json" }).stdout:match "R%-%d+%-%d+%-%x+"
    local first, number = {}, 0 -- the first record of a kind of a step: "KIND PATH" → its number
    for line in io.lines(fs.join(lab.store, run, "journal")) do
      local kind = line:sub(-30):match '"t":"(%l+)"}$'
      local path = (kind == "step" or kind == "done") and line:match '"path":"([^"]*)"'
      number = number + 1
      if path then first[kind .. " " .. path] = first[kind .. " " .. path] or number end
    end
    local function at(path, kind) return assert(first[kind .. " " .. path], path .. " " .. kind) end
    for one, other in pairs {
      ["Create the database"] = "Write the Helm values",
      ["Deploy"] = "Create the DNS records",
      ["Run the test customer workflow"] = "Set up monitoring and alerts",
    } do
      assert.is_true(at(one, "step") < at(other, "done") and at(other, "step") < at(one, "done"), one)
    end
    assert.is_true(at("Apply the tenant's customisation", "done") < at("Deploy", "step"))
    assert.is_true(at("Verify the services", "done") < at("Run the test customer workflow", "step"))
  end)

  it("writes the guide's own files, value for value", function()
    local function yaml_of(path) return yaml.decode(fs.read(path), path) end
    for name, path in pairs {
      ["service-transactional.yaml"] = "core/helm_values/newclient/service-transactional.yaml",
      ["finance-gateway.yaml"] = "finance-gateway/helm_values/newclient/finance-gateway.yaml",
    } do
      assert.same(yaml_of("tests/support/guide/" .. name), yaml_of(fs.join(lab.platform, path)))
    end
    local ingress = lab:kubectl("get", "ingress", "newclient-ingress", "-o", "json")
    local wanted = yaml_of "tests/support/guide/ingress.yaml"
    -- One path more than the guide's: it tells payment providers to send to /webhooks, and leaves no way in for them.
    assert.equal("/webhooks", table.remove(ingress.spec.rules[2].http.paths).path)
    assert.same(wanted.spec, { tls = ingress.spec.tls, rules = ingress.spec.rules })
    for key, value in pairs(wanted.metadata.annotations) do
      assert.equal(value, ingress.metadata.annotations[key])
    end
  end)

  it("keeps what the guide would give away: secrets are in Vault only", function()
    local license = lab:vault "tenant/newclient/license/onboarding"
    assert.is_true(#license.decrypt_key >= 32)
    local admin = lab:vault "tenant/newclient/admin"
    assert.are_not.equal("ChangeMe123!", admin.password)
    for _, value in ipairs { license.decrypt_key, admin.password, lab:vault("tenant/newclient/stripe").api_key } do
      for _, place in ipairs { lab.platform, lab.store, folder } do
        assert.equal(1, lab:run({ "grep", "-rqF", "--", value, place }).code)
      end
    end
  end)

  it("changes nothing the second time, and the plan is empty", function()
    local before = lab:snapshot "coredb-newclient"
    local again = json.decode(ok(lab:o2x({ "run", ONBOARD, "newclient", "--json" }, counted)).stdout)
    assert.equal(0, again.totals.create + again.totals.change + again.totals.delete)
    assert.equal(before, lab:snapshot "coredb-newclient")
    assert.equal(0, lab:o2x({ "plan", ONBOARD, "newclient", "--detailed-exitcode" }, counted).code)
    assert.equal("", helm:words())
  end)

  it("finishes after being killed at every third effect, with nothing done twice", function()
    local words, kills = { "run", ONBOARD, "acme-sbx" }, 0
    local arrows = build.sanitized and "48" or "12"
    local result
    repeat
      result = lab:o2x(words, { env = { O2X_KILL_AT = arrows } })
      if result.signal == 9 then
        kills = kills + 1
        words = { "resume" }
      end
    until result.signal ~= 9 or kills > 200
    ok(result)
    assert.is_true(kills > (build.sanitized and 3 or 10), kills .. " kills")
    assert.equal("1", lab:sql("enginedevdb", "select count(*) from core_config.tenant where name = 'acme-sbx'"))
    assert.equal(
      "0",
      lab:sql(
        "coredb-acme-sbx",
        "select count(*) - count(distinct version) from public.flyway_schema_history where version is not null"
      )
    )
    local releases = json.decode(lab:out("helm", "list", "-o", "json", "--max", "0", "--filter", "^acme-sbx-"))
    assert.equal(16, #releases)
    for _, release in ipairs(releases) do
      assert.equal("deployed", release.status, release.name)
    end
    local _, metadata = lab:vault "tenant/acme-sbx/netsuite"
    assert.equal(1, metadata.version)
    assert.equal(0, lab:o2x({ "plan", ONBOARD, "acme-sbx", "--detailed-exitcode" }).code)
    assert.equal(
      "",
      (lab:sql("coredb-acme-sbx", "select name from core_config.tenant_merchants where type = 'CRM_GATEWAY'"))
    )
  end)

  it("gives two onboardings at once two ids, and neither touches the other's", function()
    local tenants = fs.join(lab.platform, "tenants")
    local secrets = fs.join(lab.env.O2X_SECRETS, "newclient.yaml")
    for _, name in ipairs { "newclient-sbx", "newclient-dev" } do
      local text = fs.read(fs.join(tenants, "newclient.yaml"))
        :gsub("name: newclient\n", "name: " .. name .. "\n")
        :gsub("newclient%.embrix%.com", name .. ".embrix.com")
      fs.write(fs.join(tenants, name .. ".yaml"), text)
      fs.write(fs.join(lab.env.O2X_SECRETS, name .. ".yaml"), fs.read(secrets), { mode = 384 })
    end
    local first = lab:out(
      "kubectl",
      "get",
      "deployments",
      "-l",
      "tenant=newclient",
      "-o",
      "jsonpath={.items[*].metadata.generation}"
    )
    local results = task.parallel {
      sbx = function() return lab:o2x { "run", ONBOARD, "newclient-sbx" } end,
      dev = function() return lab:o2x { "run", ONBOARD, "newclient-dev" } end,
    }
    ok(results.sbx)
    ok(results.dev)
    assert.equal(
      "2",
      lab:sql(
        "enginedevdb",
        "select count(distinct id) from core_config.tenant where name in ('newclient-sbx', 'newclient-dev')"
      )
    )
    assert.equal(
      first,
      lab:out(
        "kubectl",
        "get",
        "deployments",
        "-l",
        "tenant=newclient",
        "-o",
        "jsonpath={.items[*].metadata.generation}"
      )
    )
  end)

  it("copies another tenant's values with every specific value replaced and the comments kept", function()
    local name = "fromurbanos"
    local text = fs.read(fs.join(lab.platform, "tenants/newclient.yaml"))
      :gsub("name: newclient\n", "name: " .. name .. "\n")
      :gsub("newclient%.embrix%.com", name .. ".embrix.com")
    fs.write(fs.join(lab.platform, "tenants/" .. name .. ".yaml"), text)
    fs.write(
      fs.join(lab.env.O2X_SECRETS, name .. ".yaml"),
      fs.read(fs.join(lab.env.O2X_SECRETS, "newclient.yaml")),
      { mode = 384 }
    )
    ok(lab:o2x { "run", ONBOARD, name, "from=urbanos" })
    local values = fs.read(fs.join(lab.platform, "core/helm_values/" .. name .. "/service-proxy.yaml"))
    assert.is_nil(values:find("urbanos[^%w]") and not values:find("fromurbanos") or nil)
    assert.is_nil(values:gsub("fromurbanos", ""):find("urbanos", 1, true))
    assert.is_nil(values:find("TIDLT-100005", 1, true))
    assert.matches("# The only way in for clients", values)
  end)
end)

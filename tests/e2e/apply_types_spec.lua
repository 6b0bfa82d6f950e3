-- A plan in a file for effects of many types, against a lab: it is done as it was shown, in order and value; what
-- somebody else changes meanwhile is refused with three values (planned on, now, would become), and stays.

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local RUNBOOK <const> = [[
local broker = require "o2x.broker"
local dns = require "o2x.dns"
local files = require "o2x.files"
local k8s = require "o2x.k8s"
local pg = require "o2x.pg"
local vault = require "o2x.vault"

return require "o2x.runbook" {
  name = "one", version = "1.0.0", api = 1, summary = "A test: one effect of each type",
  params = { what = { "string", help = "x" }, value = { "string", help = "x" } },
  effects = { "pg:write", "files:write", "k8s:write", "dns:write", "vault:write", "broker:write" },
  run = function(tenant, params)
    local v = params.value
    local write = {
      ["vault.secret"] = function() vault.ensure("guarded", { a = v }) end,
      ["k8s.replicas"] = function() k8s.scale("Deployment", "urbanos-service-sso", tonumber(v), { wait = false }) end,
      ["k8s.fields"] = function()
        k8s.set("Deployment", "urbanos-service-sso", { metadata = { annotations = { theirs = v } } })
      end,
      ["file.text"] = function() files.ensure("core/helm_values/urbanos/service-sso.yaml", v .. ": 1\n") end,
      ["pg.row"] = function() pg.control:ensure_row("core_config.tenant", { name = tenant.name }, { status = v }) end,
      ["pg.database"] = function()
        pg.admin:ensure_database("coredb-urbanos", { owner = "admin", connection_limit = tonumber(v) })
      end,
      ["dns.record"] = function()
        dns.ensure_record {
          name = "api." .. tenant.domain, type = "CNAME", values = { v .. ".example.com" }, takeover = true,
        }
      end,
    }
    step("Before", function() end)
    step("Write", write[params.what])
  end,
}
]]

local SSO <const> = "{platform}/core/helm_values/urbanos/service-sso.yaml"
local PUT <const> = [[curl -fsS -H "X-Vault-Token: $VAULT_TOKEN" -d '{"data":{"a":"%s"}}' ]]
  .. "$VAULT_ADDR/v1/secret/data/tenant/urbanos/guarded"
local RECORD <const> = [[{"Changes":[{"Action":"UPSERT","ResourceRecordSet":{"Name":"api.urbanos.embrix.com",
  "Type":"CNAME","TTL":300,"ResourceRecords":[{"Value":"theirs.example.com"}]}}]}]]

-- Two values, what somebody else does, and what shows the value then.
local TYPES <const> = {
  ["vault.secret"] = {
    "first-value",
    "second-value",
    PUT:format "their-value",
    [[curl -fsS -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/secret/data/tenant/urbanos/guarded" ]]
      .. "| jq -r .data.data.a",
    "their-value",
  },
  ["k8s.replicas"] = {
    "3",
    "4",
    "kubectl scale deployment urbanos-service-sso --replicas=5",
    "kubectl get deployment urbanos-service-sso -o jsonpath={.spec.replicas}",
    "5",
  },
  ["k8s.fields"] = {
    "first",
    "second",
    "kubectl annotate --overwrite deployment urbanos-service-sso theirs=theirs",
    "kubectl get deployment urbanos-service-sso -o jsonpath={.metadata.annotations.theirs}",
    "theirs",
  },
  ["file.text"] = { "first", "second", "echo 'theirs: 1' > " .. SSO, "cut -d: -f1 " .. SSO, "theirs" },
  ["pg.row"] = {
    "SUSPENDED",
    "ACTIVE",
    [[psql -qX -d enginedevdb -c "update core_config.tenant set status = 'RETIRED' where name = 'urbanos'"]],
    [[psql -AtX -d enginedevdb -c "select status from core_config.tenant where name = 'urbanos'"]],
    "RETIRED",
  },
  ["pg.database"] = {
    "11",
    "12",
    [[psql -qX -d postgres -c 'alter database "coredb-urbanos" connection limit 5']],
    [[psql -AtX -d postgres -c "select datconnlimit from pg_database where datname = 'coredb-urbanos'"]],
    "5",
  },
  ["dns.record"] = {
    "first",
    "second",
    (
      "aws --endpoint-url $AWS_ENDPOINT_URL route53 change-resource-record-sets --hosted-zone-id {zone} "
      .. "--change-batch '%s'"
    ):format(RECORD:gsub("\n *", "")),
    "dig +short @{dns} api.urbanos.embrix.com CNAME | cut -d. -f1",
    "theirs",
  },
}

-- A plan that is printed has no tags of secrets.
local function without_tags(v)
  if type(v) ~= "table" then return v end
  local copy = {}
  for key, item in pairs(v) do
    if key ~= "fp" then copy[key] = without_tags(item) end
  end
  return copy
end

describe("a plan in a file", function()
  local lab, project, words
  setup(function()
    lab = labs.start()
    project = lab.dir .. "/project"
    fs.mkdir(project)
    for _, name in ipairs { "runbooks", "stdlib" } do
      fs.copy_tree(name, fs.join(project, name))
    end
    fs.write(project .. "/runbooks/one.lua", RUNBOOK)
    words = { platform = lab.platform, zone = lab:zone(), dns = lab.env.O2X_LAB_DNS:gsub(":", " -p ") }
  end)
  teardown(function() lab:stop() end)

  local function sh(line) return lab:out("sh", "-ec", (line:gsub("{(%l+)}", words))) end

  local function o2x(...) return lab:run({ labs.O2X, ... }, { cwd = project }) end

  local function plan(file, ...)
    local result = o2x("plan", ...)
    assert.equal(0, result.code, result.stdout .. result.stderr)
    return json.decode(result.stdout), file
  end

  -- Plans and applies: the run's effects are those of the plan, in order and value.
  local function apply(kind, value)
    local file = ("%s/%s-%s.plan"):format(lab.dir, kind, value)
    local shown = plan(file, "one", "urbanos", "what=" .. kind, "value=" .. value, "--json", "--out=" .. file)
    assert.equal(1, #shown.changes)
    assert.equal(kind, shown.changes[1].kind)
    local result = o2x("apply", file, "--json")
    assert.equal(0, result.code, result.stderr)
    assert.same(shown.totals, json.decode(result.stdout).totals)
    local run, done = json.decode(o2x("show", "--json").stdout), {}
    for _, effect in ipairs(run.effects) do
      if effect.outcome ~= "unchanged" then done[#done + 1] = effect end
    end
    assert.equal(1, #done)
    assert.same({ kind, shown.changes[1].outcome }, { done[1].kind, done[1].outcome })
    assert.same(without_tags(shown.changes[1].before), without_tags(done[1].before))
  end

  for kind, of in pairs(TYPES) do
    it(kind .. " is done as it was shown, and refused when somebody else has changed it", function()
      apply(kind, of[1])
      local file = ("%s/%s.plan"):format(lab.dir, kind)
      plan(file, "one", "urbanos", "what=" .. kind, "value=" .. of[2], "--json", "--out=" .. file)
      sh(of[3])
      eventually("their change is seen", function() return sh(of[4]) == of[5] end) -- Route 53 takes a moment
      local result = o2x("apply", file)
      assert.equal(1, result.code, result.stderr)
      assert.matches("was changed since", result.stderr)
      assert.matches("PLANNED ON +NOW +WOULD BECOME", result.stderr)
      assert.equal(of[5], sh(of[4]))
      fs.remove(file)
      apply(kind, of[2])
      eventually("what was planned is seen", function() return sh(of[4]) ~= of[5] end)
    end)
  end

  -- What decides what a plan does, and is edited afterwards.
  for what, line in pairs {
    ["a chart"] = "sed -i 's/^version: .*/version: 9.9.9/' {platform}/core/charts/service-usage/Chart.yaml",
    ["a values file"] = "echo 'edited: 1' >> {platform}/core/helm_values/urbanos/service-usage.yaml",
    ["the tenant's file"] = "echo '# edited' >> {platform}/tenants/urbanos.yaml",
  } do
    it("is refused when it was made before " .. what .. " was edited, and nothing is deployed", function()
      local file = ("%s/deploy-%s.plan"):format(lab.dir, what:gsub("%W", "-"))
      local image = "image=v2.7." .. #what
      local made = o2x("plan", "deploy", "urbanos", "services=service-usage", image, "--out=" .. file)
      assert.equal(0, made.code, made.stdout .. made.stderr)
      local before = lab:out("helm", "history", "urbanos-service-usage", "-o", "json")
      sh(line)
      local result = o2x("apply", file, "--confirm=urbanos")
      assert.is_true(result.code == 1 or result.code == 3, result.stdout .. result.stderr)
      assert.matches("since the plan was made", result.stderr)
      assert.equal(before, lab:out("helm", "history", "urbanos-service-usage", "-o", "json"))
    end)
  end
end)

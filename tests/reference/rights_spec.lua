-- Each rule that o2x policy prints is needed: taken out once, it is missed before anything is written, by one line that
-- names it. What is missed later, or not at all, is in the tables, with the reason why it is printed.

local granted = require "tests.support.granted"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local reference = require "tests.support.reference"
local yaml = require "o2x.base.yaml"

local TENANT <const> = "newclient"
local BUILT <const> = reference.find("kubernetes", "bin/kube-apiserver")
  and reference.find("etcd", "bin/etcd")
  and reference.find("kwok", "bin/kwok")
  and reference.find("vault", "bin/vault")

-- Rules of the role that only some charts and some moments need.
local REASONS <const> = {
  ["default: get,patch,delete cronjobs,jobs by name"] = "charts may have them; maintenance suspends them",
  ["default: get,patch,delete poddisruptionbudgets by name"] = "charts may have them",
  ["default: create,list poddisruptionbudgets"] = "charts may have them",
  ["default: get pods/log"] = "only logs and diagnose read them, and write nothing",
  ["default: list pods"] = "metrics, where the cluster has them: smoke reads them, and writes nothing",
  ["ingress-nginx: get services by name"] = "the first step of an onboarding reads it",
  ["monitoring: get services by name"] = "without Alertmanager, maintenance says that alerts are not silenced",
  ["monitoring: get,create,delete services/proxy by name"] = "likewise",
}

describe("each right that o2x policy prints", function()
  if not BUILT then return pending "no real servers: run vendor/reference etcd kubernetes kwok vault" end

  local lab, operator, run, commands
  setup(function()
    lab = labs.start { real = os.getenv "RIGHTS_REAL" or "k8s,vault" }
    operator = granted.new(lab, TENANT)
    operator:own_databases()
    operator:give_all()
    ok(operator:o2x("run", "onboard", TENANT))
    operator:give_all()
    local id = lab:sql("enginedevdb", "select id from core_config.tenant where name = 'newclient'")
    lab:out("redis-cli", "-u", lab.env.REDIS_URL, "--no-auth-warning", "SET", id .. ":session:1", "x")
    run = ok(lab:o2x { "runs" }).stdout:match "R%-%S+"
    commands = {
      { "undo", run },
      { "plan", "scale", TENANT, "service=service-billing", "replicas=3" },
      { "plan", "maintenance", TENANT, "mode=on" },
    }
  end)
  teardown(function() lab:stop() end)

  -- What the first command says that misses something; nil: none does.
  local function missed()
    for _, words in ipairs(commands) do
      local result = operator:o2x(table.unpack(words))
      local said = result.stdout .. result.stderr
      if result.code ~= 0 and (said:find "may not" or said:find "cannot ") then return said end
    end
  end

  local function documents(text)
    local list = {}
    for part in (text .. "---\n"):gmatch "(.-)%-%-%-\n" do
      list[#list + 1] = yaml.decode(part)
    end
    return list
  end

  local function title(namespace, rule)
    local named = rule.resourceNames and " by name" or ""
    return ("%s: %s %s%s"):format(namespace, table.concat(rule.verbs, ","), table.concat(rule.resources, ","), named)
  end

  local function without(list, d, r)
    local texts = {}
    for i, object in ipairs(list) do
      local copy = object
      if i == d then
        copy = { rules = setmetatable({}, getmetatable(object.rules)) }
        for name, item in pairs(object) do
          copy[name] = copy[name] or item
        end
        for k, rule in ipairs(object.rules) do
          if k ~= r then table.insert(copy.rules, rule) end
        end
      end
      texts[i] = yaml.encode(copy)
    end
    return table.concat(texts, "---\n")
  end

  it("is missed by nobody who has all", function() assert.is_nil(missed()) end)

  it("in Kubernetes is missed, or has a reason", function()
    local list, wrong = documents(operator:text "kubernetes"), {}
    for d, object in ipairs(list) do
      for r, rule in ipairs(object.kind == "Role" and object.rules or {}) do
        operator:give("kubernetes", without(list, d, r))
        local name = title(object.metadata.namespace, rule)
        if (missed() == nil) ~= (REASONS[name] ~= nil) then wrong[#wrong + 1] = name end
      end
    end
    operator:give "kubernetes"
    assert.same({}, wrong)
  end)

  it("in Vault is missed", function()
    local printed = operator:text "vault"
    for _, word in ipairs { "create", "update", "delete" } do -- without read, the comparison itself is refused
      operator:give("vault", (printed:gsub(('"%s",? ?'):format(word), ""):gsub(", %]", "]")))
      assert.matches("the token may not " .. word .. " secret/", missed())
    end
    operator:give "vault"
    assert.is_nil(missed())
  end)

  it("in Redis is missed", function()
    local printed = operator:text "redis"
    for _, word in ipairs { "scan", "unlink" } do -- by Redis' own word: the printed user may not ask ACL DRYRUN
      operator:give("redis", (printed:gsub(" %+" .. word, "")))
      local result = operator:o2x("run", "cache-clear", TENANT, "--confirm=" .. TENANT)
      assert.are_not.equal(0, result.code)
      assert.matches(
        ("o2x: [^\n]*NOPERM this user has no permissions to run the '%s' command"):format(word),
        result.stderr
      )
    end
    operator:give "redis"
    ok(operator:o2x("run", "cache-clear", TENANT, "--confirm=" .. TENANT))
  end)
end)

-- A checklist that is printed while a system does not answer: the boxes of all steps are there, each command is one
-- that a shell takes, and what nobody could read is a variable that says where to look.

local by_hand = require "tests.support.by_hand"
local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

-- System → how o2x does not reach it.
local SILENT <const> = {
  vault = { VAULT_ADDR = "http://127.0.0.1:1" },
  aws = { AWS_ENDPOINT_URL = "http://127.0.0.1:1" },
  broker = { O2X_BROKER_URL = "http://127.0.0.1:1" },
  redis = { REDIS_URL = "redis://127.0.0.1:1" },
  dns = { O2X_LAB_DNS = "127.0.0.1:1" },
  https = { O2X_LAB_HTTPS = "127.0.0.1:1" },
  postgres = { PGPORT = "1" },
  kubernetes = {},
}

-- The documents are written from what the cluster has: without it nobody knows their text.
local UNKNOWABLE <const> = { kubernetes = { "docs/TENANT_INVENTORY.md", "docs/runbooks/TENANT_newclient.md" } }

-- A lab, whose cluster can be made silent.
local function start()
  local lab = labs.in_memory()
  local config = fs.read(lab.env.KUBECONFIG):gsub('(server"?: *"?)[^%s",}]+', "%1https://127.0.0.1:1")
  local path = fs.join(lab.dir, "kubeconfig-silent")
  fs.write(path, config, { mode = 384 })
  SILENT.kubernetes.KUBECONFIG = path
  return lab
end

-- The targets and checks that have a box. What a release's title says of its chart, only the cluster knows; what the
-- next id will be, only the registry.
local function boxes(text)
  local found, count = {}, 0
  for title in text:gmatch "\n# %[[ x?]%] ([^\n]+)" do
    title = title:gsub("^create ", ""):gsub("^ensure ", ""):gsub("^change ", ""):gsub(" %([%w.-]+%)$", "")
    title = title:gsub("TIDLT%-%d+", "$TENANT_ID")
    found[title], count = true, count + 1
  end
  return found, count
end

local function missing_in(text, whole)
  local expected, found, missing = boxes(whole), boxes(text), {}
  for title in pairs(expected) do
    if not found[title] then missing[#missing + 1] = title end
  end
  table.sort(missing)
  return missing
end

local function is_shell(lab, text)
  local result = lab:run({ "bash", "-n" }, { stdin = text })
  assert.equal("", result.stderr)
  assert.equal(0, result.code)
end

describe("a checklist while a system is silent", function()
  local lab, whole
  setup(function()
    lab = start()
    ok(lab:o2x { "run", "onboard", "newclient" })
  end)
  teardown(function() lab:stop() end)

  local function guide(env) return ok(lab:o2x({ "guide", "onboard", "newclient" }, { env = env })).stdout end

  setup(function() whole = guide {} end)

  it("is valid shell where all answer", function()
    is_shell(lab, whole)
    assert.equal(139, select(2, boxes(whole)))
  end)

  for system, env in pairs(SILENT) do
    it("has all boxes without " .. system, function()
      local text = guide(env)
      is_shell(lab, text)
      assert.same(UNKNOWABLE[system] or {}, missing_in(text, whole))
    end)
  end

  it("says of what it could not read where to look", function()
    local text = guide(SILENT.kubernetes)
    local name = text:match "# (KNOWN_LATER[%d_]*): it is in what this shows: kubectl get service ingress%-nginx"
    assert.truthy(name)
    assert.truthy(text:find((': "${%s:?}"'):format(name), 1, true))
    assert.truthy(text:find(('"Value": (env.%s // error("set %s"))'):format(name, name), 1, true))
    assert.is_nil(text:find("[x] check: release newclient-service-sso is ready", 1, true))
    assert.truthy(text:find("helm upgrade newclient-service-sso ./core/charts/service-sso --install", 1, true))
  end)
end)

describe("a checklist of a tenant that was never onboarded", function()
  local lab, whole
  setup(function() lab = start() end)
  teardown(function() lab:stop() end)

  local function guide(env) return ok(lab:o2x({ "guide", "onboard", "newclient" }, { env = env })).stdout end

  setup(function() whole = guide {} end)

  for system, env in pairs(SILENT) do
    it("has all boxes without " .. system, function()
      local text = guide(env)
      is_shell(lab, text)
      assert.same(UNKNOWABLE[system] or {}, missing_in(text, whole))
      assert.is_nil(text:find("999999", 1, true), "what stands for the id is shown")
    end)
  end

  it("sets the id once, and onboards when PostgreSQL is back", function()
    local text = guide(SILENT.postgres)
    assert.equal(1, select(2, text:gsub("\nTENANT_ID=%$%(psql", "")))
    by_hand.follow(lab, (text:gsub("(\nexport PGPORT=)1\n", "%1" .. lab.env.PGPORT .. "\n")))
    local planned = ok(lab:o2x { "plan", "onboard", "newclient" }).stdout
    assert.truthy(planned:find("Nothing to do", 1, true), planned)
    ok(lab:o2x { "run", "smoke", "newclient" })
  end)
end)

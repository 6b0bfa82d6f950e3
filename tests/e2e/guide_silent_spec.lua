-- A checklist that is printed while a system does not answer: the boxes of all steps are there, each command is one
-- that a shell takes, and what nobody could read is a variable that says where to look.

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

describe("a checklist while a system is silent", function()
  local lab, whole
  setup(function()
    lab = labs.in_memory()
    ok(lab:o2x { "run", "onboard", "newclient" })
    local config = fs.read(lab.env.KUBECONFIG):gsub('(server"?: *"?)[^%s",}]+', "%1https://127.0.0.1:1")
    local path = fs.join(lab.dir, "kubeconfig-silent")
    fs.write(path, config, { mode = 384 })
    SILENT.kubernetes.KUBECONFIG = path
  end)
  teardown(function() lab:stop() end)

  local function guide(env) return ok(lab:o2x({ "guide", "onboard", "newclient" }, { env = env })).stdout end

  -- The targets and checks that have a box. What a release's title says of its chart, only the cluster knows.
  local function boxes(text)
    local found, count = {}, 0
    for title in text:gmatch "\n# %[[ x?]%] ([^\n]+)" do
      title = title:gsub("^create ", ""):gsub("^ensure ", ""):gsub("^change ", ""):gsub(" %([%w.-]+%)$", "")
      found[title], count = true, count + 1
    end
    return found, count
  end

  local function is_shell(text)
    local result = lab:run({ "bash", "-n" }, { stdin = text })
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
  end

  setup(function() whole = guide {} end)

  it("is valid shell where all answer", function()
    is_shell(whole)
    assert.equal(139, select(2, boxes(whole)))
  end)

  for system, env in pairs(SILENT) do
    it("has all boxes without " .. system, function()
      local text = guide(env)
      is_shell(text)
      local expected, found, missing = boxes(whole), boxes(text), {}
      for title in pairs(expected) do
        if not found[title] then missing[#missing + 1] = title end
      end
      table.sort(missing)
      -- The documents are written from what the cluster has: without it nobody knows their text.
      local unknowable = system == "kubernetes" and { "docs/TENANT_INVENTORY.md", "docs/runbooks/TENANT_newclient.md" }
      assert.same(unknowable or {}, missing)
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

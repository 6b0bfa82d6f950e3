-- Runs of two tenants at the same time, over what all tenants share: the registry and its ids, the shared ConfigMap,
-- the zone of DNS, the monitoring objects, the inventory file. Nothing of either is lost, and no id is given twice.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local proc = require "o2x.base.proc"

local ROUNDS <const> = 20
local TENANTS <const> = { "newclient", "acme-sbx" }

-- What onboarding does where tenants meet, without what is a tenant's own.
local RUNBOOK <const> = [[
local cluster = require "stdlib.cluster"
local handoff = require "stdlib.handoff"
local ingress = require "stdlib.ingress"
local monitoring = require "stdlib.monitoring"
local registry = require "stdlib.registry"
local runbook = require "o2x.runbook"

return runbook {
  name = "meet", version = "1.0.0", api = 1, summary = "A test: what tenants share",
  effects = { "pg:write", "files:write", "k8s:write", "dns:write" },
  run = function(tenant)
    tenant.id = step("Allocate the tenant id", registry.allocate, tenant)
    step("Shared secrets", cluster.shared_secrets, tenant)
    step("Ingress", ingress.create, tenant)
    step("DNS", ingress.records, tenant)
    step("Monitoring", monitoring.create, tenant)
    step("Documents", handoff.write, tenant)
  end,
}
]]

describe("two tenants at the same time", function()
  local lab, project, before
  local function registry(where)
    return lab:sql("enginedevdb", "select string_agg(id || name, ',' order by id) from core_config.tenant " .. where)
  end

  setup(function()
    lab = labs.start()
    project = lab.dir .. "/project"
    fs.mkdir(project)
    for _, name in ipairs { "runbooks", "stdlib" } do
      fs.copy_tree(name, fs.join(project, name))
    end
    fs.write(project .. "/runbooks/meet.lua", RUNBOOK)
    before = registry ""
  end)
  teardown(function() lab:stop() end)

  local function start(words, log)
    return proc.start {
      argv = { labs.O2X, table.unpack(words) },
      env = lab:environment { O2X_STATE = lab.store },
      cwd = project,
      timeout = 120,
      log = log,
    }
  end

  -- The same command for both tenants at once; both must be done.
  local function both(words_of)
    local children = {}
    for i, tenant in ipairs(TENANTS) do
      children[i] = start(words_of(tenant), ("%s/said-%d"):format(lab.dir, i))
    end
    for i, child in ipairs(children) do
      local code = proc.wait(child, 120)
      child:close()
      assert.equal(0, code, fs.read(("%s/said-%d"):format(lab.dir, i)))
      fs.remove(("%s/said-%d"):format(lab.dir, i))
    end
  end

  local function inventory() return fs.read(lab.platform .. "/docs/TENANT_INVENTORY.md") end

  it(("lose nothing, %d times"):format(ROUNDS), function()
    local first, given = inventory(), {}
    for round = 1, ROUNDS do
      both(function(tenant) return { "run", "meet", tenant, "--quiet" } end)
      for _, tenant in ipairs(TENANTS) do
        local what = ("round %d, %s"):format(round, tenant)
        local id = lab:sql("enginedevdb", ("select id from core_config.tenant where name = '%s'"):format(tenant))
        assert.matches("^TIDLT%-%d+$", id, what)
        assert.is_nil(given[id], what .. ": the id was given before")
        given[id] = true
        assert.truthy(inventory():find(id, 1, true), what)
        assert.not_equal("", lab:dig(("api.%s.embrix.com"):format(tenant), "CNAME"), what)
        assert.truthy(lab:names("ingress"):find(tenant .. "-ingress", 1, true), what)
        assert.truthy(lab:names("servicemonitor,prometheusrule", "-A"):find(tenant, 1, true), what)
      end
      -- of all others, everything is as it was
      assert.equal(before, registry "where name not in ('newclient', 'acme-sbx')")
      for line in first:gmatch "[^\n]+" do
        assert.truthy(inventory():find(line, 1, true), line)
      end
      both(function(tenant)
        local runs = json.decode(lab:o2x({ "runs", "--tenant=" .. tenant, "--json" }).stdout)
        local newest
        for _, one in ipairs(runs) do
          if one.runbook == "meet" and not one.undone then newest = one.id end
        end
        return { "undo", newest, "--confirm=" .. tenant, "--quiet" }
      end)
      assert.equal(first, inventory(), "round " .. round)
      assert.equal(before, registry "")
      assert.equal("", lab:dig("api.newclient.embrix.com", "CNAME"))
    end
  end)
end)

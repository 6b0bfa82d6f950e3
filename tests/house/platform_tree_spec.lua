-- The example tree agrees with stdlib: tenant files load, no secret fields are missing, nothing secret is in it.
require "tests.support.apis"

local fs = require "o2x.base.fs"
local yaml = require "o2x.base.yaml"
local platform = require "stdlib.platform"
local providers = require "stdlib.providers"

local TREE = "examples/platform"

local function read(path) return yaml.decode(fs.read(fs.join(TREE, path)), path) end

local function tenants()
  local found = {}
  for _, name in ipairs(fs.list(TREE .. "/tenants")) do
    found[#found + 1] = { name = name:match "^(.*)%.yaml$", file = read("tenants/" .. name), where = name }
  end
  return found
end

describe("the example tree", function()
  it("has tenant files that stdlib takes", function()
    local shared, all = read "platform.yaml", tenants()
    assert.equal(9, #all)
    for _, item in ipairs(all) do
      local others = {}
      for _, other in ipairs(all) do
        if other ~= item then
          others[#others + 1] =
            { tenant = other.name, name = other.name, id = other.file.id, file = other.file, where = other.where }
        end
      end
      local tenant, problem = platform.load(item.name, shared, item.file, item.where, others)
      assert.is_not_nil(tenant, problem and problem.message)
    end
  end)

  it("has the guide's seven tenants and two to be onboarded", function()
    local ids = {}
    for _, item in ipairs(tenants()) do
      ids[item.name] = item.file.id or "none"
    end
    assert.same({
      ["coopeg-sbx"] = "TIDLT-100001",
      demo = "TIDLT-100002",
      dev = "TIDLT-100003",
      shm = "TIDLT-100004",
      urbanos = "TIDLT-100005",
      ["coopeg-prd"] = "TIDLT-100006",
      coopegenergy = "TIDLT-100007",
      newclient = "none",
      ["acme-sbx"] = "none",
    }, ids)
  end)

  it("has every secret that the new tenants' providers want", function()
    for _, name in ipairs { "newclient", "acme-sbx" } do
      local secrets = read("lab/secrets/" .. name .. ".yaml")
      assert.truthy(secrets.license.license_key)
      for _, integration in ipairs(read("tenants/" .. name .. ".yaml").integrations) do
        local provider = providers.find(integration.name)
        for _, field in ipairs(provider.fields) do
          assert.equal(
            "string",
            type((secrets[provider.vault] or {})[field]),
            name .. ": " .. provider.vault .. "." .. field
          )
        end
      end
    end
  end)

  it("has migrations with Flyway's names", function()
    for _, name in ipairs(fs.list(TREE .. "/engine/db/migration")) do
      assert.truthy(name:find "^V%d[%d_]*__[%w_]+%.sql$" or name:find "^R__[%w_]+%.sql$", name)
    end
  end)
end)

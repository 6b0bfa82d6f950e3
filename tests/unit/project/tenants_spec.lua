local captured = require "tests.support.captured"
local folder = require "tests.support.folder"
local tenants = require "o2x.project.tenants"

-- A platform as stdlib/platform.lua: grants the folder of the name, and keys when there is an id.
local platform = {
  load = function(name, settings, file, where)
    if not file.company then return nil, { message = "company is missing", where = where } end
    return { name = name, id = file.id, company = file.company, domain = name .. "." .. settings.domain }
  end,
  grants = function(tenant) return { files = { tenant.name }, redis = { tenant.id and tenant.id .. ":" } } end,
}

local sandbox = { require = function() return platform end }

describe("a tenant", function()
  local place, config
  before_each(function()
    place = folder {
      ["platform.yaml"] = "domain: example.com\n",
      ["tenants/acme.yaml"] = "company: Acme\n",
      ["tenants/zeta.yaml"] = "company: Zeta\nid: T-1\n",
    }
    config = { platform = place.path }
  end)
  after_each(function() place:close() end)

  local function load(name) return tenants.load(sandbox, config, name) end

  local function refused(kind, message, fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.equal(kind, err.kind)
    assert.matches(message, tostring(err))
  end

  it("is made of its file by the platform", function()
    local tenant, scope = load "acme"
    assert.equal("acme.example.com", tenant.domain)
    assert.same({ files = { "acme" }, redis = {} }, scope)
  end)

  it("is one of those that have a file", function()
    assert.same({ "acme", "zeta" }, tenants.names(config))
    refused("input", "acm; did you mean acme%?", load, "acm")
  end)

  it("is read-only", function()
    local tenant = load "acme"
    refused("refused", "tenant.company", function() tenant.company = "x" end)
    assert.equal("Acme", tenant.company)
  end)

  it("gets its id once, and the grants follow in place", function()
    local tenant, scope = load "acme"
    local keys = scope.redis
    tenant.id = "T-2"
    assert.equal("T-2", tenant.id)
    assert.same({ "T-2:" }, keys)
    tenant.id = "T-2"
    refused("refused", "T%-2", function() tenant.id = "T-3" end)
  end)

  it("cannot take another's id, nor one that is no text", function()
    local tenant = load "acme"
    refused("refused", "T%-1 .*zeta", function() tenant.id = "T-1" end)
    refused("refused", "tenant.id", function() tenant.id = 7 end)
    refused("refused", "tenant.id", function() tenant.id = "" end)
  end)

  it("says what is wrong with its file", function()
    place:write("tenants/acme.yaml", "compny: Acme\n")
    refused("input", "acme.yaml: company is missing", load, "acme")
    place:write("tenants/acme.yaml", "- x\n")
    refused("input", "acme.yaml: .*map", load, "acme")
  end)

  it("is not stopped by another's broken file, which is told", function()
    place:write("tenants/zeta.yaml", "a: [\n")
    local tenant
    local _, told = captured(function() tenant = load "acme" end)
    assert.equal("acme", tenant.name)
    assert.matches("zeta.yaml", told)
  end)

  it("is not stopped by files that cannot be a tenant's, which is told", function()
    for _, name in ipairs { "zeta.bak", "Zeta", ".zeta" } do
      place:write(("tenants/%s.yaml"):format(name), "company: Zeta\nid: T-1\nname: acme\n")
    end
    local tenant
    local _, told = captured(function() tenant = load "acme" end)
    assert.equal("acme", tenant.name)
    for _, name in ipairs { "zeta.bak.yaml", "Zeta.yaml", ".zeta.yaml" } do
      assert.truthy(told:find(name, 1, true), name)
    end
  end)

  it("needs a platform.yaml", function()
    config.platform = place:at "tenants"
    refused("input", "platform.yaml", load, "acme")
  end)
end)

describe("a tenant's name", function()
  it("begins with a letter; letters, digits and hyphens follow; 63 at most", function()
    for _, name in ipairs { "a", "new-client2", ("a"):rep(63) } do
      assert.is_true(tenants.is_name(name), name)
    end
    for _, name in ipairs { "New", "../x", "a;b", "a'b", "", "-a", "a-", "1a", "a\nb", "a\0b", "ä", ("a"):rep(64) } do
      assert.is_false(tenants.is_name(name), name)
    end
    assert.is_false(tenants.is_name(7))
  end)

  it("that cannot be one is refused without its control characters", function()
    local ok, err = pcall(tenants.check_name, "a\27[31m\nb")
    assert.is_false(ok)
    assert.matches("tenant name", err.message)
    assert.is_nil(err.message:find "%c")
  end)
end)

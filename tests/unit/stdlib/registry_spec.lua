local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local stdlib = require "tests.support.stdlib"

describe("stdlib.registry", function()
  local function new(id, outcome)
    local row = id and { id = id }
    local function allocate() return row, outcome or "created" end
    return stdlib.new { pg = { control = { ensure_allocated = allocate, row = function() return row end } } }
  end

  it("allocates the next free id", function()
    local std = new "TIDLT-100008"
    assert.equal("TIDLT-100008", std.require("registry").allocate(stdlib.tenant "newclient"))
    local request = std.called("pg.control:ensure_allocated")[1][1]
    assert.same({ name = "newclient" }, request.key)
    assert.same({ "TIDLT-", 6, 100001 }, { request.prefix, request.digits, request.first })
    assert.same({}, std.called "pg.control:ensure_row")
    assert.same({}, std.called "pg.control:row") -- the allocation looks for itself
  end)

  it("makes a row that was there already what it should be", function()
    local std = new("TIDLT-100008", "unchanged")
    std.require("registry").allocate(stdlib.tenant "newclient")
    local call = std.called("pg.control:ensure_row")[1]
    assert.same({ "core_config.tenant", { name = "newclient" } }, { call[1], call[2] })
    assert.equal("ACTIVE", call[3].status)
  end)

  it("fails if the registry has another id than the tenant file", function()
    local registry = new("TIDLT-100009").require "registry"
    local problem = raised(registry.allocate, stdlib.tenant "newclient")
    assert.matches("file has id TIDLT%-100008, the registry TIDLT%-100009", problem.message)
  end)

  it(
    "finds an existing tenant's id",
    function() assert.equal("TIDLT-100005", new("TIDLT-100005").require("registry").find(stdlib.tenant "urbanos")) end
  )

  it("fails for a tenant that is not registered", function()
    local problem = raised(new(nil).require("registry").find, stdlib.tenant "newclient")
    assert.matches("newclient is not in the registry", problem.message)
    assert.matches("o2x run onboard newclient", problem.hint)
  end)

  -- database:table → values
  local function registered(changes)
    local std = new()
    std.require("registry").register(stdlib.tenant("newclient", changes))
    local rows = {}
    for _, database in ipairs { "control", "tenant" } do
      for _, call in ipairs(std.rows(database)) do
        rows[database .. ":" .. call[1]] = call[3]
      end
    end
    return rows
  end

  it("registers the tenant in both databases", function()
    local rows = registered()
    assert.equal("ACTIVE", rows["tenant:core_config.tenant"].status)
    assert.equal("New Client Inc.", rows["tenant:core_config.tenant_profile"].companyname)
    assert.equal("New Client Inc.", rows["control:core_config.tenant_profile"].companyname)
  end)

  it("writes the licence key if it is given", function()
    local key = secret.new "l"
    local rows = registered { secrets = { license = { license_key = key } } }
    assert.equal(key, rows["tenant:core_config.tenant"].licensekey)
  end)

  it(
    "leaves the licence key alone otherwise",
    function() assert.is_nil(registered()["tenant:core_config.tenant"].licensekey) end
  )
end)

-- pg.control wrote any row of the registry, and read every tenant's licence key.

local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local project = require "o2x.project.project"
local raised = require "tests.support.raised"
local sandbox = require "o2x.script.sandbox"
local tenants = require "o2x.project.tenants"

describe("the registry", function()
  local pg
  before_each(function()
    local config = { platform = fs.join(fs.cwd(), "examples/platform") }
    local _, scope = tenants.load(sandbox.new(project.at(fs.cwd())), config, "urbanos")
    -- No server: what is refused is refused before one is asked.
    pg = gate.run { mode = "apply", module = "pg", config = { pg = {} }, scope = scope }
  end)

  local function refused(message, method, ...)
    local problem = raised(pg.control[method], pg.control, ...)
    assert.equal("refused", problem.kind)
    assert.matches(message, problem.message)
  end

  it("gives no tenant the rows of another", function()
    refused("not this tenant's row", "ensure_row", "core_config.tenant", { name = "shm" }, { status = "RETIRED" })
    refused("not this tenant's row", "ensure_row", "core_config.tenant_profile", { tenantid = "TIDLT-100004" }, {})
    refused("not this tenant's", "ensure_row", "core_config.tenant", { name = "urbanos" }, { id = "TIDLT-100004" })
    refused("not this tenant's row", "row", "core_config.tenant", { name = "shm" }, { "licensekey" })
    refused("not granted", "ensure_row", "core_config.users", { userid = "x" }, { email = "x" })
  end)

  it(
    "gives nobody SQL to read it with",
    function() refused("rows of all tenants", "rows", "select licensekey from core_config.tenant") end
  )
end)

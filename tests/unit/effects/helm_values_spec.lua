local api = require "tests.support.api"
local value = require "o2x.base.value"

local helm_values = api "helm_values"

describe("o2x.helm_values", function()
  it("changes a file by path and keeps its comments", function()
    local doc = helm_values.parse("app: # ours\n  image: x\n  port: 80\n", "v.yaml")
    doc:set("app.image", "z"):merge { app = { port = 8080 } }
    assert.equal("app: # ours\n  image: z\n  port: 8080\n", doc:text())
    assert.equal(8080, doc:get "app.port")
    assert.same({ "app.image", "app.port" }, doc:paths())
    doc:remove "app.port"
    assert.equal("app: # ours\n  image: z\n", doc:text())
  end)

  it("writes what a plan does not know yet as such", function()
    local doc = helm_values.parse("id: x  # c\n", "v.yaml")
    assert.equal("id: (known after apply)  # c\n", doc:set("id", value.unknown):text())
    assert.equal("id: (known after apply)\n", helm_values.render { id = value.unknown })
  end)

  it("makes another tenant's file this one's", function()
    local doc = helm_values.parse("url: http://urbanos-tax\n", "v.yaml")
    assert.equal(1, doc:replace_tenant({ { "urbanos", "acme" } }, {}).replaced[1].line)
    assert.equal("url: http://acme-tax\n", doc:text())
  end)
end)

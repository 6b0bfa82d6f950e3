local chapters = require "tests.support.chapters"

describe("stdlib.diagnose.names", function()
  local RIGHT <const> = "lb.example"

  -- What is found where the load balancer has this name, and the name servers say that.
  local function findings(balancer, answers)
    local _, rows = chapters.run("names", {
      k8s = {
        get = function()
          return { status = { loadBalancer = { ingress = balancer and { { hostname = balancer } } or {} } } }
        end,
      },
      dns = { authoritative = function() return answers end },
    }, {})
    return rows
  end

  it(
    "finds nothing where each name leads to the load balancer",
    function() assert.same({}, findings(RIGHT, { ns1 = { RIGHT }, ns2 = { RIGHT } })) end
  )

  it("finds what leads elsewhere on one of the name servers, and overwrites it", function()
    local rows = findings(RIGHT, { ns1 = { RIGHT }, ns2 = { "old.example" } })
    assert.equal(2, #rows)
    assert.equal("it leads elsewhere", rows[1].finding)
    assert.equal("name server ns2 returns old.example, not lb.example", rows[1].evidence)
    assert.equal("o2x run onboard urbanos '--take-over=urbanos.embrix.com CNAME'", rows[1].mend)
  end)

  it("finds a name that is missing", function()
    local rows = findings(RIGHT, { ns1 = {} })
    assert.equal("there is no such name", rows[1].finding)
    assert.equal("o2x run onboard urbanos", rows[1].mend)
  end)

  it("finds a load balancer without a name, once", function()
    local rows = findings(nil, { ns1 = {} })
    assert.equal(1, #rows)
    assert.matches("has no load balancer yet", rows[1].evidence)
  end)
end)

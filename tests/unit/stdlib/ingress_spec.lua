local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"
local yaml = require "o2x.base.yaml"

describe("stdlib.ingress", function()
  local tenant = stdlib.tenant "newclient"

  local function balancer(hostname)
    return { status = { loadBalancer = { ingress = hostname and { { hostname = hostname } } or {} } } }
  end

  local function new(options)
    return stdlib.new {
      k8s = { get = function() return balancer(options.balancer) end },
      dns = { authoritative = function() return { ["ns1"] = { "lb.example" }, ["ns2"] = { options.second } } end },
      http = { request = function() return { status = options.status or 200 } end },
    }
  end

  it("routes the tenant's domain, its API and webhooks", function()
    local std = new {}
    std.require("ingress").create(tenant)
    local rules = std.called("k8s.ensure")[1][1].spec.rules
    assert.equal("newclient.embrix.com", rules[1].host)
    assert.equal("api.newclient.embrix.com", rules[2].host)
    local webhooks = rules[2].http.paths[3]
    assert.equal("/webhooks", webhooks.path)
    assert.equal("newclient-payment-gateway", webhooks.backend.service.name)
  end)

  it("writes the same object into the tree", function()
    local std = new {}
    std.require("ingress").create(tenant)
    local text = std.tree["k8s/ingress/newclient-ingress.yaml"]
    assert.same(std.called("k8s.ensure")[1][1], yaml.decode(text, "ingress"))
  end)

  it("waits for the certificate", function()
    local std = new {}
    std.require("ingress").create(tenant)
    assert.equal("newclient-tls-cert", std.called("k8s.wait_ready")[1][2])
  end)

  it("points three names to the load balancer", function()
    local std = new { balancer = "lb.example" }
    std.require("ingress").records(tenant)
    local names = {}
    for i, call in ipairs(std.called "dns.ensure_record") do
      names[i] = call[1].name
      assert.equal("CNAME", call[1].type)
      assert.same({ "lb.example" }, call[1].values)
    end
    assert.same({ "newclient.embrix.com", "api.newclient.embrix.com", "*.newclient.embrix.com" }, names)
  end)

  it("fails while the load balancer has no host name", function()
    local problem = raised(new({}).require("ingress").records, tenant)
    assert.matches("has no load balancer yet", problem.message)
  end)

  it("verifies each name server and both endpoints", function()
    local std = new { balancer = "lb.example", second = "lb.example" }
    std.require("ingress").verify(tenant)
    assert.equal(4, #std.checks)
    assert.same({
      { "newclient.embrix.com", "CNAME" },
      { "api.newclient.embrix.com", "CNAME" },
    }, std.called "dns.authoritative")
    assert.same({
      { { method = "HEAD", url = "https://newclient.embrix.com/" } },
      { { method = "HEAD", url = "https://api.newclient.embrix.com/graphql" } },
    }, std.called "http.request")
  end)

  it("fails if a name server has another value", function()
    local std = new { balancer = "lb.example", second = "old.example" }
    local problem = raised(std.require("ingress").verify, tenant)
    assert.matches("name server ns2 returns old.example for newclient.embrix.com, not lb.example", problem.message)
  end)

  it("fails if an endpoint returns a server error", function()
    local std = new { balancer = "lb.example", second = "lb.example", status = 500 }
    assert.matches("returns 500", raised(std.require("ingress").verify, tenant).message)
  end)
end)

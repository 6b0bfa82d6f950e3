local ingress = require("lab.ingress")

local function object(rules, more)
  local new = { metadata = { namespace = "default", name = "i" }, spec = { rules = rules } }
  for key, value in pairs(more or {}) do
    new[key] = value
  end
  return new
end

local function rule(host, ...)
  local paths = {}
  for i, entry in ipairs({ ... }) do
    paths[i] = {
      path = entry[1],
      pathType = entry[3] or "Prefix",
      backend = { service = { name = entry[2], port = { number = 8080 } } },
    }
  end
  return { host = host, http = { paths = paths } }
end

describe("the ingress", function()
  local objects = {
    object({
      rule("newclient.embrix.com", { "/", "web" }),
      rule("api.newclient.embrix.com", { "/graphql", "graph" }, { "/api", "api" }, { "/api/v1", "v1" }),
    }),
    object({ rule("*.wild.embrix.com", { "/", "wild" }), rule("own.wild.embrix.com", { "/only", "own", "Exact" }) }),
  }

  local function at(host, path)
    local target = ingress.route(objects, host, path)
    return target and target.service
  end

  it("routes by host and by whole elements of the path", function()
    assert.equal("web", at("newclient.embrix.com", "/"))
    assert.equal("web", at("newclient.embrix.com", "/any/thing"))
    assert.equal("graph", at("api.newclient.embrix.com", "/graphql"))
    assert.equal("api", at("api.newclient.embrix.com", "/api/auth/login"))
    assert.equal("v1", at("api.newclient.embrix.com", "/api/v1/invoices/x.pdf"))
    assert.is_nil(at("api.newclient.embrix.com", "/apidocs"))
    assert.is_nil(at("api.newclient.embrix.com", "/"))
    assert.is_nil(at("urbanos.embrix.com", "/"))
  end)

  it("prefers the host itself to a wildcard", function()
    assert.equal("wild", at("x.wild.embrix.com", "/only"))
    assert.equal("own", at("own.wild.embrix.com", "/only"))
    assert.is_nil(at("own.wild.embrix.com", "/other"))
    assert.is_nil(at("wild.embrix.com", "/"))
    assert.is_nil(at("a.b.wild.embrix.com", "/"))
  end)
end)

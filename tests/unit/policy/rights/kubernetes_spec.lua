local json = require "o2x.base.json"
local rights = require "o2x.policy.rights.kubernetes"

local GRANTS <const> = {
  k8s = { namespace = "default", namespaces = { "monitoring" }, names = { "newclient-ingress" }, shared = {} },
}
local NEEDS <const> = { "get,create ingresses", "get own configmaps", "create servicemonitors" }

describe("policy.rights.kubernetes", function()
  local asked

  before_each(function() asked = {} end)

  -- What is missing where the API server has these rules, and kinds of these groups.
  local function missing(rules, options)
    options = options or {}
    local client = {
      request_once = function(_, _, path, request)
        local kind = path:match "[^/]+$"
        asked[#asked + 1] = kind
        local review = json.decode(request.body)
        assert.is_true(request.reads)
        local status = kind == "selfsubjectrulesreviews" and { resourceRules = rules, incomplete = options.incomplete }
          or { allowed = review.spec.resourceAttributes.resource == "configmaps" }
        return { status = 201, body = json.encode { status = status } }
      end,
      kinds = function()
        return { find = function(_, name) return name ~= options.without end }
      end,
    }
    local this = { client = function() return client end, grants = GRANTS, tenant = { name = "newclient" } }
    local texts = {}
    for i, one in ipairs(rights.missing(this, options.needs or NEEDS)) do
      texts[i] = one.text
    end
    return texts
  end

  local EVERYTHING <const> = { { verbs = { "*" }, apiGroups = { "*" }, resources = { "*" } } }

  it("finds nothing where everything is allowed, by one request a namespace", function()
    assert.same({}, missing(EVERYTHING))
    assert.same({ "selfsubjectrulesreviews", "selfsubjectrulesreviews" }, asked)
  end)

  it(
    "says all that no rule allows, and asks only for what is needed",
    function()
      assert.same({
        "may not get configmaps in default",
        "may not get, create ingresses in default",
        "may not create servicemonitors in monitoring",
      }, missing {})
    end
  )

  it("compares the names of rules", function()
    local rule = { verbs = { "get", "create" }, apiGroups = { "networking.k8s.io" }, resources = { "ingresses" } }
    rule.resourceNames = { "newclient-ingress" }
    local found = table.concat(missing { rule }, "; ")
    assert.matches("may not create ingresses", found) -- a name says nothing of what is created
    assert.falsy(found:find("get, create ingresses", 1, true))
    rule.resourceNames = { "another" }
    assert.matches("may not get, create ingresses", table.concat(missing { rule }, "; "))
  end)

  it("asks one by one where the rules are not all", function()
    assert.falsy(table.concat(missing({}, { incomplete = true }), "; "):find("configmaps", 1, true))
    assert.equal(2 + 4, #asked)
  end)

  it("needs no metrics server for a run that looks at pods", function()
    local pods = { { verbs = { "get", "list" }, apiGroups = { "" }, resources = { "pods" } } }
    assert.same({}, missing(pods, { needs = { "list pods" }, without = "pods.metrics.k8s.io" }))
  end)

  it(
    "says which kinds the cluster does not have",
    function()
      assert.same(
        { "the cluster has no servicemonitors.monitoring.coreos.com" },
        missing(EVERYTHING, { without = "servicemonitors.monitoring.coreos.com" })
      )
    end
  )
end)

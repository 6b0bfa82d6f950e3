local admission = require "lab.k8s.admission"
local kubernetes = require "o2x.policy.kubernetes"
local yaml = require "o2x.base.yaml"

local GRANTS <const> = {
  helm = { "newclient-web" },
  k8s = {
    namespace = "default",
    namespaces = { "default", "monitoring" },
    names = { "newclient-web", "newclient-ingress" },
    shared = { "pg-secret" },
    read = { "ingress-nginx/controller" },
  },
}

local function of_kind(kind)
  local found = {}
  for _, object in ipairs(kubernetes.objects("o2x-newclient", GRANTS)) do
    if object.kind == kind then found[#found + 1] = object end
  end
  return found
end

describe("the objects of Kubernetes", function()
  it("are YAML that reads back the same", function()
    local documents = yaml.decode_all(kubernetes.text("o2x-newclient", GRANTS))
    assert.equal(#kubernetes.objects("o2x-newclient", GRANTS), #documents)
  end)

  it("are a role for each namespace that the grants name, and no cluster role", function()
    local places = {}
    for i, role in ipairs(of_kind "Role") do
      places[i] = role.metadata.namespace
    end
    assert.same({ "default", "ingress-nginx", "monitoring" }, places)
    assert.same({}, of_kind "ClusterRole")
  end)

  it("change nothing without a name, except what helm keeps", function()
    for _, role in ipairs(of_kind "Role") do
      for _, rule in ipairs(role.rules) do
        for _, verb in ipairs(rule.verbs) do
          local changes = verb == "patch" or verb == "update" or verb == "delete"
          local unnamed = changes and not rule.resourceNames
          assert.is_true(not unnamed or rule.resources[1] == "secrets", rule.resources[1])
        end
      end
    end
  end)

  describe("admit", function()
    local expression = of_kind("ValidatingAdmissionPolicy")[1].spec.validations[1].expression
    for _, case in ipairs {
      { "services", "CREATE", "newclient-web", true },
      { "services", "DELETE", "newclient-sbx-web", false },
      { "secrets", "UPDATE", "sh.helm.release.v1.newclient-web.v12", true },
      { "secrets", "UPDATE", "sh.helm.release.v1.newclient-sbx-web.v12", false },
      { "configmaps", "UPDATE", "sh.helm.release.v1.newclient-web.v12", false },
      { "secrets", "CREATE", "pg-secret", true },
      { "secrets", "UPDATE", "pg-secret", false },
      { "secrets", "DELETE", "pg-secret", false },
    } do
      it(("%s %s %s: %s"):format(case[2], case[1], case[3], case[4]), function()
        local request = { name = case[3], operation = case[2], resource = { resource = case[1], group = "" } }
        assert.equal(case[4], admission.evaluate(expression, request))
      end)
    end
  end)

  it("admit the question what the account may do, which some servers ask leave for", function()
    local expression = of_kind("ValidatingAdmissionPolicy")[1].spec.validations[1].expression
    local resource = { resource = "selfsubjectrulesreviews", group = "authorization.k8s.io" }
    assert.is_true(admission.evaluate(expression, { name = "", operation = "CREATE", resource = resource }))
  end)

  it("let the tenant whose run rotates a shared secret overwrite it, and not remove it", function()
    local k8s = { rotate = { "pg-secret" } }
    for name, item in pairs(GRANTS.k8s) do
      k8s[name] = item
    end
    local objects, rules = kubernetes.objects("o2x-dev", { helm = GRANTS.helm, k8s = k8s }), {}
    local function allowed(operation, name)
      for _, object in ipairs(objects) do
        if object.kind == "ValidatingAdmissionPolicy" then
          local request = { name = name, operation = operation, resource = { resource = "secrets", group = "" } }
          return admission.evaluate(object.spec.validations[1].expression, request)
        end
      end
    end
    assert.same(
      { true, false, false },
      { allowed("UPDATE", "pg-secret"), allowed("DELETE", "pg-secret"), allowed("UPDATE", "app-vault-token") }
    )
    for _, object in ipairs(objects) do
      for _, rule in ipairs(object.rules or {}) do
        if rule.resourceNames and rule.resourceNames[1] == "pg-secret" then rules[#rules + 1] = rule.verbs end
      end
    end
    assert.same({ { "patch", "update" } }, rules)
  end)
end)

-- Whose request it is and what roles allow, as the real API server decides it.

local rbac = require "lab.k8s.rbac"

local GROUP <const> = "rbac.authorization.k8s.io"
local USER <const> = { namespace = "default", name = "robot", username = "system:serviceaccount:default:robot" }

local function role(namespace, name, ...)
  local metadata = { namespace = namespace, name = name }
  return { metadata = metadata, rules = { ... } }
end

local function binding(namespace, kind, name, subject)
  return {
    metadata = { namespace = namespace, name = name },
    roleRef = { kind = kind, name = name },
    subjects = { subject or { kind = "ServiceAccount", name = "robot", namespace = "default" } },
  }
end

-- An API server that holds these objects.
local function api(objects)
  local store = {}
  function store.list(_, place, namespace)
    local found = {}
    for _, object in ipairs(objects[place] or {}) do
      if namespace == nil or object.metadata.namespace == namespace then found[#found + 1] = object end
    end
    return found
  end
  function store.get(_, place, namespace, name)
    for _, object in ipairs(store.list(nil, place, namespace)) do
      if object.metadata.name == name then return object end
    end
  end
  return { store = store }
end

local function with_rule(rule, subject)
  return api {
    [GROUP .. "/roles"] = { role("default", "r", rule) },
    [GROUP .. "/rolebindings"] = { binding("default", "Role", "r", subject) },
  }
end

local RULE <const> = { verbs = { "get", "patch" }, apiGroups = { "apps" }, resources = { "deployments", "*/scale" } }
local NAMED <const> =
  { verbs = { "get", "list" }, apiGroups = { "" }, resources = { "secrets" }, resourceNames = { "mine" } }

local function asked(verb, group, resource, name, namespace)
  local sub = resource:match "/(.+)$"
  return { verb = verb, group = group, resource = resource, sub = sub, name = name, namespace = namespace or "default" }
end

describe("a role", function()
  for _, case in ipairs {
    { "its verb on its resource", RULE, asked("get", "apps", "deployments", "a"), true },
    { "another verb", RULE, asked("delete", "apps", "deployments", "a"), false },
    { "another group", RULE, asked("get", "", "deployments", "a"), false },
    { "another resource", RULE, asked("get", "apps", "statefulsets", "a"), false },
    { "another namespace", RULE, asked("get", "apps", "deployments", "a", "kube-system"), false },
    { "a subresource by */NAME", RULE, asked("patch", "apps", "statefulsets/scale", "a"), true },
    { "another subresource", RULE, asked("get", "apps", "deployments/status", "a"), false },
    { "a granted name", NAMED, asked("get", "", "secrets", "mine"), true },
    { "another name", NAMED, asked("get", "", "secrets", "other"), false },
    { "a list without a name", NAMED, asked("list", "", "secrets"), false },
    { "a list of that name", NAMED, asked("list", "", "secrets", "mine"), true },
  } do
    it(
      ("%s %s"):format(case[4] and "allows" or "refuses", case[1]),
      function() assert.equal(case[4], rbac.allowed(with_rule(case[2]), USER, case[3])) end
    )
  end

  it("is for its subjects only", function()
    for _, subject in ipairs {
      { kind = "ServiceAccount", name = "other", namespace = "default" },
      { kind = "ServiceAccount", name = "robot", namespace = "other" },
      { kind = "User", name = "robot" },
      { kind = "Group", name = "system:serviceaccounts:other" },
    } do
      assert.is_false(rbac.allowed(with_rule(RULE, subject), USER, asked("get", "apps", "deployments", "a")))
    end
    local group = { kind = "Group", name = "system:serviceaccounts:default" }
    assert.is_true(rbac.allowed(with_rule(RULE, group), USER, asked("get", "apps", "deployments", "a")))
  end)

  it("of a cluster is valid in every namespace, and beyond them", function()
    local all = { verbs = { "*" }, apiGroups = { "*" }, resources = { "*" } }
    local cluster = api {
      [GROUP .. "/clusterroles"] = { role(nil, "r", all) },
      [GROUP .. "/clusterrolebindings"] = { binding(nil, "ClusterRole", "r") },
    }
    assert.is_true(rbac.allowed(cluster, USER, asked("delete", "", "pods", "a", "kube-system")))
    assert.is_true(rbac.allowed(cluster, USER, { verb = "list", group = "", resource = "nodes" }))
  end)
end)

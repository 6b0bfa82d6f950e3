-- kinds_spec.lua and pod_spec.lua try these rules in every place; here are their values.
local reference = require "o2x.client.k8s.contents.reference"

local CHECK <const> = {
  kind = "ConfigMap",
  names = { "t1-app" },
  namespaces = { "default" },
  label = { "tenant", "t1" },
  contents = {
    hosts = { "t1.example.com" },
    classes = { "nginx" },
    name_labels = { "app" },
    labels = { "tier" },
    id = "T-1",
    annotations = { ["a.b/exact"] = { "x" }, ["a.b/*"] = "plain", ["a.b/own"] = "name", ["c.d/free"] = "any" },
  },
}

local function problems(rule, item)
  local lines = {}
  local check = setmetatable(
    { refuse = function(_, path, why) lines[#lines + 1] = path .. " " .. why end },
    { __index = CHECK }
  )
  rule(check, "at", item)
  return lines
end

local function allowed(rule, ...)
  for _, item in ipairs { ... } do
    assert.same({}, problems(rule, item))
  end
end

local function refused(rule, ...)
  for _, item in ipairs { ... } do
    assert.is_true(#problems(rule, item) > 0, tostring(item))
  end
end

describe("a reference", function()
  it("by name is to one of the tenant's objects", function()
    allowed(reference.name, "t1-app")
    refused(reference.name, "t1-app2", "t1", "T1-APP", "", 1, {}, "t1-app\0")
    allowed(reference.account, "default", "t1-app")
    refused(reference.account, "admin", "Default")
  end)

  it("to a host is at or below the tenant's", function()
    allowed(reference.host, "t1.example.com", "api.t1.example.com", "*.t1.example.com")
    refused(reference.host, "example.com", "xt1.example.com", "t1.example.com.x", "*.example.com", "*", "", 1, {})
  end)

  it("to a class or namespace is a listed one", function()
    allowed(reference.class, "nginx")
    refused(reference.class, "NGINX", "", {})
    allowed(reference.namespace, "default")
    refused(reference.namespace, "kube-system", "")
  end)
end)

describe("labels", function()
  it("tell the truth", function()
    allowed(reference.labels, { tenant = "t1" }, { app = "t1-app", other = "x" }, {})
    refused(reference.labels, { tenant = "t2" }, { app = "t2-app" }, { tenant = true }, { "a" }, { a = {} })
  end)

  it("of what others pick up are listed", function()
    allowed(reference.listed_labels, { tenant = "t1", app = "t1-app", tier = "x" })
    refused(reference.listed_labels, { other = "x" }, { tenant = "t1", other = "x" })
  end)

  it("that select tell whose", function()
    allowed(reference.selector, { tenant = "t1" }, { app = "t1-app" }, { tenant = "t1", other = "x" })
    refused(reference.selector, {}, { other = "x" }, { tenant = "t2" }, { tenant = "t1", app = "t2-app" }, "tenant=t1")
    allowed(reference.label_selector, { matchLabels = { tenant = "t1" }, matchExpressions = {} })
    refused(reference.label_selector, {}, { matchExpressions = {} }, { matchLabels = {} }, { tenant = "t1" }, "x")
  end)
end)

describe("annotations", function()
  it("are the listed ones, with the listed values", function()
    local list = reference.annotations
    allowed(
      list,
      { ["a.b/exact"] = "x" },
      { ["a.b/other"] = "50m" },
      { ["a.b/own"] = "t1-app" },
      { ["c.d/free"] = "{}" }
    )
    allowed(list, { free = "{}; anything" })
    refused(list, { ["a.b/exact"] = "y" }, { ["a.b/own"] = "t2-app" }, { ["x.y/z"] = "1" }, { ["A.b/exact"] = "x" })
    for _, text in ipairs { "a;b", "a\nb", "a{b", 'a"b', "a'b", "a\\b", "$a", "a#b", "`a" } do
      refused(list, { ["a.b/other"] = text })
    end
    refused(list, { free = {} }, { "a" }, "x")
  end)
end)

describe("an expression", function()
  it("looks at the tenant's own series", function()
    allowed(reference.expression, 'up{tenant="t1"}', 'a{x="t1-app"} / b{tenant="t1",c="d"}', 'q{d=~"T-1\\\\..*"}')
    refused(
      reference.expression,
      "up",
      "up{}",
      'up{tenant="t2"}',
      'up{tenant=~"t1"}',
      'a{tenant="t1"} + b{c="d"}',
      'q{d=~"T-1.*"}',
      'q{d=~"T-10\\\\..*"}',
      'q{d=~"T-1\\\\..*|x"}',
      'q{d!="t1-app"}',
      1,
      {}
    )
  end)
end)

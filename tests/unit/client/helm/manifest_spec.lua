local manifest = require "o2x.client.helm.manifest"

local function deployment(image, env)
  return ([[
---
# Source: svc/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
spec:
  template:
    spec:
      containers:
      - name: app
        image: "%s"
        env:
%s]]):format(image, env)
end

local ENV = '        - name: A\n          value: "1"\n        - name: STRIPE_API_KEY\n          value: "sk_live"\n'
local SERVICE =
  "---\n# Source: svc/templates/service.yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  namespace: ns\n"

local function diff(before, after)
  return manifest.diff(before and manifest.objects(before), after and manifest.objects(after))
end

describe("a manifest", function()
  it("has the same hash however its objects are written and in whatever order", function()
    local hash = function(text) return manifest.hash(manifest.objects(text)) end
    assert.equal(hash(SERVICE), hash("\n" .. SERVICE:gsub("# Source: [^\n]*\n", "") .. "\n---\n"))
    assert.equal(hash(SERVICE .. deployment("i", ENV)), hash(deployment("i", ENV) .. SERVICE))
    assert.equal(hash "a: 1.0\nb: {c: yes}\n", hash "b: {c: true}\na: 1\n")
    assert.are_not.equal(hash(SERVICE), hash((SERVICE:gsub("name: a", "name: b"))))
  end)

  it("is the same again after it was written", function()
    for _, text in ipairs {
      SERVICE .. deployment("i", ENV),
      'a: "no"\nb: "1_0"\nc: "{{ x }}"\nd: |\n  x\n\n  y\ne: 0777\n',
    } do
      local objects = manifest.objects(text)
      assert.same(objects, manifest.objects(manifest.text(objects)))
    end
  end)

  it("keeps a separator within a text", function()
    local text = "kind: ConfigMap\nmetadata:\n  name: c\ndata:\n  x: |\n    ---\n    y\n"
    assert.equal("---\ny\n", manifest.objects(text)[1].data.x)
  end)

  it("gives its objects, those of a List too", function()
    local objects =
      manifest.objects("apiVersion: v1\nkind: List\nitems:\n- kind: A\n- kind: B\n---\n# nothing\n---\nkind: C\n")
    assert.same({ "A", "B", "C" }, { objects[1].kind, objects[2].kind, objects[3].kind })
  end)

  -- What helm or the server takes apart must be seen apart here.
  it("hides no object", function()
    for text, kinds in pairs {
      ["kind: A\n--- # more\nkind: B\n"] = "A B",
      ["kind: A\n...\n---\nkind: B\n"] = "A B",
      ["kind: A\n--- {kind: B}\n"] = "A B",
      ["kind: ConfigMapList\nitems: [{kind: A}, {kind: List, items: [{kind: B}]}]\n"] = "A B",
      ["x: &x {kind: B}\nkind: A\n---\n<<: {kind: B}\n"] = "A B",
      ["kind: A\nkind: B\n"] = "B", -- to the server too
    } do
      local found = {}
      for i, object in ipairs(manifest.objects(text)) do
        found[i] = object.kind
      end
      assert.equal(kinds, table.concat(found, " "), text)
    end
    assert.has_error(function() manifest.objects "kind: A\n kind: B\n" end)
  end)

  it("is sorted out: objects, hooks, CRDs", function()
    local text = SERVICE
      .. "---\n# Source: app/crds/x.yaml\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"
      .. '---\nkind: Job\nmetadata: {name: j, annotations: {"helm.sh/hook": "pre-install,pre-upgrade"}}\n'
    local found = manifest.rendering(text)
    assert.same({ 1, 1, 1 }, { #found.objects, #found.hooks, #found.crds })
    assert.equal("Service ns/a", manifest.name(found.objects[1]))
    assert.equal("Job j (hook pre-install, pre-upgrade)", manifest.name(found.hooks[1]))
  end)

  it("differs by object and field, named things by their names", function()
    local more = ENV:gsub("(        %- name: STRIPE)", '        - name: B\n          value: "2"\n%1')
      :gsub("sk_live", "sk_test")
    assert.same({
      "~ Deployment a",
      "    ~ spec.template.spec.containers.app.env.A.value: 1 → 3",
      "    + spec.template.spec.containers.app.env.B.value: 2",
      "    ~ spec.template.spec.containers.app.env.STRIPE_API_KEY.value: (hidden)",
      "    ~ spec.template.spec.containers.app.image: i:1 → i:2",
      "- Service ns/a",
    }, diff(SERVICE .. deployment("i:1", ENV), deployment("i:2", (more:gsub('value: "1"', 'value: "3"')))))
  end)

  it("that is new is a list of objects", function()
    assert.same({ "+ Service ns/a", "+ Deployment a" }, diff(nil, SERVICE .. deployment("i", ENV)))
    assert.same({}, diff(SERVICE, SERVICE))
  end)
end)

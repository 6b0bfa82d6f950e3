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

describe("a manifest", function()
  it("falls apart into its documents", function()
    local docs = manifest.documents(SERVICE .. "--- \n\n---\n" .. deployment("i", ENV))
    assert.equal(2, #docs)
    assert.equal("apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  namespace: ns", docs[1])
  end)

  it("has the same hash with other white space and sources around", function()
    assert.equal(manifest.hash(SERVICE), manifest.hash("\n" .. SERVICE:gsub("# Source: [^\n]*\n", "") .. "\n---\n"))
    assert.are_not.equal(manifest.hash(SERVICE), manifest.hash((SERVICE:gsub("name: a", "name: b"))))
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
    }, manifest.diff(SERVICE .. deployment("i:1", ENV), deployment("i:2", (more:gsub('value: "1"', 'value: "3"')))))
  end)

  it("that is new is a list of objects", function()
    assert.same({ "+ Service ns/a", "+ Deployment a" }, manifest.diff(nil, SERVICE .. deployment("i", ENV)))
    assert.same({}, manifest.diff(SERVICE, SERVICE))
  end)
end)

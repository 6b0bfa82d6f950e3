-- The many failures of helm are in tests/unit/client/helm_spec.lua, by way of the client.
local failure = require "o2x.client.helm.failure"
local raised = require "tests.support.raised"

local function result(stderr) return { code = 1, stdout = "", stderr = stderr } end

describe("a failure of helm", function()
  it("is what follows Error:, in one line", function()
    local text = "walk.go:75: found symbolic link\nError: one\nwalk.go:75: x\ntwo\n\nUse --debug flag to render\n"
    assert.equal("one two", failure.text(result(text)))
    assert.equal("plain", failure.text(result "plain\n"))
  end)

  it("names the release and helm's command", function()
    local e = raised(failure.raise, "upgrade", "t1-app", result "Error: something\n")
    assert.same({ "failed", "helm upgrade t1-app: something" }, { e.kind, e.message })
  end)

  it("of a chart that asks the cluster says so, and what to do", function()
    local text = 'Error: template: app/templates/b.yaml:3:9: executing "app/templates/b.yaml" at <lookup "v1" "Secret" '
      .. '"d" "y">: error calling lookup: unable to get apiresource: connection refused\n'
    local e = raised(failure.raise, "template", "t1-app", result(text), "/tree/app")
    assert.equal("refused", e.kind)
    assert.equal("/tree/app/templates/b.yaml:3", e.where)
    assert.matches('asks the cluster %(lookup "v1" "Secret" "d" "y"%)', e.message)
    assert.matches("k8s.get", e.hint)
  end)

  it("in a file names it, with its line, whatever it is called", function()
    for text, where in pairs {
      ['template: app/templates/a b.yaml:3:6: executing "x" at <.x>: nil'] = "templates/a b.yaml:3",
      ['template: app/templates/ü/é.yaml:1:1: executing "x" at <.x>: nil'] = "templates/ü/é.yaml:1",
      ['template: app/charts/sub/templates/a.yaml:2:1: executing "x" at <.x>: nil'] = "charts/sub/templates/a.yaml:2",
      ["YAML parse error on app/templates/a.b.yaml: yaml: line 5: bad"] = "templates/a.b.yaml:5",
      ["parse error at (app/templates/a.yaml:7): missing value"] = "templates/a.yaml:7",
    } do
      local e = raised(failure.raise, "template", "t1-app", result("Error: " .. text), "/my tree/app")
      assert.same({ "input", "/my tree/app/" .. where }, { e.kind, e.where }, text)
    end
  end)

  it("by a signal leaves the outcome unknown", function()
    local e = raised(failure.raise, "upgrade", "t1-app", { signal = 9, stdout = "", stderr = "" })
    assert.equal("unknown", e.kind)
  end)
end)

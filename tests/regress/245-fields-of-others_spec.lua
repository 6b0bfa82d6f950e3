-- An ingress that somebody had edited with kubectl stopped every run that tends it, with a hint that no operator can
-- follow ("apply with force"). Edits by hand are mended now; what belongs to a controller is left to the operator, and
-- the command of the hint overwrites it.

local fs = require "o2x.base.fs"
local k8s = require "o2x.client.k8s"
local kubeconfig = require "o2x.client.kubeconfig"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"
local toys = require "tests.support.toy"

local GRANTS <const> = {
  namespace = "default",
  names = { "t1-settings" },
  label = { "tenant", "t1" },
  contents = {},
}

local function settings(level)
  return {
    apiVersion = "v1",
    kind = "ConfigMap",
    metadata = { name = "t1-settings", namespace = "default", labels = { tenant = "t1" } },
    data = { level = level },
  }
end

local function in_cluster(body)
  small_lab.with({ "k8s" }, nil, function(lab)
    local client = k8s.new { config = kubeconfig.load { path = lab.env.KUBECONFIG }, scope = GRANTS }
    local function ensure(level)
      local run = small_run.new {
        mode = "apply",
        clients = { k8s = client },
        modules = { (require "o2x.effects.k8s") },
      }
      return pcall(run.api.k8s.ensure, settings(level))
    end
    local function kubectl(...)
      local result = lab.run("kubectl", ...)
      assert.equal(0, result.code, result.stderr)
      return result.stdout
    end
    body(ensure, kubectl)
  end)
end

local function level(kubectl) return kubectl("get", "cm", "t1-settings", "-o", "jsonpath={.data.level}") end

describe("fields that somebody else has set", function()
  for what, words in pairs {
    edit = { "patch", "cm", "t1-settings", "--field-manager=kubectl-edit", "-p", '{"data":{"level":"2"}}' },
    patch = { "patch", "cm", "t1-settings", "-p", '{"data":{"level":"2"}}' },
  } do
    it(("by hand are set again: kubectl %s"):format(what), function()
      in_cluster(function(ensure, kubectl)
        assert(ensure "1")
        kubectl(table.unpack(words))
        assert.equal("2", level(kubectl))
        assert(ensure "1")
        assert.equal("1", level(kubectl))
      end)
    end)
  end

  it("are left alone where a controller has them, or where the object is not the run's", function()
    in_cluster(function(ensure, kubectl)
      assert(ensure "1")
      kubectl("patch", "cm", "t1-settings", "--field-manager=keeper", "-p", '{"data":{"level":"2"}}')
      local ok, err = ensure "1"
      assert.is_false(ok)
      assert.matches("data.level belongs to keeper", err.message)
      assert.matches("^check it; to overwrite it: o2x resume %S+ %-%-take%-over=%x+$", err.hint)
      assert.equal("2", level(kubectl))
      kubectl("delete", "cm", "t1-settings")
      kubectl("create", "cm", "t1-settings", "--from-literal=level=3")
      kubectl("label", "cm", "t1-settings", "tenant=t1")
      assert.is_false((ensure "1"))
      assert.equal("3", level(kubectl))
    end)
  end)

  it("are overwritten by the command of the hint", function()
    local toy <close> = toys.new()
    toy:runbook("tend", [[ step("one", function() toy.ensure("one", 1) end) ]])
    fs.write(toy.system .. "/.theirs-one", "")
    local stopped = toy:o2x { "run", "tend", "alpha" }
    assert.equal(1, stopped.code)
    local words = {}
    for word in stopped.stderr:match("to overwrite it: o2x ([^\n]+)"):gmatch "%S+" do
      words[#words + 1] = word
    end
    local resumed = toy:o2x(words)
    assert.equal(0, resumed.code, resumed.stderr)
    assert.same({ one = 1 }, toy:holds())
  end)
end)

local take_over = require "o2x.engine.take_over"

describe("taking over", function()
  it("is what the operator named by its key, or by kind and key", function()
    local run = { take_over = { "lamp", "k8s.object Ingress a" } }
    assert.is_true(take_over.wants(run, "toy.value", "lamp"))
    assert.is_true(take_over.wants(run, "k8s.object", "Ingress a"))
    assert.is_false(take_over.wants(run, "k8s.fields", "Ingress a"))
    assert.is_false(take_over.wants(run, "toy.value", "lam"))
    assert.is_false(take_over.wants({}, "toy.value", "lamp"))
  end)

  it("knows the words that named nothing", function()
    local run = { take_over = { "lamp", "lump" } }
    take_over.wants(run, "toy.value", "lamp")
    assert.same({ "lump" }, take_over.unused(run))
    assert.same({}, take_over.unused {})
  end)

  it("is proposed as a shell takes it", function()
    assert.equal("--take-over=lamp", take_over.option "lamp")
    assert.equal("'--take-over=Ingress a'", take_over.option "Ingress a")
  end)
end)

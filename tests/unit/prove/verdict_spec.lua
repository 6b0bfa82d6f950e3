local verdict = require "o2x.prove.verdict"

describe("the verdict", function()
  it("names each place in which two states differ", function()
    local expected = { files = { a = "1", b = "2" }, vault = { x = "1" } }
    assert.same({}, verdict.differences(expected, expected))
    assert.same(
      { "files a: missing, should be 1", "files c: 3, should be missing", "vault x: 2, should be 1" },
      verdict.differences(expected, { files = { b = "2", c = "3" }, vault = { x = "2" } })
    )
    assert.same({}, verdict.differences(expected, { files = expected.files }, { vault = true }))
  end)

  it(
    "knows what only tells that something was changed and changed back",
    function()
      assert.same(
        { "k8s Deployment default/x spec.replicas: 2, should be 1" },
        verdict.without_traces {
          "k8s Deployment default/x metadata.generation: 3, should be 1",
          "k8s Deployment default/x spec.replicas: 2, should be 1",
        }
      )
    end
  )

  it("takes ids that each run draws anew for alike, and nothing else", function()
    local function rows(one, other, email)
      return {
        postgres = {
          ["rows users"] = { [one .. ".email"] = "a@b.c", [other .. ".email"] = email, [one .. ".by"] = other },
        },
      }
    end
    local a, b = "515cf264-22fc-4383-ba21-6ab9b73459ab", "713e19ae-4e88-4d59-af42-fcbd352a62c4"
    local expected = verdict.without_drawn_ids(rows(a, b, "d@e.f"))
    assert.same({}, verdict.differences(expected, verdict.without_drawn_ids(rows(b, a, "d@e.f"))))
    assert.equal(1, #verdict.differences(expected, verdict.without_drawn_ids(rows(b, a, "x@y.z"))))
  end)

  it("says the first few in a line", function()
    assert.is_nil(verdict.line {})
    assert.equal("a; b; c; 2 more", verdict.line { "a", "b", "c", "d", "e" })
  end)

  it("finds what was done twice, and only what took effect", function()
    local once = { { write = true, identity = "a" }, { write = false, identity = "b" } }
    assert.is_nil(verdict.twice(once, once))
    assert.truthy(verdict.twice(once, { once[1], once[1] }))
    assert.is_nil(verdict.twice(once, { once[1], { write = true, identity = "a", status = 503 } }))
    assert.is_nil(verdict.twice({ once[1], once[1] }, { once[1], once[1] }))
  end)

  it("finds a write among reads", function()
    assert.is_nil(verdict.write_in { { write = false, method = "GET", target = "/" } })
    assert.equal("sent a write: PUT /x", verdict.write_in { { write = true, method = "PUT", target = "/x" } })
  end)

  it("finds the text of a secret", function()
    assert.is_true(verdict.leaks({ "hunter22" }, "it is hunter22."))
    assert.is_false(verdict.leaks({ "hunter22" }, "it is nothing"))
  end)
end)

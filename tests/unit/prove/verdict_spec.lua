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

  it("finds the text of a secret", function()
    assert.is_true(verdict.leaks({ "hunter22" }, "it is hunter22."))
    assert.is_false(verdict.leaks({ "hunter22" }, "it is nothing"))
  end)

  it("counts the changes of a plan and of a run", function()
    assert.same({}, verdict.counted_differences({ "a", "b", "a" }, { "b", "a", "a" }))
    local found = verdict.counted_differences({ "a", "c" }, { "a", "a", "a", "b" })
    assert.same({ "done, but not planned, 2 times: a", "done, but not planned: b", "planned, but not done: c" }, found)
  end)

  it("takes hashes of templates for alike where the templates are", function()
    local function picture(hash, other, image)
      local pods = { k8s = {} }
      pods.k8s["ReplicaSet web-" .. hash] = { image = image, label = hash }
      pods.k8s["ReplicaSet web-" .. other] = { image = "old", label = other }
      return verdict.without_drawn_ids(pods)
    end
    local expected = picture("5474856bf7", "694b6bc6df", "new")
    assert.same({}, verdict.differences(expected, picture("f4654f6fd", "78b686dc89", "new")))
    assert.same({}, verdict.differences(expected, picture("cdcdbb7", "bcdfbcdfc", "new"))) -- short, or without a digit
    assert.is_true(#verdict.differences(expected, picture("f4654f6fd", "78b686dc89", "newer")) > 0)
    assert.is_true(#verdict.differences(expected, picture("f4654f6fd", "f4654f6fd", "new")) > 0)
  end)

  it("takes archives for alike whose hash is that of their bytes", function()
    local function picture(bytes, said)
      return verdict.without_drawn_ids {
        aws = { ["object b/a.dump"] = { sha256 = bytes, ["metadata.o2x-sha256"] = said } },
      }
    end
    assert.same({}, verdict.differences(picture("1", "1"), picture("2", "2")))
    assert.is_true(#verdict.differences(picture("1", "1"), picture("1", "2")) > 0)
  end)

  it("takes manifests for alike that differ in comments", function()
    local function picture(manifest)
      return verdict.without_drawn_ids { helm = { ["release a/b revision 1"] = { manifest = manifest } } }
    end
    local expected = picture "---\n# Source: a/b.yaml\nkind: A\n---\n# Source: a/c.yaml\nkind: B\n"
    assert.same({}, verdict.differences(expected, picture "kind: A\n---\nkind: B"))
    assert.same({}, verdict.differences(expected, picture "--- # Source: a\nkind: A\n--- # Source: c\nkind: B\n"))
    assert.equal(1, #verdict.differences(expected, picture "kind: A\n---\nkind: C"))
    assert.equal(1, #verdict.differences(expected, picture "kind: A\nkind: B"))
  end)

  it("finds the line that says what went wrong", function()
    local text = "12:00:01 Step: ! vault is sealed\no2x: vault is sealed\n  next: o2x resume R-1\n"
    assert.equal("vault is sealed", verdict.error_line { stderr = text })
    assert.equal("done", verdict.error_line { stderr = "a\ndone\n" })
  end)
end)

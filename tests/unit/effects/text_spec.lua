local text = require("o2x.effects.text").api()

describe("o2x.text", function()
  it("writes sizes and durations", function()
    assert.equal("8.9 MB", text.bytes(9332326))
    assert.equal("3 min 20 s", text.duration(200))
  end)

  it("reads durations", function()
    assert.equal(5400, text.parse_duration "90m")
    assert.is_nil(text.parse_duration "soon")
  end)

  it("reads Kubernetes quantities", function()
    assert.equal(1.5, text.parse_quantity "1500m")
    assert.equal(2 * 2 ^ 30, text.parse_quantity "2Gi")
    assert.equal(2, text.parse_quantity(2))
    assert.is_nil(text.parse_quantity "much")
    assert.is_nil(text.parse_quantity "1Xi")
    assert.is_nil(text.parse_quantity(nil))
  end)

  it("quotes what a shell would take apart, and nothing else", function()
    assert.equal("a-b_c.d/e:f=g,h@i%j+k", text.shell_word "a-b_c.d/e:f=g,h@i%j+k")
    for word, quoted in pairs { [""] = "''", ["a b"] = "'a b'", ["$(x)"] = "'$(x)'", ["a'b"] = [['a'\''b']] } do
      assert.equal(quoted, text.shell_word(word))
    end
  end)

  it("suggests a name", function()
    assert.equal("; did you mean deploy?", text.suggest("depoy", { "deploy", "scale" }))
    assert.equal("", text.suggest("xyz", { "deploy", "scale" }))
  end)
end)

local effects = require "o2x.effects"

describe("the effects modules", function()
  it("are all there, and say what they are", function()
    for _, name in ipairs(effects.NAMES) do
      local module = effects.find(name)
      assert.equal(name, module.name)
      assert.equal("function", type(module.api))
    end
  end)

  it("that write declare the word of their name", function()
    for _, name in ipairs(effects.NAMES) do
      for _, sort in ipairs(effects.find(name).types or {}) do
        if sort.write then assert.equal(name .. ":write", effects.find(name).declares) end
      end
    end
  end)

  it("name each kind of effect once", function()
    local seen = {}
    for _, name in ipairs(effects.NAMES) do
      for _, sort in ipairs(effects.find(name).types or {}) do
        assert.is_nil(seen[sort.kind], sort.kind)
        seen[sort.kind] = true
      end
    end
  end)

  it("that only compute can be used while a file is loaded", function()
    for _, name in ipairs(effects.NAMES) do
      if effects.is_pure(name) then
        assert.is_nil(effects.find(name).types)
        assert.equal("table", type(effects.find(name).api(nil)))
      end
    end
    assert.is_false(effects.is_pure "pg")
  end)

  it("that are not there are unknown", function()
    assert.is_nil(effects.find "nosuch")
    assert.is_false(effects.known "nosuch")
  end)
end)

describe("a word of a runbook's effects", function()
  it("is the name of a module and :write", function()
    assert.is_true(effects.is_effect_word "pg:write")
    for _, word in ipairs { "pg", "pg:read", "nosuch:write", "" } do
      assert.is_false(effects.is_effect_word(word), word)
    end
    assert.is_false(effects.is_effect_word(7))
  end)

  it("is one of those that are listed", function()
    for _, word in ipairs(effects.words()) do
      assert.is_true(effects.is_effect_word(word))
      local kind = word:match "^(%w+%.%w+):"
      if kind then assert.equal(kind, (effects.types_of({ [word] = true })[1] or {}).kind) end
    end
  end)

  it("knows a word of a kind's own, which says less than the module's", function()
    local kinds = {}
    for i, one in ipairs(effects.types_of { ["k8s.replicas:write"] = true }) do
      kinds[i] = one.kind
    end
    assert.same({ "k8s.replicas" }, kinds)
    assert.is_true(effects.is_effect_word "k8s.replicas:write")
    assert.is_false(effects.is_effect_word "k8s.replica:write")
    assert.is_true(effects.is_declared({ ["k8s.replicas:write"] = true }, "k8s.replicas", "k8s:write"))
    assert.is_false(effects.is_declared({ ["k8s.replicas:write"] = true }, "k8s.fields", "k8s:write"))
    assert.is_true(effects.is_declared({ ["k8s:write"] = true }, "k8s.fields", "k8s:write"))
  end)
end)

local forks = require "o2x.core.forks"

-- A fork in the test's own process would run the rest of the tests: forks are seen in tests/e2e/prove_spec.lua.
describe("a channel", function()
  it("carries messages whole, and says when nobody is there any more", function()
    local one, other = forks.channel()
    for _, text in ipairs { "", "x", ("long"):rep(10000) } do
      assert.is_true(forks.send(one, text))
      assert.equal(text, forks.receive(other))
    end
    forks.close(one)
    assert.is_nil(forks.receive(other))
    assert.is_false(forks.send(other, "x"))
    forks.close(other)
  end)
end)

local drawn = require "o2x.prove.drawn"

describe("what a run draws", function()
  it("is alike, and nothing else is", function()
    local text = "515cf264-22fc-4383-ba21-6ab9b73459ab R-20261126-190540-2599 2026-11-26T19:05:40.147Z "
    assert.equal("UUID RUN TIME ", drawn.without(text))
    assert.equal("MARKER x", drawn.without(("ab"):rep(16) .. " x"))
    assert.equal("order 1234 of 2026-11-26", drawn.without "order 1234 of 2026-11-26")
  end)

  it("is in the name of a pod, in each lab another", function()
    local function without(text) return (text:gsub(drawn.POD, "-POD")) end
    assert.equal("pods/web-POD/log", without "pods/web-5474856bf7-x2b4z/log")
    assert.equal("web-POD, web-POD", without "web-cdcdbb7-qwxz9, web-bcdfbcdfc-b2b2b")
    assert.equal("pods/urbanos-service-usage", without "pods/urbanos-service-usage")
  end)
end)

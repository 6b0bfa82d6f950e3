-- A sparse checkout that leaves out the tenants' files said "unknown tenant", and that the file does not exist.

local checkouts = require "tests.support.checkout"
local ok = require "tests.support.ok"

describe("a tenant's file that git leaves out of the checkout", function()
  local checkout, toy
  before_each(function()
    checkout = checkouts.new()
    toy = checkout.toy
    checkout:repository()
    checkout:git("sparse-checkout", "set", "docs")
  end)
  after_each(function() toy:__close() end)

  for _, words in ipairs {
    { "run", "enter", "alpha" },
    { "plan", "enter", "alpha" },
    { "run", "enter", "--tenants=alpha,beta" },
    { "locks", "alpha" },
  } do
    it("is brought by the line that is said: " .. table.concat(words, " "), function()
      local refused = toy:o2x(words)
      assert.equal(3, refused.code)
      assert.matches(
        "alpha.yaml: git has this tenant's file and leaves it out of this checkout",
        refused.stderr,
        1,
        true
      )
      local bring = refused.stderr:match "git %-C %S+ sparse%-checkout add tenants" or error(refused.stderr)
      ok(toy:shell({}, "", bring .. "; exit; "))
      assert.is_nil(toy:o2x(words).stderr:find "leaves it out of this checkout")
    end)
  end

  it(
    "is unknown where git does not have it, either",
    function() assert.matches("unknown tenant nobody", toy:o2x({ "run", "enter", "nobody" }).stderr, 1, true) end
  )
end)

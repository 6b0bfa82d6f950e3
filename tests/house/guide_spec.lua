-- docs/guide.md names tests and runbooks: they are there.

local fs = require "o2x.base.fs"

describe("docs/guide.md", function()
  local text = fs.read "docs/guide.md"

  it("names tests that are there", function()
    local count = 0
    for path in text:gmatch "`(tests/[%w_/]+%.lua)`" do
      assert.is_true(fs.exists(path), path)
      count = count + 1
    end
    assert.is_true(count > 30)
  end)

  it("names runbooks that are there", function()
    for name in text:gmatch "`o2x run ([%w-]+) TENANT" do
      assert.is_true(fs.exists("runbooks/" .. name .. ".lua"), name)
    end
  end)

  it("names steps of the onboarding that are there", function()
    local onboard, count = fs.read "runbooks/onboard.lua", 0
    for name in text:gmatch "%*(%u[%w ]+)%*" do
      assert.is_truthy(onboard:find(('step("%s"'):format(name), 1, true), name)
      count = count + 1
    end
    assert.is_true(count > 15)
  end)
end)

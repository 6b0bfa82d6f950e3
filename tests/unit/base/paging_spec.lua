local limits = require "o2x.base.limits"
local paging = require "o2x.base.paging"

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

-- Walks a list whose tokens a function gives.
local function walk(list, token_of, items)
  local page = 0
  repeat
    page = page + 1
  until not list:next(token_of(page), items or 1)
  return page
end

describe("a list in pages", function()
  after_each(function() limits.use() end)

  it("ends where the server says so", function()
    assert.equal(7, walk(paging.new "the list", function(page) return page < 7 and page or nil end))
    assert.equal(1, walk(paging.new "the list", function() return "" end))
  end)

  it("ends where the server goes in a circle, however long and after however long a way", function()
    for _, circle in ipairs { 1, 2, 3, 10, 97 } do
      for _, way in ipairs { 0, 1, 50 } do
        local err = raised(
          walk,
          paging.new "the list",
          function(page) return page <= way and "way " .. page or "circle " .. (page - way) % circle end
        )
        assert.equal("endless", err.code)
        assert.matches("^the list does not end: page %d+ is to begin where an earlier one did$", err.message)
      end
    end
  end)

  it("has a limit of pages and of items", function()
    limits.use { pages = 20, rows = 100 }
    local function more(page) return page end
    assert.equal("the list: more than 20 pages", raised(walk, paging.new "the list", more).message)
    assert.equal("the list: more than 100 items", raised(walk, paging.new "the list", more, 30).message)
    local scan = paging.new("the scan", { unbounded = true })
    assert.equal("the scan: more than 20 pages", raised(walk, scan, more, 30).message) -- 2,000 of them
  end)
end)

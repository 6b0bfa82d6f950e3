-- Marking the same slot to be closed twice broke the list of pending closes: a <close> in the caller of xml.parse never
-- ran.

local defer = require "o2x.base.defer"
local xml = require "o2x.core.xml"

describe("parsing XML", function()
  it("leaves the closers of its callers alone", function()
    local closed = 0
    local function caller()
      local _closer <close> = defer(function() closed = closed + 1 end)
      xml.parse "<a><b>x</b></a>"
    end
    caller()
    assert.equal(1, closed)
  end)
end)

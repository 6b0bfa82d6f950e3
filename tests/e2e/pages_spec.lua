-- The pages of tests/pages: commands, what they say, their exit codes. tests/support/page.lua says what a page is.

local fs = require "o2x.base.fs"
local page = require "tests.support.page"

local FOLDER <const> = "tests/pages"

for _, name in ipairs(fs.list(FOLDER)) do
  local path = FOLDER .. "/" .. name
  local text = fs.read(path)
  describe(name, function()
    it(page.parse(text).name or "has a name", function() page.play(text, path) end)
  end)
end

describe("a page fails", function()
  local function fails(text, message)
    local ok, problem = pcall(page.play, text .. "\n", "page")
    assert.is_false(ok, text)
    assert.matches(message, problem)
  end

  it("by a wrong exit code", function()
    fails("! 3 o2x version", "page:1: .*exit code 3 expected")
    fails("o2x nosuch", "exit code 0 expected")
  end)

  it("by missing or unwanted output", function()
    fails("o2x version\nstdout nosuch", "page:2: .*it is not there")
    fails("o2x version\n! stdout o2x", "it is there")
    fails("o2x version\n! stdout", "it is not empty")
    fails("o2x version\nstdout /^nosuch/", "it is not there")
    fails("o2x version\ncmp stdout want\n-- want --\nx", "they differ")
  end)

  it("by a file that is there or not", function()
    fails("exists nosuch", "it does not exist")
    fails("! exists runbooks/build.lua", "it exists")
  end)

  it("by a line that it does not know", function() fails("frobnicate", "no such line") end)
end)

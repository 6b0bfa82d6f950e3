-- o2x check loaded stdlib again for each file, parsed it again for each runbook that calls it, and parsed the sources
-- of all apis in each process: more than two seconds.

local captured = require "tests.support.captured"
local check = require "o2x.cli.check"
local fs = require "o2x.base.fs"
local parser = require "o2x.core.parse"

describe("o2x check of the whole project", function()
  it("reads each file once, and takes it apart once", function()
    local read, tree = fs.read, parser.tree
    local reads, count = {}, 0
    fs.read = function(path, limit) -- luacheck: ignore
      local name = path:match "/(runbooks/.*%.lua)$" or path:match "/(stdlib/.*%.lua)$"
      if name then reads[name] = (reads[name] or 0) + 1 end
      return read(path, limit)
    end
    parser.tree = function(text)
      count = count + 1
      return tree(text)
    end
    local shown
    local ok, err = pcall(function()
      shown = captured(function() check.run({}, {}) end)
    end)
    fs.read, parser.tree = read, tree -- luacheck: ignore
    if not ok then error(err, 0) end
    local files = select(2, shown:gsub("✓ ", ""))
    assert.is_true(files > 50)
    -- A tenant's own version of a runbook looks at the steps of the standard one.
    assert.is_true(count <= files + #fs.list "runbooks/tenants")
    for name, times in pairs(reads) do
      -- A tenant's own version loads the standard one.
      assert.is_true(times == 1 or name:match "^runbooks/" and times == 2, name .. " is read " .. times .. " times")
    end
  end)
end)

describe("a script with a text that does not end", function()
  it("is a mistake that check finds", function()
    local folder = require "tests.support.folder"
    local lint = require "o2x.script.check"
    for _, text in ipairs { 'return "x', "return 'x", "return [[x", "--[[ x", 'x = "\\', "return [==[ ]=]" } do
      local place <close> = folder { ["runbooks/x.lua"] = text, ["stdlib/house.lua"] = text }
      local project = { root = place.path, runbooks = place:at "runbooks", stdlib = place:at "stdlib" }
      assert.matches("x.lua:1: unfinished", lint.file(project, place:at "runbooks/x.lua", "runbook")[1].text)
      assert.matches("house.lua:1: unfinished", lint.file(project, place:at "stdlib/house.lua", "library")[1].text)
    end
  end)
end)

-- Tenants selected by a field, and list --tenants, read all files again for each tenant and compared each with each:
-- 89 files ended by the limit of a script's time.

local captured = require "tests.support.captured"
local fleets = require "o2x.engine.fleet"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local list = require "o2x.cli.list"
local project = require "o2x.project.project"

describe("many tenants", function()
  local place

  setup(function()
    place = folder { ["tree/platform.yaml"] = fs.read "examples/platform/platform.yaml" }
    local text = fs.read "examples/platform/tenants/acme-sbx.yaml"
    for i = 1, 150 do
      local name = ("t%03d-prd"):format(i)
      place:write(("tree/tenants/%s.yaml"):format(name), (text:gsub("acme%-sbx", name)))
    end
  end)
  teardown(function() place:close() end)

  -- path → how often fn reads it
  local function reads(fn)
    local counts, read = {}, fs.read
    fs.read = function(path, limit) -- luacheck: ignore
      counts[path] = (counts[path] or 0) + 1
      return read(path, limit)
    end
    local ok, err = pcall(fn)
    fs.read = read -- luacheck: ignore
    if not ok then error(err, 0) end
    return counts
  end

  local function assert_once(counts)
    for i = 1, 150 do
      assert.equal(1, counts[place:at(("tree/tenants/t%03d-prd.yaml"):format(i))])
    end
  end

  it("are selected by a field, each file read once", function()
    local names
    assert_once(
      reads(
        function()
          names = fleets.select(project.at(fs.cwd()), { platform = place:at "tree" }, "env=sandbox,region=us-east-1")
        end
      )
    )
    assert.equal(150, #names)
  end)

  it("are listed, each file read once", function()
    local text
    assert_once(reads(function()
      text = captured(function() list.run({ tenants = true, set = { "platform=" .. place:at "tree" } }, {}) end)
    end))
    for i = 1, 150 do
      assert.matches(("t%03d%%-prd +%%- +sandbox"):format(i), text)
    end
  end)
end)

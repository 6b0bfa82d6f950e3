-- Each place of a tenant and each way in which somebody can get it wrong has a seed that an audit must find, or says
-- why it cannot occur. docs/audit.md has the table.

local fs = require "o2x.base.fs"
local matrix = require "tests.support.matrix"

local BATCHES <const> =
  { "structure", "cluster", "people", "rest", "lost_migration", "registry", "registry_renamed", "database_renamed" }
local SPECS <const> = {
  "tests/e2e/audit_spec.lua",
  "tests/e2e/audit_places_spec.lua",
  "tests/unit/effects/pg/structure_review_spec.lua",
}

describe("the places and ways of an audit", function()
  -- The seeds by their names, and the names of tests.
  local function known()
    local seeds, tests = {}, ""
    for _, seed in ipairs(require "tests.support.seeds") do
      seeds[seed.what] = true
    end
    for _, batch in ipairs(BATCHES) do
      for _, seed in ipairs(require("tests.support.seeds." .. batch)) do
        seeds[seed.what] = true
      end
    end
    for _, path in ipairs(SPECS) do
      tests = tests .. (fs.read_if(path) or "")
    end
    return seeds, tests
  end

  it("are all looked at, or cannot occur", function()
    local seeds, tests = known()
    local count, cells = 0, 0
    for _, row in ipairs(matrix.CELLS) do
      assert.equal(#matrix.WAYS + 1, #row, row[1])
      for i = 2, #row do
        local cell = row[i]
        cells = cells + 1
        assert(cell.never or cell[1], row[1])
        for _, name in ipairs(cell) do
          local test = name:match "^spec: (.*)"
          local found = test and tests:find(test, 1, true) or seeds[name]
          assert(found, ("%s: there is no seed %q"):format(row[1], name))
          count = count + 1
        end
      end
    end
    assert.equal(#matrix.CELLS * #matrix.WAYS, cells)
    assert.is_true(count >= 60, count .. " seeds and tests")
  end)

  it("are the table of docs/audit.md", function()
    local text = table.concat(matrix.markdown(), "\n")
    assert.truthy(fs.read("docs/audit.md"):find(text, 1, true), "docs/audit.md needs:\n" .. text)
  end)
end)

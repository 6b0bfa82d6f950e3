-- Of the table that says whose an archive is, all rows were kept, though one is right and two are too many already: an
-- archive with a million of them needed gigabytes before it was refused.

local archive = require "o2x.client.pg.archive"
local owner = require "o2x.effects.archive.owner"
local raised = require "tests.support.raised"
local restore = require "o2x.client.pg.restore"

local TABLE <const> = "core_config.tenant"
local RULES <const> = { path = "a.dump", functions = {}, roles = {}, extensions = {} }

describe("an archive's rows of the owner's table", function()
  local text
  setup(function() text = archive.text end)
  teardown(function() archive.text = text end)

  -- Looks into an archive with so many rows. -> counts, rows, how much Lua holds meanwhile at most, in bytes
  local function inspect(count)
    local most
    archive.text = function(_, _, line)
      line "CREATE TABLE core_config.tenant (id text, name text);"
      line(("COPY %s (id, name) FROM stdin;"):format(TABLE))
      collectgarbage()
      local before = collectgarbage "count"
      for i = 1, count do
        line(("T-%d\tthe name of a tenant, number %d"):format(i, i))
      end
      collectgarbage()
      most = (collectgarbage "count" - before) * 1024
      line "\\."
    end
    local counts, rows = restore.inspect(RULES, TABLE)
    return counts, rows, most
  end

  setup(function() inspect(40000) end) -- Lua's own table of strings has its size then

  for _, count in ipairs { 0, 1, 2, 3, 1000, 4000, 40000 } do
    it(("are counted, and the first two kept: %d"):format(count), function()
      local counts, rows, held = inspect(count)
      assert.same({ count, count, math.min(count, 2) }, { counts[TABLE], rows.count, #rows })
      assert.is_true(held < 16 * 1024, held)
      if count > 0 then assert.same({ id = "T-1", name = "the name of a tenant, number 1" }, rows[1]) end
    end)
  end

  it("are all named when they are too many", function()
    local _, rows = inspect(4000)
    local problem = raised(owner.check_rows, "a.dump", { table = TABLE, key = { id = "T-1" } }, rows)
    assert.equal("refused", problem.kind)
    assert.matches("the data of 4000 tenants", problem.message)
  end)
end)

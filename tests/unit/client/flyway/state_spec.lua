local folder = require "o2x.client.flyway.folder"
local raised = require "tests.support.raised"
local state = require "o2x.client.flyway.state"

local TEXTS = {
  ["V1__a.sql"] = "SELECT 1",
  ["V2__b.sql"] = "SELECT 2",
  ["V3__c.sql"] = "SELECT 3",
  ["B2__base.sql"] = "SELECT 4",
  ["R__r.sql"] = "SELECT 5",
}

local function migrations(...)
  local map = {}
  for _, name in ipairs { ... } do
    map[name] = TEXTS[name]
  end
  return folder.resolve(map).migrations
end

-- The rows of a history; each a script, or a table with its fields.
local function rows(...)
  local list = {}
  for i, given in ipairs { ... } do
    if type(given) == "string" then given = { script = given } end
    local migration = TEXTS[given.script] and migrations(given.script)[1] or {}
    local row = {
      installed_rank = i,
      version = migration.version,
      description = migration.description,
      type = migration.type,
      checksum = migration.checksum,
      success = true,
    }
    for key, value in pairs(given) do
      row[key] = value
    end
    list[i] = row
  end
  return list
end

local function pending(resolved, history)
  local found = {}
  for i, migration in ipairs(state.pending(state.compare(resolved, history), { repair = "REPAIR", left = "DROP" })) do
    found[i] = migration.script
  end
  return found
end

local ALL = migrations("V1__a.sql", "V2__b.sql", "V3__c.sql", "R__r.sql")
local SCHEMA = { script = '"x"', type = "SCHEMA", description = "<< Flyway Schema Creation >>" }
local BASELINE =
  { script = "<< Flyway Baseline >>", type = "BASELINE", version = "2", description = "<< Flyway Baseline >>" }

describe("pending", function()
  it("is what the history lacks", function()
    for _, case in ipairs {
      { rows(), { "V1__a.sql", "V2__b.sql", "V3__c.sql", "R__r.sql" } },
      { rows(SCHEMA, "V1__a.sql", "V2__b.sql"), { "V3__c.sql", "R__r.sql" } },
      { rows("V1__a.sql", "V2__b.sql", "V3__c.sql", "R__r.sql"), {} },
      { rows("V1__a.sql", "V2__b.sql", "V3__c.sql", { script = "R__r.sql", checksum = 1 }), { "R__r.sql" } },
      { rows("V1__a.sql", "V2__b.sql", "V3__c.sql", { script = "R__r.sql", checksum = 1 }, "R__r.sql"), {} },
      { rows(BASELINE), { "V3__c.sql", "R__r.sql" } },
      { rows({ script = "V1__a.sql", checksum = 9 }, BASELINE), { "V3__c.sql", "R__r.sql" } },
      {
        rows("V1__a.sql", "V2__b.sql", "V3__c.sql", "R__r.sql", { script = "V9__z.sql", version = "9", type = "SQL" }),
        {},
      },
      {
        rows("V1__a.sql", "V2__b.sql", "V3__c.sql", "R__r.sql", { script = "R__r.sql", type = "DELETE" }),
        { "R__r.sql" },
      },
    } do
      assert.same(case[2], pending(ALL, case[1]))
    end
  end)

  it("begins with the newest baseline in a new database only", function()
    local with = migrations("V1__a.sql", "V2__b.sql", "B2__base.sql", "V3__c.sql")
    assert.same({ "B2__base.sql", "V3__c.sql" }, pending(with, rows()))
    assert.same({ "V2__b.sql", "V3__c.sql" }, pending(with, rows "V1__a.sql"))
    assert.same({ "V3__c.sql" }, pending(with, rows "B2__base.sql"))
  end)

  it("is refused where Flyway refuses", function()
    local later = { script = "V9__z.sql", version = "9", type = "SQL", description = "z", success = false }
    local last = { script = "V8__y.sql", version = "8", type = "SQL", description = "y", success = false }
    for _, case in ipairs {
      { rows { script = "V1__a.sql", success = false }, "failed migration to version 1 %(V1__a.sql%)" },
      { rows { script = "R__r.sql", success = false }, "failed repeatable migration r" },
      { rows({ script = "R__r.sql", success = false }, "R__r.sql"), "failed repeatable migration r" },
      {
        rows { script = "V1__a.sql", checksum = 7 },
        "checksum mismatch for migration version 1: applied to database 7,",
      },
      { rows { script = "V1__a.sql", description = "other" }, "version 1 was 'other', now 'a'" },
      { rows("V1__a.sql", "V3__c.sql"), "version 2 is out of order: the database is already at 3" },
      { rows("V1__a.sql", { script = "V1.5__x.sql", version = "1.5", type = "SQL" }), "applied migration version 1.5" },
      { rows { script = "R__x.sql", description = "x", type = "SQL" }, "applied migration x %(R__x.sql%) is missing" },
      { rows { script = "V1__a.sql", type = "JDBC" }, "version 1 %(V1__a.sql%) is missing" },
      { rows { script = "U1__a.sql", version = "1", type = "UNDO_SQL" }, "type UNDO_SQL, which o2x does not know" },
      {
        rows { script = "x.sql", version = "abc", type = "SQL" },
        "row 1 of the history has the version 'abc', which is none",
      },
      { rows(last, later), "failed migration to version 8" },
    } do
      local problem = raised(pending, ALL, case[1])
      assert.equal("conflict", problem.kind)
      assert.matches(case[2], problem.message)
    end
    -- one failed migration that the folder does not know is another branch's business
    assert.same({}, pending({}, rows(later)))
  end)

  it("of a failed script names what is known to be left", function()
    local problem = raised(pending, ALL, rows { script = "V1__a.sql", success = false })
    assert.equal("undo by hand what it left (DROP), or complete it; then REPAIR", problem.hint)
  end)

  it("names the repair, and how many problems there are", function()
    local history = rows({ script = "V1__a.sql", checksum = 7 }, { script = "V2__b.sql", success = false })
    local problem = raised(pending, ALL, history)
    assert.matches("%(and 1 more%)$", problem.message)
    assert.matches("REPAIR$", problem.hint)
    assert.equal("V1__a.sql", problem.where)
  end)
end)

describe("a repair", function()
  local function repairs(resolved, history)
    local found = {}
    for i, one in ipairs(state.repairs(resolved, history)) do
      found[i] = ("%s %d"):format(one.what, one.row.installed_rank)
    end
    return found
  end

  it("removes failed rows, notes missing ones, aligns changed ones", function()
    for _, case in ipairs {
      { rows("V1__a.sql", "R__r.sql"), {} },
      { rows("V1__a.sql", { script = "V2__b.sql", success = false }), { "remove 2" } },
      { rows { script = "R__r.sql", success = false }, { "remove 1" } },
      { rows { script = "V1__a.sql", checksum = 1 }, { "align 1" } },
      { rows { script = "V1__a.sql", description = "old" }, { "align 1" } },
      { rows { script = "V1.5__x.sql", version = "1.5", type = "SQL", description = "x" }, { "delete 1" } },
      { rows { script = "V9__x.sql", version = "9", type = "SQL", description = "x" }, {} },
      { rows { script = "R__x.sql", type = "SQL", description = "x" }, { "delete 1" } },
      { rows { script = "R__r.sql", checksum = 1 }, {} },
      { rows(SCHEMA, BASELINE), {} },
    } do
      assert.same(case[2], repairs(ALL, case[1]))
    end
  end)

  it("leaves a history that needs none", function()
    local history = rows(
      "V1__a.sql",
      { script = "V1.5__x.sql", version = "1.5", type = "SQL", description = "x" },
      { script = "V1.5__x.sql", version = "1.5", type = "DELETE", description = "x" }
    )
    assert.same({}, repairs(ALL, history))
    assert.same({ "V2__b.sql", "V3__c.sql", "R__r.sql" }, pending(ALL, history))
  end)
end)

describe("a long description", function()
  it("is shortened as Flyway does", function()
    assert.equal(("x"):rep(200), state.abbreviated(("x"):rep(200)))
    assert.equal(("x"):rep(197) .. "...", state.abbreviated(("x"):rep(201)))
    assert.equal(("ü"):rep(197) .. "...", state.abbreviated(("ü"):rep(201)))
  end)
end)

-- A folder that Flyway had applied was refused whole for what o2x could not have run, though nothing was left to run.

local migrate = require "o2x.client.flyway.migrate"
local raised = require "tests.support.raised"
local resolve = require("o2x.client.flyway.folder").resolve

local TEXTS <const> = {
  "COPY t FROM stdin;\n1\n\\.\n",
  "COPY t FROM stdin; without an end",
  "BEGIN; SELECT 1; COMMIT;",
  "SELECT '${NoSuch}'",
  "SELECT 1; VACUUM;",
  "SELECT ( 'a",
  "REINDEX TABLE CONCURRENTLY t; SELECT 1",
}

local FILES <const> = {
  ["V1_x.sql"] = "SELECT nonsense",
  ["notes.sql"] = "SELECT ${nonsense}",
  ["U1__undo.sql"] = "SELECT '",
  ["B1__base.sql"] = "SELECT '",
  ["afterMigrate.sql"] = "SELECT '${nosuch}'",
  ["beforeClean.sql"] = "SELECT '",
  ["V99__x.sql.conf"] = "nonsense=true",
}

local function folder(more)
  local files = {}
  for name, text in pairs(FILES) do
    files[name] = text
  end
  for i, text in ipairs(TEXTS) do
    files[("V%d__x.sql"):format(i)] = text
    files[("V%d__x.sql.conf"):format(i)] = "shouldExecute=true"
  end
  for name, text in pairs(more or {}) do
    files[name] = text
  end
  return resolve(files)
end

local function applied(resolved)
  local rows = {}
  for _, migration in ipairs(resolved.migrations) do
    if migration.kind == "versioned" then
      rows[#rows + 1] = {
        installed_rank = #rows + 1,
        version = migration.version,
        description = migration.description,
        type = "SQL",
        script = migration.script,
        checksum = migration.checksum,
        success = true,
      }
    end
  end
  return rows
end

describe("a folder that is applied", function()
  it("is not looked at further", function()
    local resolved = folder()
    assert.equal(#TEXTS, #applied(resolved))
    assert.same({}, migrate.pending(nil, resolved, applied(resolved)))
  end)

  it("has what is left to run looked at", function()
    local rows = applied(folder())
    assert.equal(
      "V8__y.sql",
      migrate.pending(nil, folder { ["V8__y.sql"] = "SELECT 1", ["afterMigrate.sql"] = "" }, rows)[1].script
    )
    for _, text in ipairs { "SELECT '${nosuch}'", "SELECT 1; VACUUM", "SELECT (", "COPY t FROM stdin" } do
      raised(migrate.pending, nil, folder { ["V8__y.sql"] = text, ["afterMigrate.sql"] = "" }, rows)
    end
    raised(migrate.pending, nil, folder { ["V8__y.sql"] = "SELECT 1" }, rows) -- the callback would run, too
  end)
end)

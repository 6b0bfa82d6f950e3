-- Migrations: o2x beside Flyway 10.22. Each case is done by Flyway in one database and by o2x in another; a case of
-- several steps is also done by both in turn. Compared are what came of each step, the history and the whole content.

local cases = require "tests.reference.cases.flyway"
local errors = require "o2x.base.error"
local flyway = require "tests.support.flyway"
local folder_of = require "tests.support.folder"
local gate = require "tests.support.gate"
local secret = require "o2x.base.secret"
local servers = require "tests.support.servers"

-- What a message of either means; the first that fits.
local MEANINGS = {
  { "No enum constant", "unknown type" },
  { "Version may only contain", "no version" },
  { "has the version '.-', which is none", "no version" },
  { "which o2x does not know", "unknown type" },
  { "SQL State *: *(%w+)", "SQL" },
  { "ERROR: ", "SQL" },
  { "which scripts cannot be run with", "SQL" },
  { "failed migration to version", "failed" },
  { "[Ff]ailed repeatable migration", "failed" },
  { "not resolved locally", "missing" },
  { "missing in the folder", "missing" },
  { "resolved migration not applied", "out of order" },
  { "out of order", "out of order" },
  { "[Cc]hecksum mismatch", "changed" },
  { "[Dd]escription mismatch", "renamed" },
  { "renamed after", "renamed" },
  { "[Ff]ound more than", "twice" },
  { "duplicate", "twice" },
  { "same callback twice", "twice" },
  { "o value provided for placeholder", "placeholder" },
  { "value for default placeholder", "placeholder" },
  { "for the placeholder", "placeholder" },
  { "placeholder %${ that", "placeholder" },
  { "both transactional and non%-transactional", "mixed" },
  { "some only outside", "mixed" },
  { "[Nn]on%-empty schema", "not empty" },
  { "is not empty", "not empty" },
  { "Unknown configuration", "configuration" },
  { "Invalid value for", "configuration" },
  { "shouldExecute", "configuration" },
  { "unknown key", "configuration" },
  { "must be true or false", "configuration" },
  { "%.conf:%d+: is not UTF", "configuration" },
  { "Unable to read config", "configuration" },
  { "Incomplete statement", "unfinished" },
  { "does not end", "unfinished" },
  { "a byte of zero", "unfinished" },
  { "Unable to calculate checksum", "encoding" },
  { "is not UTF", "encoding" },
}

local function meaning(text)
  for _, one in ipairs(MEANINGS) do
    local found = one[2] and text:match(one[1])
    if found then return one[2] end
  end
  return text
end

local function outcome_of(ok, problem)
  if ok then return "ok" end
  if errors.is(problem) and problem.code then return "SQL" end
  return meaning(tostring(problem))
end

local HISTORY = [[SELECT installed_rank, version, description, type, script, checksum, installed_by, success
  FROM %s ORDER BY 1]]

local RELATIONS = [[SELECT n.nspname || '.' || c.relname AS name, c.relkind AS kind, c.oid::regclass::text AS sql,
    pg_get_userbyid(c.relowner) AS owner, i.indisvalid AS valid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT IN ('information_schema', 'o2x')
    AND c.relname NOT LIKE 'flyway_%'
  ORDER BY 1]]

-- All that can be seen of a database, as lines.
local function content(db, schema)
  local lines = {}
  local name = ('"%s".flyway_schema_history'):format(schema)
  if db:one("SELECT to_regclass($1) IS NOT NULL AS there", name).there then
    for _, row in ipairs(db:rows(HISTORY:format(name))) do
      lines[#lines + 1] = ("%d|%s|%s|%s|%s|%s|%s|%s"):format(
        row.installed_rank,
        row.version or "",
        row.description,
        row.type,
        row.script,
        row.checksum or "",
        row.installed_by,
        row.success
      )
    end
  end
  for _, one in ipairs(db:rows(RELATIONS)) do
    lines[#lines + 1] = ("%s %s of %s%s"):format(one.kind, one.name, one.owner, one.valid == false and " INVALID" or "")
    if one.kind == "r" or one.kind == "v" then
      for _, row in ipairs(db:rows(('SELECT "the row"::text AS r FROM %s AS "the row" ORDER BY 1'):format(one.sql))) do
        lines[#lines + 1] = "  " .. row.r
      end
    end
  end
  return table.concat(lines, "\n")
end

describe("migrations by o2x and by Flyway", function()
  if not flyway.installed() then
    return pending "Flyway is not there: run vendor/reference flyway (with Maven and Java)"
  end

  local server, reference
  local tried, alike, different = 0, 0, 0
  setup(function()
    server = servers.start "postgres"
    reference = flyway.start()
    server.sql("postgres", "CREATE ROLE other; GRANT other TO admin")
  end)
  teardown(function()
    if reference then reference:close() end
    server.stop()
  end)

  local function by_flyway(database, case, step, path)
    local values = {
      url = ("jdbc:postgresql://127.0.0.1:%d/%s"):format(server.port, database),
      user = "admin",
      password = server.state.admin_password,
      folder = path .. "/db",
      schemas = table.concat(case.schemas or { "public" }, ","),
    }
    for name, value in pairs(case.placeholders or {}) do
      values["placeholder." .. name] = value
    end
    local answer = reference:run(step.command or "migrate", values)
    return answer == "ok" and "ok" or meaning(answer), answer
  end

  local function by_o2x(database, case, step, path)
    local pg, run = gate.run {
      mode = "apply",
      module = "pg",
      config = {
        platform = path,
        pg = {
          host = "127.0.0.1",
          port = server.port,
          user = "admin",
          sslmode = "disable",
          password = secret.new(server.state.admin_password, "pg.password"),
        },
      },
      scope = { pg = { tenant = database, control = "postgres", admin = "postgres" }, files = { read = { "db/" } } },
    }
    local command = step.command == "repair" and pg.tenant.ensure_migrations_repaired or pg.tenant.ensure_migrated
    local options = { schemas = case.schemas or { "public" }, placeholders = case.placeholders }
    local ok, problem = pcall(command, pg.tenant, "db", options)
    run.close()
    return outcome_of(ok, problem), tostring(problem)
  end

  -- Does the steps of a case in a new database. who: "flyway", "o2x", or both in turn, the named one first.
  local function done(case, who, in_turn)
    server.sql("postgres", "DROP DATABASE IF EXISTS tried WITH (FORCE)")
    server.sql("postgres", "CREATE DATABASE tried OWNER admin")
    local lines, turn = {}, who
    for i, step in ipairs(case.steps or { case }) do
      if step.sql then server.sql("tried", step.sql) end
      if step.files then
        local files <close> = folder_of { ["db/.keep"] = "" }
        for name, text in pairs(step.files) do
          files:write("db/" .. name, text)
        end
        local outcome, text
        if turn == "flyway" then
          outcome, text = by_flyway("tried", case, step, files.path)
        else
          outcome, text = by_o2x("tried", case, step, files.path)
        end
        lines[#lines + 1] = ("step %d: %s"):format(i, outcome)
        if os.getenv "O2X_VERBOSE" then print(case.name, turn, text) end
        if in_turn then turn = turn == "flyway" and "o2x" or "flyway" end
      end
    end
    do
      local db <close> = server.connect("tried", { user = "postgres", password = server.state.superuser_password })
      lines[#lines + 1] = content(db, (case.schemas or { "public" })[1])
    end
    return table.concat(lines, "\n")
  end

  local function migrates(case)
    local n = 0
    for _, step in ipairs(case.steps or { case }) do
      if step.files then n = n + 1 end
    end
    return n
  end

  for _, case in ipairs(cases) do
    it(case.name, function()
      tried = tried + 1
      local theirs, ours = done(case, "flyway"), done(case, "o2x")
      if case.differs then
        assert.not_equal(theirs, ours, "no longer differs: " .. case.differs)
        if case.ours then assert.matches(case.ours, ours) end
        different = different + 1
        return
      end
      assert.equal(theirs, ours)
      alike = alike + 1
      if migrates(case) > 1 then
        assert.equal(theirs, done(case, "flyway", true), "Flyway first")
        assert.equal(theirs, done(case, "o2x", true), "o2x first")
      end
    end)
  end

  it("were compared", function()
    assert.equal(#cases, tried)
    print(("flyway: %d cases, %d alike, %d different on purpose"):format(tried, alike, different))
  end)
end)

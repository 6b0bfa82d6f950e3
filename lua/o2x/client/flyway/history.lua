--- Reads Flyway's history table and applies migrations under Flyway's lock.

local errors = require "o2x.base.error"
local flyway = require "o2x.client.flyway"
local pg = require "o2x.client.pg"
local sql = require "o2x.client.flyway.sql"
local task = require "o2x.base.task"

local M = {}

local TABLE = "flyway_schema_history"

-- The same DDL that Flyway runs.
local CREATE_TABLE = [[
CREATE TABLE IF NOT EXISTS %s (
    "installed_rank" INT NOT NULL,
    "version" VARCHAR(50),
    "description" VARCHAR(200) NOT NULL,
    "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL,
    "checksum" INTEGER,
    "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TIMESTAMP NOT NULL DEFAULT now(),
    "execution_time" INTEGER NOT NULL,
    "success" BOOLEAN NOT NULL
);
ALTER TABLE %s ADD CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY ("installed_rank");
CREATE INDEX "flyway_schema_history_s_idx" ON %s ("success")]]

local INSERT = [[INSERT INTO %s
(installed_rank, version, description, type, script, checksum, installed_by, execution_time, success)
VALUES ($1, $2, $3, $4, $5, $6, current_user, $7, $8)]]

local function history_table(schemas) return pg.quote(schemas[1], "schema name") .. "." .. pg.quote(TABLE) end

--- The key of Flyway's advisory lock for a history table, so that o2x and Flyway exclude each other: "Flyway" as a
--- number plus Java's hash of the quoted name.
---@param name string
---@return integer
function M.lock_number(name)
  local hash = 0
  for i = 1, #name do
    hash = (hash * 31 + name:byte(i)) & 0xFFFFFFFF
  end
  if hash >= 0x80000000 then hash = hash - 0x100000000 end
  return 0x466C79776179 + hash
end

local NOT_EMPTY = [[SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1]]

-- A database that was filled without Flyway: which migrations it already has is unknown.
local function refuse_unknown_content(db, schemas)
  local used = db:one(NOT_EMPTY, pg.array(schemas))
  if not used then return end
  errors.raise {
    kind = "conflict",
    module = "flyway",
    message = ("%s: schema %s is not empty, but has no %s"):format(db.dbname, used.schema, TABLE),
    hint = "if the database was filled by hand, run flyway baseline first",
  }
end

--- Reads the history.
---@param db o2x.pg.Connection
---@param schemas string[] the first has the history table
---@return table[]|nil rows by rank; nil if there is no history table
function M.read(db, schemas)
  local name = history_table(schemas)
  if not db:one("SELECT to_regclass($1) IS NOT NULL AS there", name).there then
    refuse_unknown_content(db, schemas)
    return nil
  end
  return db:rows(([[SELECT installed_rank, version, description, type, script, checksum, success
    FROM %s ORDER BY installed_rank]]):format(name))
end

-- ---- the lock ----

local LOCK_SECONDS = 300

-- A session-level lock: one held by a transaction would block CREATE INDEX CONCURRENTLY.
local function lock(db, schemas, waiting)
  local number = M.lock_number(history_table(schemas))
  local deadline = task.now() + LOCK_SECONDS
  while not db:query("SELECT pg_try_advisory_lock($1) AS got", number)[1].got do
    if task.now() > deadline then
      errors.raise {
        kind = "locked",
        module = "flyway",
        message = ("%s: another migration is still holding the lock after %d s"):format(db.dbname, LOCK_SECONDS),
        hint = ([[psql %s -c "select pid from pg_locks where locktype = 'advisory' and granted"]]):format(db.dbname),
      }
    end
    if waiting then waiting(db.dbname .. ": another migration is running") end
    task.sleep(0.25)
  end
end

-- ---- making the history ----

local function missing_schemas(db, schemas)
  local there = {}
  for _, row in ipairs(db:query("SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)", pg.array(schemas))) do
    there[row.nspname] = true
  end
  local missing = {}
  for _, schema in ipairs(schemas) do
    if not there[schema] then missing[#missing + 1] = pg.quote(schema, "schema name") end
  end
  return missing
end

-- Creates the missing schemas, and the history table with Flyway's row about them.
local function prepare(db, schemas)
  local name = history_table(schemas)
  db:transaction(function(tx)
    local known = M.read(tx, schemas)
    local missing = missing_schemas(tx, schemas)
    for _, schema in ipairs(missing) do
      tx:query("CREATE SCHEMA " .. schema)
    end
    if known then return end
    tx:script(CREATE_TABLE:format(name, name, name))
    if #missing > 0 then
      tx:query(
        INSERT:format(name),
        0,
        nil,
        "<< Flyway Schema Creation >>",
        "SCHEMA",
        table.concat(missing, ","),
        nil,
        0,
        true
      )
    end
  end)
end

-- ---- applying ----

local function failed(db, migration, problem)
  if not errors.is(problem) or not problem.code then error(problem, 0) end
  local line = problem.position and 1 + select(2, migration.text:sub(1, problem.position):gsub("\n", ""))
  local where = line and ("%s:%d"):format(migration.script, line) or migration.script
  error(errors.amend(problem, { where = where, op = "migrate" }), 0)
end

local function record(db, name, rank, migration, seconds, success)
  db:query(
    INSERT:format(name),
    rank,
    migration.version,
    migration.description,
    "SQL",
    migration.script,
    migration.checksum,
    math.floor(seconds * 1000),
    success
  )
end

-- The script and its history row are committed in one transaction.
local function apply_inside(db, name, rank, migration, path)
  db:transaction(function(tx)
    tx:defer("SELECT set_config('search_path', $1, true)", path)
    local start = task.now()
    local ok, problem = pcall(tx.script, tx, migration.text)
    if not ok then failed(tx, migration, problem) end
    record(tx, name, rank, migration, task.now() - start, true)
  end, { attempts = 3 })
end

-- The state that an interrupted CREATE INDEX CONCURRENTLY left behind: "valid", "invalid" or nil.
local function index_state(db, index)
  local row = db:query("SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)", index)[1]
  return row and (row.valid and "valid" or "invalid")
end

local function run_outside(db, statement, again)
  local index = sql.concurrent_index(statement)
  local state = index and again and index_state(db, index)
  if state == "valid" then return end
  if state == "invalid" then db:query("DROP INDEX CONCURRENTLY " .. index) end
  db:query(statement.text)
end

-- The row is written first, with success = false: after a crash it shows that the script must run again.
local function apply_outside(db, name, rank, migration, path, again)
  db:query("SELECT set_config('search_path', $1, false)", path)
  if not again then record(db, name, rank, migration, 0, false) end
  local start = task.now()
  for _, statement in ipairs(sql.statements(migration.text)) do
    local ok, problem = pcall(run_outside, db, statement, again)
    if not ok then failed(db, migration, problem) end
  end
  db:query(
    ("UPDATE %s SET success = true, execution_time = $2 WHERE installed_rank = $1"):format(name),
    rank,
    math.floor((task.now() - start) * 1000)
  )
end

local function rank_of(rows, migration)
  local highest = 0
  for _, row in ipairs(rows) do
    if not row.success and row.script == migration.script then return row.installed_rank, true end
    highest = math.max(highest, row.installed_rank)
  end
  return highest + 1, false
end

local function search_path(db, schemas)
  local current = db:query("SELECT current_setting('search_path') AS path")[1].path
  return pg.quote(schemas[1]) .. (current ~= "" and ", " .. current or "")
end

--- Applies the pending migrations under Flyway's lock, one transaction per migration. After an interruption, the next
--- call continues where this one stopped.
---@param db o2x.pg.Connection of its own, to be closed afterwards: its settings and lock are the session's
---@param resolved table[] of flyway.resolve
---@param options {schemas: string[], on_start: fun(migration: table)?, waiting: fun(text: string)?}
---@return table[] applied the migrations that were run
function M.migrate(db, resolved, options)
  local schemas, name = options.schemas, history_table(options.schemas)
  lock(db, schemas, options.waiting)
  prepare(db, schemas)
  local path = search_path(db, schemas)
  local rows = M.read(db, schemas)
  local pending = flyway.pending(resolved, rows)
  for _, migration in ipairs(pending) do
    if options.on_start then options.on_start(migration) end
    local rank, again = rank_of(rows, migration)
    local apply = migration.transactional and apply_inside or apply_outside
    apply(db, name, rank, migration, path, again)
    rows[#rows + 1] = { installed_rank = rank, success = true }
  end
  return pending
end

return M

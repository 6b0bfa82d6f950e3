--- Flyway's history table, and the lock that keeps o2x and Flyway from migrating at the same time.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local task = require "o2x.base.task"

local M = {}

--- The name of the table, as Flyway has it by default.
M.TABLE = "flyway_schema_history"

-- The same DDL that Flyway runs.
local CREATE_TABLE <const> = {
  [[
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
)]],
  'ALTER TABLE %s ADD CONSTRAINT "flyway_schema_history_pk" PRIMARY KEY ("installed_rank")',
  'CREATE INDEX "flyway_schema_history_s_idx" ON %s ("success")',
}

-- The last %s is how long the script took, in milliseconds.
local INSERT <const> = [[INSERT INTO %s
(installed_rank, version, description, type, script, checksum, installed_by, success, execution_time)
SELECT coalesce(max(installed_rank) + 1, $1), $2, $3, $4, $5, $6, session_user, $7, %s FROM %s
RETURNING installed_rank]]

local SINCE_BEGIN <const> = "(extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000)::integer"

local LONGEST_SCRIPT <const> = 1000

local function quoted(schemas) return pg.quote(schemas[1], "schema name") .. "." .. pg.quote(M.TABLE) end

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

--- The quoted name of the history table.
---@param schemas string[] the first has it
---@return string
function M.table_of(schemas) return quoted(schemas) end

--- The key of the lock for the history of schemas.
---@param schemas string[]
---@return integer
function M.lock_of(schemas) return M.lock_number(quoted(schemas)) end

-- ---- reading ----

-- One answer: is there a history, what is there without one, and what a migration needs to know besides.
local LOOK <const> = [[SELECT to_regclass($1) IS NOT NULL AS there, current_setting('search_path') AS path,
ARRAY(SELECT nspname::text FROM pg_namespace WHERE nspname = ANY ($2) ORDER BY 1) AS present,
CASE WHEN to_regclass($1) IS NULL THEN (
SELECT n.nspname::text FROM pg_namespace n WHERE n.nspname = ANY ($2) AND EXISTS (
  SELECT FROM (
    SELECT oid FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('r', 'v', 'm', 'S', 'f', 'p')
    UNION ALL SELECT oid FROM pg_type WHERE typnamespace = n.oid AND typcategory NOT IN ('A', 'C')
    UNION ALL SELECT oid FROM pg_proc WHERE pronamespace = n.oid
  ) AS o WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
) LIMIT 1) END AS used]]

local ROWS <const> = [[SELECT installed_rank, version, description, type, script, checksum, success
FROM %s ORDER BY installed_rank]]

-- A database that was filled without Flyway: which migrations it already has is unknown.
local function refuse_unknown_content(db, used)
  if not used then return end
  errors.raise {
    kind = "conflict",
    module = "flyway",
    message = ("%s: schema %s is not empty, but has no %s"):format(db.dbname, used, M.TABLE),
    hint = "if the database was filled by hand, run flyway baseline first",
  }
end

-- Connections → the history tables that were there when they looked: those are read without looking first.
local known = setmetatable({}, { __mode = "k" })

local function read_known(db, name)
  local ok, rows = pcall(db.rows, db, ROWS:format(name))
  if ok then return rows end
  if not errors.is(rows) or rows.code ~= "42P01" then error(rows, 0) end
  known[db] = nil
end

--- Notes that the history table is there.
---@param db o2x.pg.Connection
---@param schemas string[]
function M.note(db, schemas) known[db] = quoted(schemas) end

---@class o2x.flyway.present what a migration finds
---@field rows table[]? the history; nil if there is none
---@field path string the search path
---@field schemas table<string, boolean> those of the folder's that are there
---@field names string[] the same in order

local function present_of(found, rows)
  local present = { path = found.path, rows = rows, schemas = {}, names = found.present or {} }
  for _, schema in ipairs(present.names) do
    present.schemas[schema] = true
  end
  return present
end

--- Reads the history.
---@param db o2x.pg.Connection
---@param schemas string[] the first has the history table
---@return table[]|nil rows by rank; nil if there is no history table
---@return o2x.flyway.present? present what is there without one
function M.read(db, schemas)
  local name = quoted(schemas)
  local rows = known[db] == name and db.depth == 0 and read_known(db, name)
  if rows then return rows end
  local found = db:one(LOOK, name, pg.array(schemas))
  if not found.there then
    refuse_unknown_content(db, found.used)
    return nil, present_of(found)
  end
  known[db] = name
  return db:rows(ROWS:format(name))
end

local INVALID = [[SELECT string_agg('DROP INDEX CONCURRENTLY ' || indexrelid::regclass, '; ' ORDER BY indexrelid) AS sql
FROM pg_index WHERE NOT indisvalid AND indrelid >= 16384]]

--- The commands that remove what a failed CREATE INDEX CONCURRENTLY left.
---@param db o2x.pg.Connection
---@return string? commands nil if there is nothing
function M.left(db) return db:one(INVALID).sql end

-- ---- the lock ----

local LOCK_SECONDS <const> = 300

local TRY <const> = "SELECT pg_try_advisory_lock($1) AS got"

--- Takes Flyway's lock for the session. A lock of a transaction would block CREATE INDEX CONCURRENTLY.
---@param db o2x.pg.Connection of its own, closed afterwards
---@param schemas string[]
---@param waiting fun(text: string)?
function M.lock(db, schemas, waiting)
  local number = M.lock_of(schemas)
  local deadline = task.now() + LOCK_SECONDS
  while not db:query(TRY, number)[1].got do
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

--- Takes the lock and reads the history. Both are one round trip, unless another migration is running.
---@param db o2x.pg.Connection of its own, or held
---@param schemas string[]
---@param before table[] statements that come first
---@param waiting fun(text: string)?
---@return o2x.flyway.present
function M.enter(db, schemas, before, waiting)
  local name = quoted(schemas)
  local answers = db:pipeline { before, { { TRY, M.lock_number(name) } }, { { LOOK, name, pg.array(schemas) } } }
  local found = db.to_rows(answers[3][1])[1]
  if not db.to_rows(answers[2][1])[1].got then
    M.lock(db, schemas, waiting)
    found = db:one(LOOK, name, pg.array(schemas))
  end
  if not found.there then refuse_unknown_content(db, found.used) end
  return present_of(found, found.there and db:rows(ROWS:format(name)) or nil)
end

local LOCKED <const> = pg.assertion "pg_try_advisory_lock($1)"

local STILL <const> = pg.assertion(
  ("(SELECT NOT l.there AND l.used IS NULL AND l.path = $3 AND l.present = $4 FROM (%s) AS l)"):format(LOOK)
)

--- What takes the lock, and fails unless all is as it was seen without the lock: there is no history.
---@param schemas string[]
---@param seen o2x.flyway.present of read
---@return table[] statements { sql, parameter … }
function M.entrance(schemas, seen)
  local name = quoted(schemas)
  return { { LOCKED, M.lock_number(name) }, { STILL, name, pg.array(schemas), seen.path, pg.array(seen.names) } }
end

--- The statement that reads the rows of a history that is there.
---@param schemas string[]
---@return table statement
function M.reading(schemas) return { ROWS:format(quoted(schemas)) } end

-- ---- writing ----

--- The statement that adds a row.
---@param schemas string[]
---@param row table version?, description, type, script, checksum?, success; seconds: how long it took; nil: since the
---  transaction began
---@return table statement { sql, parameter … }
function M.insertion(schemas, row)
  local name, script = quoted(schemas), row.script
  if #script > LONGEST_SCRIPT then script = "..." .. script:sub(4, LONGEST_SCRIPT) end
  local first = row.type == "SCHEMA" and 0 or 1
  local took = row.seconds and tostring(math.floor(row.seconds * 1000)) or SINCE_BEGIN
  local sql = INSERT:format(name, took, name)
  return table.pack(sql, first, row.version, row.description, row.type, script, row.checksum, row.success)
end

--- Adds a row.
---@param db o2x.pg.Connection
---@param schemas string[]
---@param row table of insertion
---@return integer rank of the row
function M.add(db, schemas, row)
  local statement = M.insertion(schemas, row)
  return db:query(table.unpack(statement, 1, statement.n))[1].installed_rank
end

--- Notes how the script of a row ended.
---@param db o2x.pg.Connection
---@param schemas string[]
---@param rank integer
---@param success boolean
---@param seconds number how long it took
function M.finish(db, schemas, rank, success, seconds)
  db:query(
    ("UPDATE %s SET success = $2, execution_time = $3 WHERE installed_rank = $1"):format(quoted(schemas)),
    rank,
    success,
    math.floor(seconds * 1000)
  )
end

--- Removes a row.
---@param db o2x.pg.Connection
---@param schemas string[]
---@param rank integer
function M.remove(db, schemas, rank)
  db:query(("DELETE FROM %s WHERE installed_rank = $1"):format(quoted(schemas)), rank)
end

--- Gives a row the description, the type and the checksum of a script.
---@param db o2x.pg.Connection
---@param schemas string[]
---@param rank integer
---@param values table description, type, checksum
function M.align(db, schemas, rank, values)
  db:query(
    ("UPDATE %s SET description = $2, type = $3, checksum = $4 WHERE installed_rank = $1"):format(quoted(schemas)),
    rank,
    values.description,
    values.type,
    values.checksum
  )
end

-- ---- making the history ----

--- The statements that create the missing schemas and the history table, with Flyway's row about the schemas.
---@param schemas string[]
---@param present o2x.flyway.present
---@return table[] statements { sql, parameter … }; empty if nothing is missing
function M.preparation(schemas, present)
  local missing, list = {}, {}
  for _, schema in ipairs(schemas) do
    if not present.schemas[schema] then missing[#missing + 1] = pg.quote(schema, "schema name") end
  end
  for i, schema in ipairs(missing) do
    list[i] = { "CREATE SCHEMA " .. schema }
  end
  for _, sql in ipairs(present.rows and {} or CREATE_TABLE) do
    list[#list + 1] = { sql:format(quoted(schemas)) }
  end
  if #missing == 0 then return list end
  list[#list + 1] = M.insertion(schemas, {
    description = "<< Flyway Schema Creation >>",
    type = "SCHEMA",
    script = table.concat(missing, ","),
    success = true,
    seconds = 0,
  })
  return list
end

return M

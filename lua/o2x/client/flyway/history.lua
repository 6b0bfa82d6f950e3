--- Flyway's history table, and the lock that keeps o2x and Flyway from migrating at the same time.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local task = require "o2x.base.task"

local M = {}

--- The name of the table, as Flyway has it by default.
M.TABLE = "flyway_schema_history"

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
SELECT coalesce(max(installed_rank) + 1, $1), $2, $3, $4, $5, $6, current_user, $7, $8 FROM %s
RETURNING installed_rank]]

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

-- ---- reading ----

local NOT_EMPTY = [[SELECT n.nspname AS schema FROM pg_namespace n WHERE n.nspname = ANY ($1) AND EXISTS (
  SELECT FROM (
    SELECT oid FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('r', 'v', 'm', 'S', 'f', 'p')
    UNION ALL SELECT oid FROM pg_type WHERE typnamespace = n.oid AND typcategory NOT IN ('A', 'C')
    UNION ALL SELECT oid FROM pg_proc WHERE pronamespace = n.oid
  ) AS o WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
) LIMIT 1]]

-- A database that was filled without Flyway: which migrations it already has is unknown.
local function refuse_unknown_content(db, schemas)
  local used = db:one(NOT_EMPTY, pg.array(schemas))
  if not used then return end
  errors.raise {
    kind = "conflict",
    module = "flyway",
    message = ("%s: schema %s is not empty, but has no %s"):format(db.dbname, used.schema, M.TABLE),
    hint = "if the database was filled by hand, run flyway baseline first",
  }
end

--- Reads the history.
---@param db o2x.pg.Connection
---@param schemas string[] the first has the history table
---@return table[]|nil rows by rank; nil if there is no history table
function M.read(db, schemas)
  local name = quoted(schemas)
  if not db:one("SELECT to_regclass($1) IS NOT NULL AS there", name).there then
    refuse_unknown_content(db, schemas)
    return nil
  end
  return db:rows(([[SELECT installed_rank, version, description, type, script, checksum, success
    FROM %s ORDER BY installed_rank]]):format(name))
end

local INVALID = [[SELECT string_agg('DROP INDEX CONCURRENTLY ' || indexrelid::regclass, '; ' ORDER BY indexrelid) AS sql
FROM pg_index WHERE NOT indisvalid AND indrelid >= 16384]]

--- The commands that remove what a failed CREATE INDEX CONCURRENTLY left.
---@param db o2x.pg.Connection
---@return string? commands nil if there is nothing
function M.left(db) return db:one(INVALID).sql end

-- ---- the lock ----

local LOCK_SECONDS <const> = 300

--- Takes Flyway's lock for the session. A lock of a transaction would block CREATE INDEX CONCURRENTLY.
---@param db o2x.pg.Connection of its own, closed afterwards
---@param schemas string[]
---@param waiting fun(text: string)?
function M.lock(db, schemas, waiting)
  local number = M.lock_number(quoted(schemas))
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

-- ---- writing ----

--- Adds a row.
---@param db o2x.pg.Connection
---@param schemas string[]
---@param row table version?, description, type, script, checksum?, success; seconds: how long it took
---@return integer rank of the row
function M.add(db, schemas, row)
  local name = quoted(schemas)
  local script = row.script
  if #script > LONGEST_SCRIPT then script = "..." .. script:sub(4, LONGEST_SCRIPT) end
  local first = row.type == "SCHEMA" and 0 or 1
  local milliseconds = math.floor((row.seconds or 0) * 1000)
  return db:query(
    INSERT:format(name, name),
    first,
    row.version,
    row.description,
    row.type,
    script,
    row.checksum,
    milliseconds,
    row.success
  )[1].installed_rank
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

--- Creates the missing schemas, and the history table, with Flyway's row about the schemas.
---@param db o2x.pg.Connection
---@param schemas string[]
function M.prepare(db, schemas)
  local name = quoted(schemas)
  db:transaction(function(tx)
    local known = M.read(tx, schemas)
    local missing = missing_schemas(tx, schemas)
    for _, schema in ipairs(missing) do
      tx:query("CREATE SCHEMA " .. schema)
    end
    if not known then tx:script(CREATE_TABLE:format(name, name, name)) end
    if #missing == 0 then return end
    M.add(tx, schemas, {
      description = "<< Flyway Schema Creation >>",
      type = "SCHEMA",
      script = table.concat(missing, ","),
      success = true,
    })
  end)
end

return M

--- The effect type of the restored copy: a database next to the tenant's, restored from an archive, compared with the
--- archive's note, and only then marked as complete. The tenant's database is not touched.

local archive = require "o2x.client.pg.archive"
local archive_file = require "o2x.effects.archive.file"
local clock = require "o2x.base.clock"
local errors = require "o2x.base.error"
local fingerprint = require "o2x.client.pg.fingerprint"
local pg = require "o2x.client.pg"
local properties = require "o2x.client.pg.properties"
local support = require "o2x.effects.pg.support"
local units = require "o2x.base.units"

local M = {}

local NO_LIMIT <const> = { statement_timeout = 0, idle_timeout = 0 }

--- The note that o2x left on a database; nil if it has none or does not exist.
---@param ctx table
---@param name string
---@return table?
function M.note_of(ctx, name)
  local found = support.with(ctx, ctx.scope.pg.admin, function(db) return properties.read(db, name) end)
  return found and properties.note(found.comment)
end

local function read(ctx, target)
  local note = M.note_of(ctx, target.name)
  if not note or note.o2x ~= "restored" or note.run ~= ctx.run_id then return nil end
  return { sha256 = note.sha256, table = note.table }
end

-- Drops what an earlier attempt may have left.
local function drop(ctx, target)
  ctx:client "pg":close()
  local db <close> = support.connect(ctx, ctx.scope.pg.admin, NO_LIMIT)
  db:query(("DROP DATABASE IF EXISTS %s WITH (FORCE)"):format(pg.quote(target.name, "database name")))
end

-- Creates an empty database with the rights and settings of the tenant's, or with the platform's defaults if that one
-- is lost.
local function create(ctx, target)
  local db <close> = support.connect(ctx, ctx.scope.pg.admin, NO_LIMIT)
  local like = properties.read(db, target.database)
  properties.create(db, target.name, like or target.defaults)
  if like then
    for _, statement in ipairs(properties.copy_rights(db, target.database, target.name)) do
      ctx:log("warn", "a superuser must run again: " .. statement)
    end
    return
  end
  local user = pg.quote(target.defaults.user, "role name")
  db:query(("GRANT CONNECT ON DATABASE %s TO %s"):format(pg.quote(target.name), user))
end

local function unquoted(name) return (name:gsub('"', "")) end

-- Restores everything; or the schema and the data of one table, without the constraints that would need other data.
local function fill(ctx, target, desired)
  local options = ctx:client "pg":options_for(target.name)
  if not desired.table then return archive.restore(options, target.path) end
  archive.restore(options, target.path, { "--section=pre-data" })
  local schema, name = unquoted(desired.table):match("^([^.]*)%.(.*)$")
  archive.restore(options, target.path, { "--data-only", "--schema=" .. schema, "--table=" .. name })
end

local function refuse(target, lines)
  errors.raise {
    kind = "failed",
    module = "archive",
    op = "verify",
    details = lines,
    where = target.path,
    message = ("the restored data differ from the archive: %s"):format(lines[1]),
    hint = "the tenant's database was not touched; use another archive",
  }
end

local function expected(target, desired)
  local all = archive_file.expected(target.path)
  if not desired.table then return all end
  return { [desired.table] = all[desired.table] }
end

local function verify(ctx, target, desired)
  local db <close> = support.connect(ctx, target.name, NO_LIMIT)
  local found = db:transaction(function(tx)
    if not desired.table then return fingerprint.take(tx) end
    return { [desired.table] = fingerprint.of_table(tx, desired.table) }
  end, { read_only = true })
  local lines = fingerprint.differences(expected(target, desired), found)
  if lines[1] then refuse(target, lines) end
  db:script("ANALYZE") -- a restored table has no planner statistics
end

local function check_unchanged(target, desired)
  if archive.sha256(target.path) == desired.sha256 then return end
  errors.raise {
    kind = "conflict",
    module = "archive",
    where = target.path,
    message = "the archive has changed since it was checked",
    hint = "start a new run and do not change the archive meanwhile",
  }
end

local function write(ctx, target, desired)
  drop(ctx, target)
  if desired == nil then return end
  check_unchanged(target, desired)
  create(ctx, target)
  ctx:waiting(("restoring %s to %s"):format(units.bytes(target.bytes or 0), target.name))
  fill(ctx, target, desired)
  ctx:waiting("comparing " .. target.name .. " with the archive")
  verify(ctx, target, desired)
  local note = {
    o2x = "restored",
    of = target.database,
    run = ctx.run_id,
    at = clock.iso(),
    sha256 = desired.sha256,
    table = desired.table,
    from = target.path,
    created = target.created,
  }
  support.with(ctx, ctx.scope.pg.admin, function(db) db:query(properties.note_statement(target.name, note)) end)
end

--- The effect type of the restored copy.
M.restored = {
  kind = "pg.restored",
  class = "idempotent",
  undo = { before = "whether the copy existed", how = "drops the copy" },
  key = function(target) return target.name end,
  read = read,
  write = write,
  show = function(target, before, after)
    local lines = {}
    if before and not after then lines[1] = "- the restored copy" end
    if after then
      lines[1] = ("+ %s of %s, from %s"):format(after.table or "all", target.path, target.created or "an unknown time")
      lines[2] = ("+ %s rows, compared with the archive"):format(target.rows or "all")
    end
    return { title = "database " .. target.name, lines = lines }
  end,
}

return M

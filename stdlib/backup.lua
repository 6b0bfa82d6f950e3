--- Backups of one tenant (guide: Database Backup): a snapshot of the server under the tenant's name, or an archive of
--- the tenant's own database, which is read back and verified.

local archive = require "o2x.archive"
local rds = require "o2x.rds"
local runs = require "o2x.runs"
local s3 = require "o2x.s3"
local text = require "o2x.text"

local M = {}

--- Takes a snapshot of the database server, named as in the guide: NAME-manual-YYYYMMDD-HHMMSS.
---@param tenant table
---@return string id
function M.snapshot(tenant)
  local id = ("%s-manual-%s"):format(tenant.name, runs.stamp())
  rds.ensure_snapshot(id)
  log(
    ("snapshot %s of %s holds the whole server; a restore extracts %s"):format(
      id,
      tenant.platform.database.instance,
      tenant.database
    )
  )
  return id
end

local function is_url(to) return to:find("^%w+://") ~= nil end

-- Through a local file, so that the archive is verified before it is uploaded.
local function to_s3(to)
  s3.check(to)
  local made = archive.dump_own()
  s3.upload(made, to)
  archive.drop_own()
  return made
end

--- Dumps the tenant's database into a new file or a new object in the tenant's own part of S3. Fails if it exists.
---@param tenant table
---@param to string path, or s3://BUCKET/KEY
---@return { path: string, at: string, bytes: integer, tables: integer?, rows: integer? } archive
function M.archive(tenant, to)
  local made = is_url(to) and to_s3(to) or archive.dump(to)
  log(
    ("%s holds %s: %s tables, %s rows, verified against the database"):format(
      to,
      tenant.database,
      made.tables or "all",
      made.rows or "all"
    )
  )
  return { path = to, at = made.at, bytes = made.bytes, tables = made.tables, rows = made.rows }
end

local WHAT <const> = { before = "database replaced by a restore", restored = "copy of an unfinished restore" }

--- Outputs what the tenant can be restored from, and the databases that earlier restores have kept.
---@param _ table tenant
function M.list(_)
  local rows = {}
  for _, snapshot in ipairs(rds.snapshots()) do
    local what = snapshot.type .. " snapshot"
    rows[#rows + 1] = { what = what, name = snapshot.id, from = snapshot.created, state = snapshot.status }
  end
  for _, object in ipairs(s3.list(".dump")) do
    rows[#rows + 1] = { what = "archive", name = object.url, from = object.modified, state = text.bytes(object.size) }
  end
  for _, kept in ipairs(archive.kept()) do
    rows[#rows + 1] = { what = WHAT[kept.what], name = kept.name, from = kept.at, state = text.bytes(kept.size) }
  end
  output { columns = { "what", "name", "from", "state" }, rows = rows }
end

return M

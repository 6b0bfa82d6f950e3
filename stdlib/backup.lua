--- Backups of one tenant (guide: Database Backup): a snapshot of the server under the tenant's name, and an archive of
--- the tenant's own database in a file, read back before it counts.

local archive = require "o2x.archive"
local clock = require "o2x.clock"
local rds = require "o2x.rds"
local s3 = require "o2x.s3"
local text = require "o2x.text"

local M = {}

--- Takes a snapshot of the database server, named as the guide names them: NAME-manual-YYYYMMDD-HHMMSS.
---@param tenant table
---@return string id
function M.snapshot(tenant)
  local stamp = clock.iso():gsub("[-:Z]", ""):gsub("T", "-")
  local id = ("%s-manual-%s"):format(tenant.name, stamp)
  rds.ensure_snapshot(id)
  log(
    ("snapshot %s of %s: the whole server; a restore takes %s out of it"):format(
      id,
      tenant.platform.database.instance,
      tenant.database
    )
  )
  return id
end

local function is_url(to) return to:find("^%w+://") ~= nil end

-- By way of a file: what S3 is given is what was read back.
local function to_s3(to)
  s3.check(to)
  local made = archive.dump_own()
  s3.upload(made, to)
  archive.drop_own()
  return made
end

--- Dumps the tenant's database into a new file, or a new object of its own part of S3.
---@param tenant table
---@param to string
---@return table archive path, at, bytes, tables, rows
function M.archive(tenant, to)
  local made = is_url(to) and to_s3(to) or archive.dump(to)
  log(
    ("%s holds %s: %s tables, %s rows, read back and compared"):format(
      to,
      tenant.database,
      made.tables or "all",
      made.rows or "all"
    )
  )
  return { path = to, at = made.at, bytes = made.bytes, tables = made.tables, rows = made.rows }
end

local WHAT <const> = { before = "what a restore replaced", restored = "what a restore left unfinished" }

--- Tells what the tenant can be restored from, and what earlier restores have left.
---@param _ table tenant
function M.list(_)
  local rows = {}
  for _, one in ipairs(rds.snapshots()) do
    rows[#rows + 1] = { what = one.type .. " snapshot", name = one.id, from = one.created, state = one.status }
  end
  for _, one in ipairs(s3.list(".dump")) do
    rows[#rows + 1] = { what = "archive", name = one.url, from = one.modified, state = text.bytes(one.size) }
  end
  for _, one in ipairs(archive.kept()) do
    rows[#rows + 1] = { what = WHAT[one.what], name = one.name, from = one.at, state = text.bytes(one.size) }
  end
  output { columns = { "what", "name", "from", "state" }, rows = rows }
end

return M

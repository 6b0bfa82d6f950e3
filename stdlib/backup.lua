--- Backups of one tenant (guide: Database Backup): an archive of its database in a file, read back before it counts.

local archive = require "o2x.archive"

local M = {}

--- Dumps the tenant's database into a new file.
---@param tenant table
---@param to string
---@return table archive path, at, bytes, tables, rows
function M.archive(tenant, to)
  local made = archive.dump(to)
  log(("%s holds %s: %s tables, %s rows, read back and compared"):format(to, tenant.database, made.tables or "all",
    made.rows or "all"))
  return { path = to, at = made.at, bytes = made.bytes, tables = made.tables, rows = made.rows }
end

return M

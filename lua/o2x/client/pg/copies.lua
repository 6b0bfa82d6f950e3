--- Names of the databases that a restore creates: the restore copy, and the old database that it replaced. Both contain
--- the run's id. Tenant names never contain two hyphens in a row, so the names cannot collide with another tenant's.

local crypto = require "o2x.base.crypto"

local M = {}

local LONGEST <const> = 63 -- bytes of a name in PostgreSQL
local ID <const> = #"R-20261123-143015-0c9a"

-- A plan has no id yet, and "plan" in its place: the name is cut where the run's will be.
local function name(database, what, run)
  local suffix = ("--%s-%s"):format(what, run)
  local most = LONGEST - #suffix - math.max(ID - #run, 0)
  if #database <= most then return database .. suffix end
  local tag = crypto.sha256(database):sub(1, 8)
  return database:sub(1, most - #tag - 1) .. "-" .. tag .. suffix
end

--- The restore copy: a run restores into it before it touches the tenant's database.
---@param database string
---@param run string
---@return string
function M.restore(database, run) return name(database, "restore", run) end

--- The old database that a run replaced.
---@param database string
---@param run string
---@return string
function M.before(database, run) return name(database, "before", run) end

return M

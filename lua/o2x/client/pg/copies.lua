--- The databases beside a tenant's own: the one that a run restores into, and the one that it put out of the way. Both
--- are named after the run. No tenant's name has two hyphens in a row, so that none of them can be another tenant's.

local crypto = require "o2x.base.crypto"

local M = {}

local LONGEST <const> = 63 -- bytes of a name in PostgreSQL

local function name(database, what, run)
  local suffix = ("--%s-%s"):format(what, run)
  if #database + #suffix <= LONGEST then return database .. suffix end
  local tag = crypto.sha256(database):sub(1, 8)
  return database:sub(1, LONGEST - #suffix - #tag - 1) .. "-" .. tag .. suffix
end

--- Where a run restores to before anything of the tenant's is touched.
---@param database string
---@param run string
---@return string
function M.restore(database, run) return name(database, "restore", run) end

--- What a run put out of the way.
---@param database string
---@param run string
---@return string
function M.before(database, run) return name(database, "before", run) end

return M

--- How rows go back: what o2x undo writes for pg.row and pg.allocated.

local known = require "o2x.effects.pg.known"
local row_sql = require "o2x.effects.pg.row_sql"
local row_value = require "o2x.effects.pg.row_value"
local rows_granted = require "o2x.effects.pg.rows_granted"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local M = {}

local GENERATED <const> = [[SELECT attname AS name FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated <> '']]

--- The key of the bcrypt hash of a password in what a rehearsal takes: it makes another one, of a made-up password.
M.HASH = "$bcrypt"

local BCRYPT <const> = "^%$2[abxy]%$%d%d%$[./%w]+$"

-- Names of columns whose values belong into no journal.
local SECRETIVE <const> = { "pass", "secret", "token", "key", "credential", "hash", "salt" }

local function is_secretive(name)
  for _, word in ipairs(SECRETIVE) do
    if name:lower():find(word, 1, true) then return true end
  end
  return false
end

-- The target with all columns of its table: a row that is removed can be made again with them.
local function whole(ctx, target)
  local columns, secrets = {}, {}
  support.with(ctx, target.database, function(db)
    local generated = {}
    for _, row in ipairs(db:rows(GENERATED, target.table)) do
      generated[row.name] = true
    end
    for name in pairs(known.tables(ctx, target.database, db, { target.table })[target.table]) do
      local plain = target.key[name] ~= nil or generated[name]
      if not plain then columns[name] = true end
      secrets[name] = target.secrets[name] or not plain and is_secretive(name) or nil
    end
  end)
  local copy = {}
  for field, item in pairs(target) do
    copy[field] = item
  end
  copy.columns, copy.secrets = sorted_keys(columns), secrets
  return copy
end

-- The row is the tenant's own, as the grants are now.
local function check(ctx, target)
  local control = ctx.scope.pg and target.database == ctx.scope.pg.control
  rows_granted.key(
    { ctx = ctx, database = target.database, which = control and "control" or "tenant" },
    target.table,
    target.key
  )
end

-- The columns that the journal has, and the names of those that held a secret. One that the run set to the same secret
-- is as it was.
local function split(row, desired)
  local there, gone = {}, {}
  for name, item in pairs(row) do
    if value.has_reference(item) then
      if not desired or not value.equal(item, desired[name]) then gone[#gone + 1] = name end
    else
      there[name] = item
    end
  end
  table.sort(gone)
  return there, gone
end

--- The row with all its columns, as a rehearsal brings it into its lab.
---@param ctx o2x.context
---@param target table
---@return table target
---@return table? row
function M.take(ctx, target)
  local all = whole(ctx, target)
  local row = support.with(
    ctx,
    target.database,
    function(db) return db:rows(table.unpack(row_sql.read(all, all.columns)))[1] end
  )
  local taken = row and row_value.row_of(all, all.columns, { row })
  for name in pairs(row and all.secrets or {}) do
    if tostring(row[name]):find(BCRYPT) then taken[name] = { [M.HASH] = row[name] } end
  end
  return all, taken
end

--- What an undo cannot restore of a row that is changed: the columns that hold a secret, and get another one.
---@param before table
---@param desired table
---@return string? text
function M.lost(before, desired)
  local names = {}
  for name, item in pairs(before) do
    if value.has_secret(item) and not value.equal(item, desired[name]) then names[#names + 1] = name end
  end
  table.sort(names)
  return names[1] and ("the secret in %s"):format(table.concat(names, ", ")) or nil
end

--- What takes back the effect of a row.
---@param ctx o2x.context
---@param past o2x.past
---@return o2x.back? back
---@return string? why a part, or all, cannot go back
function M.restore(ctx, past)
  check(ctx, past.target)
  if past.before == nil then return { target = past.now and whole(ctx, past.target) or past.target } end
  local row, gone = split(past.before, past.desired)
  local why = gone[1] and ("%s held a secret, which the journal does not have"):format(table.concat(gone, ", ")) or nil
  if next(row) == nil and why then return nil, why end
  local target = {}
  for field, item in pairs(past.target) do
    target[field] = item
  end
  target.columns, target.secrets = sorted_keys(row), {}
  return { target = target, desired = row }, why
end

--- The same of a row with an allocated id, which it gets again.
---@param ctx o2x.context
---@param past o2x.past
---@return o2x.back? back
---@return string? why
function M.restore_allocated(ctx, past)
  local back, why = M.restore(ctx, past)
  if back and past.before then back.target.id = past.before[past.target.column] end
  return back, why
end

return M

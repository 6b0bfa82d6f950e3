--- The effect type of one table brought back: its rows come from the database restored aside, in one transaction that
--- ends only when the table holds exactly what was saved. What it held before is kept beside it, in the schema o2x.

local errors = require "o2x.base.error"
local fingerprint = require "o2x.client.pg.fingerprint"
local support = require "o2x.effects.pg.support"
local task = require "o2x.base.task"

local M = {}

local COLUMNS <const> = [[SELECT quote_ident(attname) AS name FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum]]

local KEY <const> = [[SELECT quote_ident(a.attname) AS name
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY 1]]

-- Tables whose rows would go, or be emptied, along with a row of this one.
local FOLLOWERS <const> = [[SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.confrelid = $1::regclass AND f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd')
AND f.conrelid <> f.confrelid ORDER BY 1]]

local PORTION <const> = 1 << 20 -- bytes of rows that go over at once
local NO_LIMIT <const> = { statement_timeout = 0, idle_timeout = 0, lock_timeout = 30 }

local function names(rows)
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = row.name
  end
  return list
end

local function snapshot(ctx, database, name)
  local db <close> = support.connect(ctx, database, NO_LIMIT)
  return db:transaction(function(tx)
    if not tx:query("SELECT to_regclass($1) IS NOT NULL AS there", name)[1].there then return nil end
    return fingerprint.of_table(tx, name)
  end, { read_only = true })
end

--- The fingerprint of a table.
---@param ctx table
---@param database string
---@param name string
---@return {rows: integer, checksum: string}? nil if there is no such table
function M.fingerprint(ctx, database, name) return snapshot(ctx, database, name) end

--- Where a run keeps what a table held: core_config.users of run R-… is o2x."R-… core_config.users", cut where
--- PostgreSQL would cut it.
---@param ctx table
---@param name string of the table
---@return string
function M.kept_name(ctx, name) return 'o2x."' .. ("%s %s"):format(ctx.run_id, name:gsub('"', "")):sub(1, 63) .. '"' end

-- ---- the transaction ----

local function same_columns(tx, target, source)
  local columns, others = names(tx:query(COLUMNS, target.table)), names(source:rows(COLUMNS, target.table))
  if table.concat(columns, ", ") == table.concat(others, ", ") then return columns end
  errors.raise {
    kind = "conflict",
    module = "archive",
    op = "pg.table",
    message = ("%s has other columns now (%s) than when it was saved (%s)"):format(
      target.table,
      table.concat(columns, ", "),
      table.concat(others, ", ")
    ),
    hint = "a migration has changed it since: restore the whole database, or copy by hand from " .. target.aside,
  }
end

-- Where one task leaves a portion for another; it waits until the one before has been taken.
local function slot()
  local portion, waiting
  local function wait_while(condition)
    while condition() do
      local event <close> = task.event()
      waiting = event
      task.wait(event, math.huge)
    end
  end
  local function wake()
    if waiting then waiting:set() end
    waiting = nil
  end
  return function(value) -- put
    wait_while(function() return portion ~= nil end)
    portion = value
    wake()
  end, function() -- take
    wait_while(function() return portion == nil end)
    local value = portion
    portion = nil
    wake()
    return value
  end
end

-- From the other database into a temporary table of this one, a portion at a time.
local function copy(tx, source, target, columns)
  local list, put, take = table.concat(columns, ", "), slot()
  local like = ("SELECT %s FROM %s WITH NO DATA"):format(list, target.table)
  tx:query("CREATE TEMPORARY TABLE o2x_saved ON COMMIT DROP AS " .. like)
  local rows, size = {}, 0
  local function send()
    if size > 0 then put(table.concat(rows)) end
    rows, size = {}, 0
  end
  task.parallel {
    out = function()
      source:copy_out(("COPY %s (%s) TO STDOUT"):format(target.table, list), function(row)
        rows[#rows + 1], size = row, size + #row
        if size > PORTION then send() end
      end)
      send()
      put("")
    end,
    into = function()
      tx:copy_in(("COPY o2x_saved (%s) FROM STDIN"):format(list), function()
        local portion = take()
        return portion ~= "" and portion or nil
      end)
    end,
  }
end

local function refuse_followers(tx, target, gone)
  if gone == 0 then return end
  local followers = names(tx:query(FOLLOWERS, target.table))
  if not followers[1] then return end
  errors.raise {
    kind = "conflict",
    module = "archive",
    op = "pg.table",
    message = ("%d rows of %s are newer than the archive, and without them rows of %s would be lost"):format(
      gone,
      target.table,
      table.concat(followers, ", ")
    ),
    hint = "restore the whole database, or copy by hand from " .. target.aside,
  }
end

-- By primary key, so that rows that are the same stay, and what refers to them too.
local function merge(tx, target, columns, key)
  local keys, sets = table.concat(key, ", "), {}
  local is_key = {}
  for _, name in ipairs(key) do
    is_key[name] = true
  end
  for _, name in ipairs(columns) do
    if not is_key[name] then sets[#sets + 1] = ("%s = EXCLUDED.%s"):format(name, name) end
  end
  local newer = ("FROM %s t WHERE (%s) NOT IN (SELECT %s FROM o2x_saved)"):format(target.table, keys, keys)
  refuse_followers(tx, target, tx:query("SELECT count(*) AS n " .. newer)[1].n)
  tx:query("DELETE " .. newer)
  local list = table.concat(columns, ", ")
  tx:query(
    ("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM o2x_saved ON CONFLICT (%s) DO %s"):format(
      target.table,
      list,
      list,
      keys,
      sets[1] and "UPDATE SET " .. table.concat(sets, ", ") or "NOTHING"
    )
  )
end

local function replace(tx, target, columns)
  local list = table.concat(columns, ", ")
  tx:query("DELETE FROM " .. target.table)
  tx:query(("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM o2x_saved"):format(target.table, list, list))
end

-- Its own triggers would write over what was saved (updated_at); foreign keys stay in force.
local function bring_back(ctx, tx, source, target, desired)
  tx:query(("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE"):format(target.table))
  local columns, key = same_columns(tx, target, source), names(tx:query(KEY, target.table))
  tx:query("CREATE SCHEMA IF NOT EXISTS o2x")
  tx:query(("CREATE TABLE %s AS TABLE %s"):format(target.kept, target.table))
  tx:query(("ALTER TABLE %s DISABLE TRIGGER USER"):format(target.table))
  copy(tx, source, target, columns)
  if key[1] then
    merge(tx, target, columns, key)
  else
    replace(tx, target, columns)
  end
  tx:query(("ALTER TABLE %s ENABLE TRIGGER USER"):format(target.table))
  local found = fingerprint.of_table(tx, target.table)
  local lines = fingerprint.differences({ [target.table] = desired }, { [target.table] = found })
  if lines[1] then
    errors.raise { kind = "failed", module = "archive", op = "verify", message = lines[1] .. ": nothing was changed" }
  end
  return found
end

local function write(ctx, target, desired, _, id)
  local source <close> = support.connect(ctx, target.aside, NO_LIMIT)
  local db <close> = support.connect(ctx, target.database, NO_LIMIT)
  local function fill(tx) return bring_back(ctx, tx, source, target, desired) end
  return nil, support.once_on(ctx, db, id, fill, { attempts = 1 })
end

--- The effect type of one table brought back.
M.restored_table = {
  kind = "pg.table",
  class = "transactional",
  marker = function(ctx, target, id) return support.marked(ctx, target.database, id) end,
  -- Services go on writing to the table once it is back: that is nobody's change of what was restored.
  interim = function() return true end,
  undo = {
    before = "rows and checksum; the content is kept as a table in the schema o2x",
    how = "the table that was kept in the schema o2x takes its place again",
  },
  key = function(target) return target.database .. " " .. target.table end,
  read = function(ctx, target) return snapshot(ctx, target.database, target.table) end,
  write = write,
  show = function(target, before, after)
    local lines = {}
    if before and after then
      lines[1] = ("~ %d rows become the %s that were saved"):format(before.rows, after.rows or "rows")
      lines[2] = "~ what it holds now is kept in the schema o2x"
    end
    return { title = ("table %s of %s"):format(target.table, target.database), lines = lines }
  end,
}

return M

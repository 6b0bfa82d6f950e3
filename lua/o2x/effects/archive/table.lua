--- The effect type of one restored table. One transaction copies its rows from the restored copy and commits only if
--- the table then equals the archive. Its earlier content is kept as a table in the schema o2x.

local as_owner = require "o2x.client.pg.as_owner"
local by_hand = require "o2x.effects.archive.by_hand"
local errors = require "o2x.base.error"
local fingerprint = require "o2x.client.pg.fingerprint"
local support = require "o2x.effects.pg.support"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

local M = {}

local COLUMNS <const> = [[SELECT quote_ident(attname) AS name FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum]]

local KEY <const> = [[SELECT quote_ident(a.attname) AS name
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY 1]]

-- Tables whose rows a delete in this one would delete or change.
local FOLLOWERS <const> = [[SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.confrelid = $1::regclass AND f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd')
AND f.conrelid <> f.confrelid ORDER BY 1]]

local PORTION <const> = 1 << 20 -- bytes of rows that are copied at once
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

--- The table that keeps a table's earlier content: o2x."R-… core_config.users" for core_config.users in run R-…,
--- truncated to PostgreSQL's longest name.
---@param ctx table
---@param name string of the table
---@return string
function M.kept_name(ctx, name) return 'o2x."' .. ("%s %s"):format(ctx.run_id, name:gsub('"', "")):sub(1, 63) .. '"' end

-- ---- the transaction ----

local function same_columns(tx, target, source, other)
  local columns, others = names(tx:query(COLUMNS, target.table)), names(source:rows(COLUMNS, other))
  if table.concat(columns, ", ") == table.concat(others, ", ") then return columns end
  errors.raise {
    kind = "conflict",
    module = "archive",
    op = "pg.table",
    message = ("%s now has other columns (%s) than the archive (%s)"):format(
      target.table,
      table.concat(columns, ", "),
      table.concat(others, ", ")
    ),
    hint = "a migration has changed it: restore the whole database, or copy by hand from " .. (target.copy or other),
  }
end

-- A channel for one portion between two tasks: put waits until the previous portion was taken.
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
  return function(next_one) -- put
    wait_while(function() return portion ~= nil end)
    portion = next_one
    wake()
  end, function() -- take
    wait_while(function() return portion == nil end)
    local taken = portion
    portion = nil
    wake()
    return taken
  end
end

-- Copies from the restored copy into a temporary table, a portion at a time.
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
    message = ("%d rows of %s are newer than the archive; deleting them would delete or change rows of %s"):format(
      gone,
      target.table,
      table.concat(followers, ", ")
    ),
    hint = "restore the whole database, or copy by hand from " .. target.copy,
  }
end

-- Merges by primary key: rows that are the same stay, and so do the rows that refer to them.
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

-- The content of the archive, after that of the table is kept.
local function save_from_copy(tx, target, source)
  local columns = same_columns(tx, target, source, target.table)
  tx:query("CREATE SCHEMA IF NOT EXISTS o2x")
  tx:query(("CREATE TABLE %s AS TABLE %s"):format(target.kept, target.table))
  copy(tx, source, target, columns)
  return columns
end

-- The content that was kept.
local function save_from_kept(tx, target)
  local columns = names(tx:query(COLUMNS, target.table))
  local like = ("SELECT %s FROM %s"):format(table.concat(columns, ", "), target.kept)
  tx:query("CREATE TEMPORARY TABLE o2x_saved ON COMMIT DROP AS " .. like)
  return columns
end

-- The table's own triggers would overwrite restored values (updated_at), so they are off. Foreign keys stay in force.
local function restore(tx, target, desired, save, source)
  tx:query(("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE"):format(target.table))
  local key = names(tx:query(KEY, target.table))
  tx:query(("ALTER TABLE %s DISABLE TRIGGER USER"):format(target.table))
  local columns = save(tx, target, source)
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
  local db <close> = support.connect(ctx, target.database, NO_LIMIT)
  as_owner.become(db)
  local function bring(save, source)
    local function fill(tx) return restore(tx, target, desired, save, source) end
    return nil, support.once_on(ctx, db, id, fill, { attempts = 1 })
  end
  if target.back then return bring(save_from_kept) end
  local source <close> = support.connect(ctx, target.copy, NO_LIMIT)
  return bring(save_from_copy, source)
end

-- The kept table is this run's own; an undo of the undo has none.
local function go_back(ctx, past)
  local of = past.target
  local kept = not of.back and snapshot(ctx, of.database, of.kept)
  if not kept then return nil, "the content of the table was not kept" end
  return { target = { database = of.database, table = of.table, kept = of.kept, back = true }, desired = past.before }
end

--- The effect type of one restored table.
M.restored_table = {
  kind = "pg.table",
  rehearsal = { none = "its content is data" },
  class = "transactional",
  guard = "the table is locked, and the content that is there then is kept, in the transaction that writes",
  marker = function(ctx, target, id) return support.marked(ctx, target.database, id) end,
  -- Services write to the table again as soon as it is restored: that is no conflict.
  interim = function() return true end,
  undo = {
    before = "rows and checksum; the content stays as a table in the schema o2x",
    how = "replaces the table with the one kept in the schema o2x",
    cannot = "the archive's content, after the undo",
    traces = support.traces,
    restore = go_back,
  },
  key = function(target) return target.database .. " " .. target.table end,
  read = function(ctx, target) return snapshot(ctx, target.database, target.table) end,
  write = write,
  by_hand = function(ctx, target) return by_hand.replace_table(target, ctx.run_id) end,
  show = function(target, before, after)
    local lines = {}
    if target.back then lines[1] = "~ replaced by " .. target.kept end
    if before and after and not target.back then
      local rows = value.is_unknown(after.rows) and "rows" or after.rows
      lines[1] = ("~ %d rows are replaced by the archive's %s"):format(before.rows, rows)
      lines[2] = "~ the current content is kept in the schema o2x"
    end
    return { title = ("table %s of %s"):format(target.table, target.database), lines = lines }
  end,
}

return M

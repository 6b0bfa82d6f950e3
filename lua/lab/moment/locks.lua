--- What every run leaves in the lab's PostgreSQL, also one that changes nothing else there: who holds a tenant
--- (o2x.lock) and the numbers of the holders (o2x.fence). Where nothing but these rows changed, they are put back by
--- SQL and the server goes on: to put its data folder back costs a restart.

local fs = require "o2x.base.fs"
local statements = require "lab.asked.statements"

local M = {}

-- Their files as the log of changes names them, with those of their indexes and long values.
local FILES <const> = [[
  with own as (select oid, reltoastrelid from pg_class
      where oid in (to_regclass('o2x.lock'), to_regclass('o2x.fence'))),
    whole as (select oid from own union select reltoastrelid from own),
    every as (select oid from whole union select indexrelid from pg_index where indrelid in (select oid from whole))
  select concat_ws('/', coalesce(nullif(reltablespace, 0), dattablespace), d.oid, relfilenode) as name
  from pg_class c join pg_database d on datname = current_database() where c.oid in (select oid from every)]]

local TABLES <const> =
  [[select name from unnest(array['o2x.lock', 'o2x.fence']) name where to_regclass(name) is not null]]

--- Adds what a database holds.
---@param kept { files: table<string, true>, databases: table[] }
---@param db o2x.pg.Connection the superuser's
function M.keep(kept, db)
  local tables = db:rows(TABLES)
  if #tables == 0 then return end
  for _, row in ipairs(tables) do
    row.rows = db:one(("select coalesce(json_agg(t), '[]')::text as rows from %s t"):format(row.name)).rows
  end
  for _, file in ipairs(db:rows(FILES)) do
    kept.files[file.name] = true
  end
  local oid = db:one("select oid::text from pg_database where datname = current_database()").oid
  table.insert(kept.databases, { name = db.dbname, oid = oid, tables = tables })
end

-- Kinds of records that name no file: how transactions ended, and what the server notes for itself.
local NAMELESS <const> = { Transaction = true, Standby = true, CLOG = true, XLOG = true, MultiXact = true }

--- Notes what a record of the log of changes is about.
---@param line string of pg_waldump
---@param files table<string, true> ours
---@param seen { transactions: table<string, true>, others: boolean? } transactions: those that changed our tables;
---  others: whether anything else was changed. A transaction without a record of ours may have written a table that
---  is not in the log.
function M.note(line, files, seen)
  local kind, transaction, what = line:match "^rmgr: (%w+).- tx:%s+(%d+),.- desc: (%S+)"
  local ours, others = false, kind == nil or line:find "base/" ~= nil or line:find "global/" ~= nil
  for file in line:gmatch "rel (%d+/%d+/%d+)" do
    ours, others = true, others or not files[file]
  end
  if ours and not others then
    seen.transactions[transaction] = true
    return
  end
  if not NAMELESS[kind] or what == "COMMIT" and not seen.transactions[transaction] then others = true end
  seen.others = seen.others or others
end

local READS <const> = {}
for word in
  ("BEGIN COMMIT END ROLLBACK START SELECT WITH SHOW SET RESET VALUES FETCH DECLARE CLOSE DISCARD"):gmatch "%S+"
do
  READS[word] = true
end

-- What is not in the log of changes: a server's settings, the statistics of a VACUUM.
local function was_asked_more(at)
  for _, one in ipairs((statements.read(at, at.log_from))) do
    local ours = one.text:find "o2x%.lock" or one.text:find "o2x%.fence"
    if one.write and not ours or not one.write and not READS[one.method] then return true end
  end
  return false
end

local LONGEST <const> = 4 << 20 -- bytes of the server's log, which only a restart begins anew

--- Whether nothing else has changed.
---@param at table of lab.pg_server
---@param seen table? of lab.moment.databases
---@return boolean
function M.alone(at, seen)
  if not seen or seen.others or at.earlier then return false end
  local log = fs.stat(at.log)
  return log ~= nil and log.size < LONGEST and not was_asked_more(at)
end

--- Puts the rows back.
---@param kept table
---@param seen table of lab.moment.databases
---@param connect fun(database: string): o2x.pg.Connection
function M.put_back(kept, seen, connect)
  for _, database in ipairs(kept.databases) do
    if seen.databases[database.oid] then
      local db <close> = connect(database.name)
      db:transaction(function(tx)
        for _, one in ipairs(database.tables) do
          tx:query("delete from " .. one.name)
          tx:query(
            ("insert into %s select * from json_populate_recordset(null::%s, $1)"):format(one.name, one.name),
            one.rows
          )
        end
      end)
    end
  end
end

return M

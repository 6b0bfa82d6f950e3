--- What changed in PostgreSQL since the moment that it was put back to, as its log of changes says: which databases,
--- and whether more than the rows of locks.

local daemon = require "lab.daemon"
local fs = require "o2x.base.fs"
local locks = require "lab.moment.locks"
local proc = require "o2x.base.proc"
local server = require "lab.pg_server"
local task = require "o2x.base.task"

local M = {}

local FLUSH_PATIENCE <const> = 2 -- seconds; the server writes its log out every 200 ms

-- The end of the log, when all of it is in its files; nil if it does not come to that.
local function flushed_position(db)
  local deadline = task.now() + FLUSH_PATIENCE
  while true do
    local row = db:one [[select pg_current_wal_insert_lsn()::text as at,
      pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() as flushed]]
    if row.flushed then return row.at end
    if task.now() > deadline then return nil end
    task.sleep(0.01)
  end
end

-- Where a record of the log names a database: in blocks, in files, in records about whole databases and about the map
-- of a database's catalogs.
local PLACES <const> = {
  { "", "rel %d+/(%d+)/" },
  { "", "base/(%d+)/" },
  { "^rmgr: Database ", "%d+/(%d+)" },
  { "^rmgr: RelMap ", "database (%d+)" },
}

--- Notes the databases that a line of pg_waldump names.
---@param line string
---@param found table<string, boolean>
function M.note(line, found)
  for _, place in ipairs(PLACES) do
    if line:find(place[1]) then
      for oid in line:gmatch(place[2]) do
        found[oid] = true
      end
    end
  end
end

local function read(at, program, stop)
  local seen = { from = at.moment, stop = stop, databases = {}, transactions = {} }
  if stop == at.moment then return seen end
  local result = daemon.run(at.user, {
    argv = { program, "--path=" .. fs.join(at.data, "pg_wal"), "--start=" .. at.moment, "--end=" .. stop },
    env = { LC_ALL = "C" },
    keep = false,
    on_line = function(line)
      M.note(line, seen.databases)
      locks.note(line, at.locks.files, seen)
    end,
  })
  return result.code == 0 and seen or nil
end

--- What changed. It is read once: a picture asks for it, and then who puts the server back.
---@param at table of lab.pg_server; at.moment is the position that it was put back to
---@param db o2x.pg.Connection the superuser's
---@return { databases: table<string, boolean>, others: boolean? }|nil seen databases: oids as texts; others: whether
---  more than the rows of locks; nil: it cannot be told
function M.changed(at, db)
  local program = at.moment and proc.exists(server.program "pg_waldump") and server.program "pg_waldump"
  local stop = program and flushed_position(db)
  if not stop then return nil end
  local seen = at.seen
  if not seen or seen.from ~= at.moment or seen.stop ~= stop then
    seen = read(at, program, stop)
    at.seen = seen
  end
  return seen
end

return M

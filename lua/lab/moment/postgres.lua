--- The lab's PostgreSQL at a moment: a copy of its data folder, taken while the server is stopped. So everything goes
--- back with it: roles, databases with owners and privileges, rows, sequences. What changed since is what the server's
--- own log of changes says: nothing, if its position is the same; perhaps only rows of locks (lab.moment.locks).

local daemon = require "lab.daemon"
local databases = require "lab.moment.databases"
local folder = require "lab.moment.folder"
local fs = require "o2x.base.fs"
local locks = require "lab.moment.locks"
local server = require "lab.pg_server"

local M = {}

-- Ends all other sessions. A session that ends rolls back what it did not commit.
local END_SESSIONS <const> = [[
  select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()]]

local function session(lab, port, database)
  return server.connect(port, "postgres", lab.state("postgres").superuser_password, database)
end

-- Where the log of changes ends: it moves with every change, and with the first use of a sequence since the start.
local function position(db) return db:one("select pg_current_wal_insert_lsn()::text as lsn").lsn end

local function with_session(lab, at, port, fn)
  return server.with_session(at, port, lab.state("postgres").superuser_password, fn)
end

local function start(lab, at, port)
  server.launch(at, port)
  return with_session(lab, at, port, position)
end

-- Nil when the server is down.
local function position_alone(lab, at, port)
  if not server.is_running(at) then return nil end
  return with_session(lab, at, port, function(db)
    db:query(END_SESSIONS)
    return position(db)
  end)
end

-- Removes what transactions of the past left behind, so that no later read does it: that would look like a change.
-- -> the rows of locks
local function tidy(lab, port)
  local names
  do
    local db <close> = session(lab, port)
    names = db:rows "select datname as name from pg_database where datallowconn"
  end
  local kept = { files = {}, databases = {} }
  for _, row in ipairs(names) do
    local db <close> = session(lab, port, row.name)
    db:query "vacuum (freeze)"
    locks.keep(kept, db)
  end
  return kept
end

-- Puts the rows of locks back if nothing else was changed. -> the new position
local function put_locks_back(lab, at, port)
  local seen = with_session(lab, at, port, function(db) return databases.changed(at, db) end)
  if not locks.alone(at, seen) then return nil end
  locks.put_back(at.locks, seen, function(name) return session(lab, port, name) end)
  return with_session(lab, at, port, position)
end

local function put_all_back(lab, at, port, put_back)
  if at.child then
    server.crash(at)
  else
    server.stop(at)
  end
  put_back()
  return start(lab, at, port)
end

--- Keeps the server's data. It is stopped and started for that.
---@param lab table
---@param at table of lab.pg_server; turn: semaphore of who stops and starts it
---@param port integer
---@param kept string where the copy lies
---@return fun(): boolean put_back changed
function M.keep(lab, at, port, kept)
  daemon.folder(lab, "postgres", at.user)
  if not server.is_running(at) then server.launch(at, port) end
  local moment = { locks = tidy(lab, port), pictures = {} }
  server.stop(at)
  local put_back = folder.keep(at.data, kept)
  -- From here on the server is at this moment, at this position: see lab.moment.databases.
  local function is_at(reached)
    at.holds, at.moment, at.locks, at.pictures = moment, reached, moment.locks, moment.pictures
  end
  is_at(start(lab, at, port))
  local function put_back_if_changed()
    local now = position_alone(lab, at, port)
    local same = now and at.holds == moment
    if same and now == at.moment then return false end
    is_at(same and put_locks_back(lab, at, port) or put_all_back(lab, at, port, put_back))
    return true
  end
  return function()
    local changed = at.turn:run(put_back_if_changed)
    local log = fs.stat(at.log)
    at.log_from, at.earlier = log and log.size or 0, nil -- what is asked from now on
    return changed
  end
end

return M

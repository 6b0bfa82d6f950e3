--- Groups of statements in one round trip, by libpq's pipeline mode: an error skips the rest of its own group only.
---
--- A connection of the pool is reset in the same round trip: whoever gets it next finds nothing of the statements, and
--- nobody waits for that.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local pg_error = require "o2x.client.pg.error"
local pg_sql = require "o2x.client.pg.sql"
local pooler = require "o2x.client.pg.pooler"
local points = require "o2x.base.points"
local session = require "o2x.client.pg.session"

local M = {}

--- The parameters of a statement as the native module takes them: a table is sent as JSON.
---@param ... any
---@return any ...
function M.parameters(...)
  local list = table.pack(...)
  for i = 1, list.n do
    if type(list[i]) == "table" then list[i] = json.encode(list[i]) end
  end
  return table.unpack(list, 1, list.n)
end

-- Queues groups of statements, a sync after each.
local function queue(db, groups)
  local check = session.check
  check(db, db.core:pipeline(true))
  for _, group in ipairs(groups) do
    for _, one in ipairs(group) do
      check(db, db.core:send(one[1], M.parameters(table.unpack(one, 2, one.n or #one))))
    end
    check(db, db.core:sync())
  end
  session.flush(db)
end

-- Reads what comes next; `earlier` is the error of a statement before it.
local function read(db, step, earlier)
  local ok, result, problem = pcall(step, db)
  if ok then return result, problem end
  error(session.first_cause(result, earlier), 0)
end

local function collect_group(db, group)
  local results, failed = {}, nil
  for i, one in ipairs(group) do
    db.certain = one.certain
    local result, problem = read(db, session.drain, failed)
    results[i], failed = result, failed or problem
    if one.on_result then one.on_result(result, problem) end
  end
  db.certain = nil
  local sync = db.core:alive() and read(db, session.next_result, failed)
  if not sync or sync:status() ~= "sync" then
    db:close()
    error(failed or pg_error.broken(db.options, "the pipeline broke", db.uncertain), 0)
  end
  return results, failed
end

--- Is the connection to be reset after what is sent now?
---@param db o2x.pg.Connection
---@return boolean
function M.is_reset(db) return db.kept == true and db.depth == 0 end

local function reset_of(db)
  return { { { "DISCARD ALL" } }, db.pooled and { { session.settings_statement(db.options) } } or nil }
end

-- What was asked for has been answered: a connection that cannot be reset is closed, and that is all.
local function collect_reset(db, groups)
  local ok, problem = pcall(function()
    for _, group in ipairs(groups) do
      local _, failed = collect_group(db, group)
      if failed then error(failed, 0) end
    end
  end)
  db.untidy = not ok
  if ok then return end
  db:close()
  if not errors.is(problem) or problem.kind == "cancelled" then error(problem, 0) end
end

--- Sends what resets a connection, and waits for no answer: that is taken with the next one. A connection to which it
--- cannot be sent is closed.
---@param db o2x.pg.Connection
function M.leave(db)
  local groups = reset_of(db)
  if pcall(queue, db, groups) then
    db.left = groups
  else
    db:close()
  end
end

-- Takes the answer to leave. Without it, nothing that was sent after it counts.
local function settle(db)
  local groups = db.left
  db.left = nil
  collect_reset(db, groups)
  if not db.core:alive() then error(pg_error.broken(db.options, "the session could not be reset"), 0) end
end

--- Makes sure that a session is known, and that nothing is left in it. That goes along with a read, which can be
--- repeated; it comes before anything else.
---@param db o2x.pg.Connection
function M.ready(db)
  if db.left then
    settle(db)
    session.check(db, db.core:pipeline(false))
  end
  session.introduce(db)
end

local function send(db, groups, more)
  local all = table.move(more, 1, #more, #groups + 1, table.move(groups, 1, #groups, 1, {}))
  local ok, problem = pcall(queue, db, all)
  if ok then return end
  db:close() -- half of it may be queued
  error(problem, 0)
end

local function exchange(db, groups)
  local name, changes = session.point(groups[1][1] or groups[2] and groups[2][1], groups)
  points.before("pg", name, changes)
  local left, more = db.left, M.is_reset(db) and not db.stranger and reset_of(db) or {}
  send(db, groups, more)
  if left then settle(db) end
  db.untidy = true
  local answers, first = {}, nil
  for g, group in ipairs(groups) do
    local results, failed = collect_group(db, group)
    answers[g], first = results, first or failed
  end
  db.uncertain = nil
  points.after("pg", name, changes)
  if more[1] then collect_reset(db, more) end
  if db.core:alive() then session.check(db, db.core:pipeline(false)) end
  return answers, first
end

local READS <const> = "BEGIN READ ONLY"

-- The groups with an assertion in the transaction that is the first of them: it fails as a whole where a pooler is.
local function at_home(db, groups)
  local first = groups[1]
  local here = { pg_sql.assertion("pg_backend_pid() = " .. db.core:backend_pid()) }
  return { { first[1], here, table.unpack(first, 2) }, table.unpack(groups, 2) }
end

-- What a session asks first has the question along whether a pooler is there. One that shares its sessions gets nothing
-- but that.
local function ask_and_recognise(db, groups)
  local row
  local question, uncertain = { pooler.PID }, db.uncertain
  question.on_result = function(result, problem) row = not problem and result:rows()[1] or nil end
  local asked = groups.whole and at_home(db, groups) or groups
  local ok, answers, problem = pcall(exchange, db, { { question }, table.unpack(asked) })
  if ok and row and not session.recognise(db, row) then -- else the connection may be closed
    db.uncertain = uncertain
    return exchange(db, groups)
  end
  if not ok then error(answers, 0) end
  table.remove(answers, 1)
  if groups.whole then table.remove(answers[1], 2) end
  return answers, problem
end

--- Runs groups of statements.
---@param db o2x.pg.Connection
---@param groups table[] lists of { sql, parameter … }, with n if parameters may be nil; on_result(result, problem), if
---  somebody wants to know at once; certain: where the others may have taken effect, this one that the server refuses
---  has not. whole: nothing but the transaction that is the first group writes, and that needs nothing of a session
---@return table answers per group the list of native results
---@return table? problem the first error
function M.exchange(db, groups)
  local reads = groups[1][1] and groups[1][1][1] == READS
  if not reads and not groups.whole then M.ready(db) end
  if db.stranger then return ask_and_recognise(db, groups) end
  return exchange(db, groups)
end

return M

--- Groups of statements in one round trip, by libpq's pipeline mode: an error skips the rest of its own group only.
---
--- A connection of the pool is reset in the same round trip: whoever gets it next finds nothing of the statements, and
--- nobody waits for that.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local pg_error = require "o2x.client.pg.error"
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

local function resetting(db)
  if not M.is_reset(db) then return {} end
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

local function send(db, groups, more)
  local all = table.move(more, 1, #more, #groups + 1, table.move(groups, 1, #groups, 1, {}))
  local ok, problem = pcall(queue, db, all)
  if ok then return end
  db:close() -- half of it may be queued
  error(problem, 0)
end

--- Runs groups of statements.
---@param db o2x.pg.Connection
---@param groups table[] lists of { sql, parameter … }, with n if parameters may be nil; on_result(result, problem), if
---  somebody wants to know at once; certain: where the others may have taken effect, this one that the server refuses
---  has not
---@return table answers per group the list of native results
---@return table? problem the first error
function M.exchange(db, groups)
  local more = resetting(db)
  db.untidy = true
  send(db, groups, more)
  local answers, first = {}, nil
  for g, group in ipairs(groups) do
    local results, failed = collect_group(db, group)
    answers[g], first = results, first or failed
  end
  db.uncertain = nil
  if more[1] then collect_reset(db, more) end
  if db.core:alive() then session.check(db, db.core:pipeline(false)) end
  return answers, first
end

return M

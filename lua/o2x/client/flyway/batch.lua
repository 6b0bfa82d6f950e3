--- Runs migrations that need no care in one round trip: each is a transaction of its own with its row of the history,
--- as always. A script that fails ends the batch; those before it are committed, those after it have not begun.
---
--- Which scripts may go this way is a list of what they may begin with. Any other is run statement by statement
--- (runner.lua), and so is one about which the server had more to say than an error of its own.

local as_owner = require "o2x.client.pg.as_owner"
local errors = require "o2x.base.error"
local history = require "o2x.client.flyway.history"
local pg = require "o2x.client.pg"
local runner = require "o2x.client.flyway.runner"

local M = {}

local LARGEST <const> = 2 ^ 20 -- bytes of SQL on the way at once

-- They change the data or the schema, not the session.
local FIRST <const> = {
  ALTER = true,
  COMMENT = true,
  CREATE = true,
  DELETE = true,
  DO = true,
  DROP = true,
  GRANT = true,
  INSERT = true,
  REVOKE = true,
  SELECT = true,
  TRUNCATE = true,
  UPDATE = true,
  WITH = true,
}

-- What a function or a DO could do to the session that has the lock, or leave there for a script that is then run on
-- another one.
local CARE <const> = {
  "advisory",
  "set_config",
  "client_encoding",
  "datestyle",
  "discard",
  "%f[%w_]temp%f[^%w_]",
  "%f[%w_]temporary%f[^%w_]",
  "pg_temp",
}

local function is_plain(statement)
  if statement.data or not FIRST[statement.code:match "^%a*"] then return false end
  local text = statement.text:lower()
  for _, word in ipairs(CARE) do
    if text:find(word) then return false end
  end
  return true
end

--- May a script run in a batch?
---@param script o2x.flyway.script
---@return boolean
function M.may_have(script)
  if not script.transaction or script.commits then return false end
  for _, statement in ipairs(script.statements) do
    if not is_plain(statement) then return false end
  end
  return true
end

-- Fails where the session is no longer one that scripts can be run with: see runner.lua. It calls nothing that a script
-- could have put before PostgreSQL's own.
local UNCHANGED <const> = pg.assertion [[pg_catalog.concat(pg_catalog.current_setting('client_encoding'), ' ',
pg_catalog.left(pg_catalog.current_setting('DateStyle'), 3)) OPERATOR(pg_catalog.=) 'UTF8 ISO']]

---@class o2x.flyway.batch_entry
---@field migration table of the folder
---@field script o2x.flyway.script
---@field row table for history.insertion
---@field number integer? its place in the batch

-- The statements of one migration, each with what it is.
local function statements_of(run, entry)
  local list = {}
  local function one(index, ...)
    local statement = table.pack(...)
    statement.entry, statement.index, statement.certain = entry, index, statement[1] ~= "COMMIT"
    list[#list + 1] = statement
  end
  one(nil, "BEGIN")
  one(nil, "RESET SESSION AUTHORIZATION")
  one(nil, "RESET ROLE")
  one(nil, as_owner.STATEMENT)
  one(nil, "SELECT pg_catalog.set_config('search_path', $1, false)", run.path)
  for index, statement in ipairs(entry.script.statements) do
    one(index, statement.text)
  end
  one(nil, UNCHANGED)
  one(nil, "RESET SESSION AUTHORIZATION") -- the script may have taken another role, which must not write the history
  one(nil, "RESET ROLE")
  one(nil, as_owner.STATEMENT)
  local insertion = history.insertion(run.schemas, entry.row)
  one(nil, table.unpack(insertion, 1, insertion.n))
  one(nil, "COMMIT")
  return list
end

local function add_transaction(list, begin, statements)
  if not statements[1] then return end
  list[#list + 1] = { begin }
  table.move(statements, 1, #statements, #list + 1, list)
  list[#list + 1] = { "COMMIT" }
end

-- All of them; `on_start` hears of each when the one before is done.
local function compose(run, first, entries, on_start)
  local list = {}
  add_transaction(list, "BEGIN", first)
  for i, entry in ipairs(entries) do
    entry.number = i
    local own = statements_of(run, entry)
    own[1].on_result = on_start and function() on_start(entry.migration) end
    table.move(own, 1, #own, #list + 1, list)
  end
  add_transaction(list, "BEGIN READ ONLY", run.last or {})
  return list
end

local function size_of(entry)
  local size = 0
  for _, statement in ipairs(entry.script.statements) do
    size = size + #statement.text
  end
  return size
end

--- How many of the entries go into one batch: at least one.
---@param entries o2x.flyway.batch_entry[]
---@return integer
function M.fitting(entries)
  local size = 0
  for i, entry in ipairs(entries) do
    size = size + size_of(entry)
    if i > 1 and size > LARGEST then return i - 1 end
  end
  return #entries
end

-- What the statement by itself does not explain: it may run otherwise, or again.
local ANOTHER_WAY <const> = { ["22003"] = true, ["25001"] = true, ["42601"] = true, ["0A000"] = true }

local function is_final(problem, what)
  if not errors.is(problem) or not problem.code then return true end
  if problem.retryable and problem.kind == "conflict" then return false end
  return what.index ~= nil and not ANOTHER_WAY[problem.code]
end

local function failed_in(list, results)
  for i, result in ipairs(results) do
    if result:status() == "error" then return list[i], i end
  end
  return {}, 0
end

-- The answers to run.last.
local function last_of(run, answers)
  local count = run.last and #run.last or 0
  return table.move(answers, #answers - count, #answers - 1, 1, {})
end

--- Runs migrations.
---@param run o2x.flyway.run
---@param first table[] statements of a transaction before them
---@param entries o2x.flyway.batch_entry[]
---@param on_start fun(migration: table)?
---@return integer? done how many were committed; the next one, if there is one, is to be run by itself; nil: `first`
---  failed, and nothing was done
---@return any answers to run.last, the statements that read what is there then, if all were committed; or the problem
function M.run(run, first, entries, on_start)
  local db, list = run.main, compose(run, first, entries, on_start)
  if not first[1] and not entries[1] then return 0 end
  db.uncertain = true -- the transactions before the one that breaks may be committed
  local answers, problem = db:exchange { list }
  if not problem then return #entries, last_of(run, answers[1]) end
  if db.core:transaction() ~= "idle" then db:query "ROLLBACK" end
  local what, at = failed_in(list, answers[1])
  if not what.entry and at > #list - #(run.last or {}) - 1 then return #entries end -- nothing but the reading
  if not what.entry then return nil, problem end
  if not is_final(problem, what) then return what.entry.number - 1 end
  error(what.index and runner.explain(problem, what.entry.script, what.index) or problem, 0)
end

return M

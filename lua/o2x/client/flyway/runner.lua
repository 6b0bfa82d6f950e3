--- Runs a prepared script on a session, statement by statement, as Flyway does.

local errors = require "o2x.base.error"
local sql = require "o2x.client.flyway.sql"

local M = {}

-- The line of the script at which PostgreSQL points, or where the statement begins.
local function line_of(statement, problem)
  local position = math.tointeger(tonumber(problem.position))
  local last = position and utf8.offset(statement.text, position)
  if not last then return statement.line end
  return statement.line + select(2, statement.text:sub(1, last):gsub("\n", ""))
end

local NOT_IN_TRANSACTION <const> = "25001"

--- Says where it failed and, outside a transaction, what was done before.
---@param problem any
---@param script o2x.flyway.script
---@param index integer of the statement
---@return any problem
function M.explain(problem, script, index)
  if not errors.is(problem) or not problem.code then return problem end
  local statement = script.statements[index]
  errors.amend(problem, { where = ("%s:%d"):format(script.script, line_of(statement, problem)), op = "migrate" })
  if not script.transaction then
    local text = "%s (outside a transaction: %d of %d statements were executed)"
    errors.amend(problem, { message = text:format(problem.message, index - 1, #script.statements) })
  elseif problem.code == NOT_IN_TRANSACTION then
    errors.amend(problem, { hint = ("write executeInTransaction=false into %s.conf"):format(script.script) })
  end
  return problem
end

-- Scripts are sent as UTF-8. Flyway's driver also refuses other settings of these two.
local function refuse_other_settings(db, script, statement)
  local name = "client_encoding"
  local value = db:reported(name)
  if value == "UTF8" then
    name, value = "DateStyle", db:reported "DateStyle"
    if not value or value:find "^ISO" then return end
  elseif not value then
    return
  end
  errors.raise {
    kind = "input",
    module = "flyway",
    op = "migrate",
    message = ("the session's %s is now %s, which scripts cannot be run with"):format(name, value),
    hint = "remove the statement; encoding=… in the script's .conf says what its file is written in",
    where = ("%s:%d"):format(script.script, statement.line),
  }
end

local function execute(db, statement)
  if not statement.data then return db:script(statement.text) end
  local data = statement.data ~= "" and statement.data or nil
  db:copy_in(statement.text, function()
    local portion = data
    data = nil
    return portion
  end)
end

---@class o2x.flyway.progress
---@field committed boolean? has the script itself committed something?
---@field idle boolean? is no transaction open, because the script ended it?

-- The transaction that follows one which the script has ended begins with the next statement.
local function follow(progress, statement)
  local what, chained = sql.control(statement)
  if what == "commit" then progress.committed = true end
  if what and what ~= "begin" then progress.idle = not chained end
end

--- Makes sure that a transaction is open, after the script may have ended it.
---@param db o2x.pg.Connection
---@param progress o2x.flyway.progress
function M.reopen(db, progress)
  if not progress.idle then return end
  db:script "BEGIN"
  progress.idle = false
end

--- Runs the statements of a script. A script that runs in a transaction is run in the one that is open.
---@param db o2x.pg.Connection
---@param script o2x.flyway.script
---@param around { before: fun(), after: fun() }? called for each statement
---@param progress o2x.flyway.progress? filled while it runs, for a caller who needs it after a failure
---@return o2x.flyway.progress
function M.run(db, script, around, progress)
  progress = progress or {}
  for index, statement in ipairs(script.statements) do
    if around then around.before() end
    local ok, problem = pcall(function()
      if script.transaction then M.reopen(db, progress) end
      execute(db, statement)
      refuse_other_settings(db, script, statement)
    end)
    if not ok then error(M.explain(problem, script, index), 0) end
    if script.transaction then follow(progress, statement) end
    if around then around.after() end
  end
  return progress
end

return M

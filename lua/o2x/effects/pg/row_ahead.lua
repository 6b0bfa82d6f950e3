--- What the values of rows are to the database, and what the rows are now: one round trip for all that a script wants
--- at once.

local column_form = require "o2x.effects.pg.column_form"
local errors = require "o2x.base.error"
local known = require "o2x.effects.pg.known"
local row_sql = require "o2x.effects.pg.row_sql"
local row_value = require "o2x.effects.pg.row_value"
local support = require "o2x.effects.pg.support"

local M = {}

-- Targets → what their rows were when the values were prepared. The next read takes it away, so that no other sees it.
local ahead = setmetatable({}, { __mode = "k" })

--- Reads a row, as it is or as it was just read along with the values.
---@param ctx table
---@param target table
---@return table? row
function M.read(ctx, target)
  local found = ahead[target]
  ahead[target] = nil
  if found then return found.row end
  if support.any_unknown(target.key) then return nil end
  return support.read(ctx, target.database, function(db)
    return row_value.explain(target, function() return row_value.read_row(db, target, target.columns) end)
  end)
end

-- The questions about all items: how the columns read the values, and what the rows are.
local function questions_of(items, columns)
  local group, questions, about = { { "BEGIN READ ONLY" } }, {}, {}
  local function add(i, statement)
    if not statement then return nil end
    group[#group + 1] = statement
    about[#group] = items[i].target
    return #group
  end
  for i, item in ipairs(items) do
    local target = item.target
    local question = column_form.question(target.table, columns[target.table], item.values)
    question.at = add(i, question.statement)
    question.row_at = not support.any_unknown(target.key) and add(i, row_sql.read(target, target.columns)) or nil
    questions[i] = question
  end
  return group, questions, about
end

local function failed_about(answers, about)
  for i, answer in ipairs(answers) do
    if answer:status() == "error" then return about[i] end
  end
end

-- A row that is wanted twice is another one by the second time.
local function take(db, answers, items, questions)
  local list, seen = {}, {}
  for i, question in ipairs(questions) do
    local target = items[i].target
    local name = row_value.name_of(target)
    list[i] = column_form.answer(question, question.at and db.to_rows(answers[question.at])[1])
    if question.row_at and not seen[name] then
      seen[name] = true
      ahead[target] = { row = row_value.row_of(target, target.columns, db.to_rows(answers[question.row_at])) }
    end
  end
  return list
end

local function prepare(ctx, db, items)
  local database, names = items[1].target.database, {}
  for i, item in ipairs(items) do
    names[i] = item.target.table
  end
  local columns, fresh = known.tables(ctx, database, db, names)
  local group, questions, about = questions_of(items, columns)
  if not group[2] then return take(db, {}, items, questions) end
  local answers, problem = db:exchange { group, { { "COMMIT" } } }
  if not problem then return take(db, answers[1], items, questions) end
  known.forget(ctx, database)
  if not fresh then return prepare(ctx, db, items) end -- somebody else may have changed a table
  local target = failed_about(answers[1], about)
  row_value.explain(target or items[1].target, function() error(problem, 0) end)
end

-- A plan goes on after these: each row is then a line of what could not be planned.
local UNANSWERED <const> = { unreachable = true, unauthorised = true, timeout = true }

--- The values of rows in the form in which the database gives them back. What the rows are now is read along.
---@param ctx table
---@param items { target: table, values: table }[] of one database
---@return table[] values
function M.prepare(ctx, items)
  local function read(db) return prepare(ctx, db, items) end
  local ok, list = xpcall(ctx.ask, errors.handler, ctx, "pg", support.read, ctx, items[1].target.database, read)
  local err = not ok and errors.wrap(list)
  if err and not (ctx.mode == "plan" and UNANSWERED[err.kind]) then error(err, 0) end
  if ok and list then return list end
  local given = {}
  for i, item in ipairs(items) do
    given[i] = item.values
  end
  return given
end

return M

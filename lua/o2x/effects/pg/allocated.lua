--- The effect type of a row that gets the next free id.

local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local fence = require "o2x.effects.pg.fence"
local guard = require "o2x.base.guard"
local known = require "o2x.effects.pg.known"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local registry_review = require "o2x.effects.pg.registry_review"
local row_ahead = require "o2x.effects.pg.row_ahead"
local row_back = require "o2x.effects.pg.row_back"
local row_sql = require "o2x.effects.pg.row_sql"
local row_value = require "o2x.effects.pg.row_value"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

-- A column of type character(n) has blanks behind the id.
local HIGHEST <const> =
  "SELECT max(substring(%s from %d for %d)::bigint) AS highest FROM %s WHERE %s ~ '^%s[0-9]{%d} *$'"
local NEXT <const> = "greatest(%d, coalesce((%s), 0) + 1, coalesce((%s), 0) + 1)::text"

-- Where all ids are: in the table, or in the view that `o2x policy` makes for roles that see only their own rows.
local function view_of(target) return ('o2x."%s.%s"'):format(target.table, target.column) end

local function highest_of(target, from)
  local column = pg.quote(target.column, "column name")
  -- A prefix has letters, digits, _ and -: nothing that SQL or a pattern reads otherwise.
  local digits = target.digits
  return { HIGHEST:format(column, #target.prefix + 1, digits, from, column, target.prefix, digits) }
end

-- An id is never given again, even when its row is gone: it is noted beside the markers.
local NOTED <const> = "SELECT max(substring(key from %d)::bigint) AS highest FROM o2x.effect "
  .. "WHERE left(key, %d) = %s AND substring(key from %d) ~ '^[0-9]{%d}$'"
local NOTE <const> = "INSERT INTO o2x.effect (key, run) SELECT %s || %s, $%d FROM %s WHERE %s ON CONFLICT DO NOTHING"

local function literal(text) return "'" .. text:gsub("'", "''") .. "'" end

local function note_name(target) return ("id of %s.%s: "):format(target.table, target.column) end

local function highest_noted(target)
  local begin = note_name(target) .. target.prefix
  local length = utf8.len(begin)
  return { NOTED:format(length + 1, length, literal(begin), length + 1, target.digits) }
end

-- Notes the id of the row that is there.
local function note_of(ctx, target)
  local statement = { "" }
  local where = row_sql.condition(target.key, statement)
  statement[#statement + 1] = ctx.run_id
  local column, from = pg.quote(target.column, "column name"), pg.quote_table(target.table)
  statement[1] = NOTE:format(literal(note_name(target)), column, #statement - 1, from, where)
  return statement
end

-- The next number as SQL, from the table and from what was noted.
local function next_of(target)
  local there, noted = highest_of(target, pg.quote_table(target.table)), highest_noted(target)
  return NEXT:format(target.first, there[1], noted[1])
end

local function id_after(target, highest)
  local number = math.max(target.first, (highest or 0) + 1)
  if #tostring(number) > target.digits then
    errors.raise {
      kind = "failed",
      module = "pg",
      op = "pg.allocated",
      message = ("%s %s: no %s with %d digits is left"):format(
        target.database,
        target.table,
        target.column,
        target.digits
      ),
    }
  end
  return ("%s%0" .. target.digits .. "d"):format(target.prefix, number)
end

local THERE <const> = "SELECT to_regclass($1) IS NOT NULL AS there, to_regclass('o2x.effect') IS NOT NULL AS noted"

local function next_id(tx, target)
  local found = tx:query(THERE, view_of(target))[1]
  local from = found.there and view_of(target) or pg.quote_table(target.table)
  local highest = tx:query(table.unpack(highest_of(target, from)))[1].highest or 0
  local noted = found.noted and tx:query(table.unpack(highest_noted(target)))[1].highest or 0
  return id_after(target, math.max(highest, noted))
end

local function with_id(target, values, id)
  local all = { [target.column] = id }
  for name, v in pairs(values) do
    all[name] = v
  end
  return all
end

-- Readers continue; writers wait, other clients' too.
local function lock_of(target)
  return { ("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE"):format(pg.quote_table(target.table)) }
end

local FREE <const> = "to_regclass($1) IS NULL AND length(%s) <= %d"
local ID <const> = "'%s' || lpad(%s, %d, '0')"

-- A new row, in one transaction and one round trip: the table has all ids, one is free, and there is no such row.
-- -> the rows that are there then; nil: nothing was done
local function at_once(ctx, db, target, desired, id)
  if desired == nil or target.id then return nil end
  local columns = known.tables(ctx, target.database, db, { target.table })[target.table]
  local next_number = next_of(target)
  local computed = { [target.column] = ID:format(target.prefix, next_number, target.digits) }
  local group = {
    { "BEGIN ISOLATION LEVEL read committed READ WRITE" },
    support.marker_of(ctx, id),
    lock_of(target),
    row_sql.assertion(target, columns, nil),
    { pg.assertion(FREE:format(next_number, target.digits)), view_of(target) },
    row_sql.insert(target, columns, desired, computed),
    note_of(ctx, target),
    row_sql.read(target, target.columns),
  }
  local compare = fence.statement(ctx)
  if compare then table.insert(group, 2, compare) end
  for _, statement in ipairs(group) do
    statement.certain = true
  end
  db.uncertain = true
  local groups = fence.before(ctx, target.database, { group, { { "COMMIT" } } })
  local answers, problem = db:exchange(groups)
  if not problem then
    fence.note(ctx, target.database)
    return db.to_rows(answers[#groups - 1][#group])
  end
  if problem.retryable then error(problem, 0) end -- somebody else has the table
end

-- The row is read back along with COMMIT.
local function finish(tx, target, statement, found)
  tx:later(statement)
  local read = row_sql.read(target, target.columns)
  read.on_result = function(result, problem)
    if not problem then found(tx.to_rows(result)) end
  end
  tx:later(read)
end

local function refuse(target) guard.refuse("pg", row_value.name_of(target)) end

-- found(rows): what is there then
local function allocate(ctx, tx, target, desired, before, found)
  if desired == nil then
    if not value.equal(row_value.read_row(tx, target, target.columns, true), before) then refuse(target) end
    tx:later(note_of(ctx, target))
    return finish(tx, target, row_sql.delete(target), found)
  end
  tx:later(lock_of(target))
  local answers = tx:pipeline {
    {
      row_sql.read(target, target.columns, true),
      { "SELECT to_regclass($1) IS NOT NULL AS there", view_of(target) },
      highest_of(target, pg.quote_table(target.table)),
      highest_noted(target),
    },
  }
  local read = answers[1]
  local there = tx.to_rows(read[1])
  if there[1] and before == nil then refuse(target) end
  if there[1] then return found(there) end
  local highest, noted = tx.to_rows(read[3])[1].highest, tx.to_rows(read[4])[1].highest
  if tx.to_rows(read[2])[1].there then
    highest = tx:query(table.unpack(highest_of(target, view_of(target))))[1].highest
  end
  local columns = known.tables(ctx, target.database, tx, { target.table })[target.table]
  local id = target.id or id_after(target, math.max(highest or 0, noted or 0))
  tx:later(row_sql.insert(target, columns, with_id(target, desired, id)))
  finish(tx, target, note_of(ctx, target), found)
end

-- The lab has the registry's other rows not, so that the next id is told by a row that comes and goes.
local function up_to(target, planned)
  local id = planned and planned[target.column]
  local number = type(id) == "string" and tonumber(id:sub(#target.prefix + 1)) or target.first
  if number <= target.first then return {} end
  local passing, values = {}, {}
  for field, item in pairs(target) do
    passing[field] = item
  end
  for name, item in pairs(planned) do
    if name ~= target.column then values[name] = item end
  end
  passing.id = id_after(target, number - 2)
  return { { target = passing, desired = values }, { target = target } }
end

-- A row in the lab of a rehearsal, with the id that it has; of one that is not there, the id that it would get.
local function put(_, target, row, planned)
  if not row then return up_to(target, planned) end
  target.id = row[target.column]
  return { { target = target, desired = row } }
end

-- The variable that has the id in a checklist, where nobody could look: TENANT_ID of core_config.tenant.
local function variable_of(target)
  local name = target.table:match "[^.]*$" .. "_" .. target.column
  return (name:upper():gsub("[^%u%d_]", "_"))
end

-- The command that reads the id into it.
local function set_variable(target)
  local sql = psql.look_for(target, target.column)
  local read = shell.command { "psql", "-X", "-At", "-d", target.database, "-c", sql }
  local name = variable_of(target)
  return ("%s=$(%s) && export %s"):format(name, read, name)
end

-- The id is the next free one as a plan sees it; where nobody could look, the server finds it.
local function by_hand(ctx, target, desired, before)
  local from = pg.quote_table(target.table)
  if desired == nil then return { psql.command(target.database, psql.row(target, nil, before)) } end
  local found = not value.is_unknown(before) and target.predicted
  local number = ("(SELECT greatest(%d, coalesce((%s), 0) + 1))"):format(target.first, highest_of(target, from)[1])
  local values = with_id(target, ctx:filled(desired), found or "")
  local sql = psql.insert(target, values)
  if not found then
    local computed = ID:format(target.prefix, number .. "::text", target.digits)
    local insert = value.is_unknown(before) and psql.insert_unless_there or psql.insert
    sql = insert(target, values, { [target.column] = computed })
  end
  local write = psql.command(target.database, ("BEGIN;\n%s;\n%s\nCOMMIT;"):format(lock_of(target)[1], sql))
  return { write, not found and set_variable(target) or nil }
end

return {
  kind = "pg.allocated",
  rights = { postgresql = { "SELECT", "INSERT", "UPDATE" } },
  secrets = "opaque",
  class = "transactional",
  fills = true,
  guard = "the table is locked and the row compared in the transaction that writes",
  key = function(target) return row_value.name_of(target) .. ": " .. target.column end,
  read = row_ahead.read,
  -- The values are for a new row. In an existing row only the id matters (ensure_row handles the rest).
  equal = function(current, desired) return (current == nil) == (desired == nil) end,
  marker = function(ctx, target, id) return support.marked(ctx, target.database, id) end,
  undo = {
    before = "whether the row existed",
    how = "deletes a new row, inserts a removed one again; its id is never given to another",
    cannot = "a row that other rows refer to; columns that held a secret",
    rights = { postgresql = { "DELETE" } },
    traces = support.traces,
    restore = row_back.restore_allocated,
  },
  rehearsal = { take = row_back.take, put = put },
  write = function(ctx, target, desired, before, id)
    local rows = {}
    local function work(tx)
      allocate(ctx, tx, target, desired, before, function(found) rows = found end)
    end
    row_value.explain(target, function()
      support.with(ctx, target.database, function(db)
        known.make_markers(ctx, target.database, db)
        rows = at_once(ctx, db, target, desired, id) or rows
        if not rows[1] then support.once_on(ctx, db, id, work) end
      end)
    end)
    return nil, row_value.row_of(target, target.columns, rows)
  end,
  predict = function(ctx, target, desired)
    if desired == nil then return nil end
    return support.with(ctx, target.database, function(db)
      target.predicted = db:transaction(function(tx) return next_id(tx, target) end, { read_only = true })
      return with_id(target, desired, target.predicted)
    end)
  end,
  by_hand = by_hand,
  -- The last id of all stands for the one that nobody knows: what follows from the id has its form.
  assume = function(ctx, target, desired)
    local id = target.prefix .. ("9"):rep(target.digits)
    return with_id(target, desired, ctx:stand_in(variable_of(target), id))
  end,
  review = registry_review.review,
  show = function(target, before, after)
    if after and not after[target.column] then after = with_id(target, after, "(the next free one)") end
    return { title = row_value.name_of(target), lines = diff.lines(before, after) }
  end,
}

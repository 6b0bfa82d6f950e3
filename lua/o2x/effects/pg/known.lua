--- What a run knows of a database: the forms of its tables, and whether it has the table of markers. It is asked once,
--- along with something else where that is possible, and forgotten when the run changes the schema or the server says
--- something that does not fit.

local column_form = require "o2x.effects.pg.column_form"
local own_tables = require "o2x.client.pg.own_tables"
local support = require "o2x.effects.pg.support"

local M = {}

local runs = setmetatable({}, { __mode = "k" }) -- ctx → database → { tables = name → columns, markers = boolean }

local function of(ctx, database)
  local run = runs[ctx] or {}
  runs[ctx] = run
  run[database] = run[database] or { tables = {} }
  return run[database]
end

--- Forgets the tables of a database.
---@param ctx table
---@param database string
function M.forget(ctx, database) of(ctx, database).tables = {} end

--- Has the database the table of markers?
---@param ctx table
---@param database string
---@return boolean? there nil: nobody has asked
function M.has_markers(ctx, database) return of(ctx, database).markers end

--- Notes whether the table of markers is there.
---@param ctx table
---@param database string
---@param there boolean? nil: to be asked again
function M.note_markers(ctx, database, there) of(ctx, database).markers = there end

--- Makes the table of markers where it is known to be missing.
---@param ctx table
---@param database string
---@param db o2x.pg.Connection
function M.make_markers(ctx, database, db)
  if M.has_markers(ctx, database) ~= false then return end
  db:pipeline(support.marker_table())
  M.note_markers(ctx, database, true)
end

local MARKERS <const> = { ("SELECT %s AS there"):format(own_tables.THERE) }

---@class o2x.pg.unknown
---@field names string[] of tables
---@field group table[] the statements that ask about them, and about the markers

-- The answer about a table tells about those beside it, too.
local function schema_of(name) return name:match "^([^.]*)%." or name end

--- The questions that have no answer yet.
---@param ctx table
---@param database string
---@param names string[] "schema.table"
---@param each boolean? ask about each table; else about one of each schema
---@return o2x.pg.unknown? unknown nil: all is known
function M.questions(ctx, database, names, each)
  local about, unknown, seen = of(ctx, database), { names = {}, group = {} }, {}
  for _, name in ipairs(names) do
    local schema = each and name or schema_of(name)
    if not about.tables[name] and not seen[schema] then
      seen[schema] = true
      unknown.names[#unknown.names + 1] = name
      unknown.group[#unknown.names] = column_form.columns_of(name)
    end
  end
  if #unknown.names == 0 then return nil end
  unknown.group[#unknown.group + 1] = MARKERS
  return unknown
end

--- Notes their answers.
---@param ctx table
---@param database string
---@param unknown o2x.pg.unknown
---@param answers table[][] rows of each question
function M.note(ctx, database, unknown, answers)
  local about = of(ctx, database)
  for i, name in ipairs(unknown.names) do
    for table_name, columns in pairs(column_form.by_table(name, answers[i])) do
      about.tables[table_name] = columns
    end
  end
  about.markers = answers[#unknown.group][1].there
end

--- The questions about all tables of schemas, and about the markers: a database that has just been migrated is often
--- written next.
---@param schemas string[]
---@return table[] statements
function M.about_schemas(schemas) return { column_form.columns_in(schemas), MARKERS } end

--- Notes their answers.
---@param ctx table
---@param database string
---@param columns table[] rows of the first
---@param markers table[] rows of the second
function M.note_schemas(ctx, database, columns, markers)
  local about = of(ctx, database)
  for table_name, of_table in pairs(column_form.by_table(nil, columns)) do
    about.tables[table_name] = of_table
  end
  about.markers = markers[1].there
end

--- The columns of tables.
---@param ctx table
---@param database string
---@param db o2x.pg.Connection
---@param names string[] "schema.table"
---@return table<string, o2x.pg.columns> columns by the table's name
---@return boolean fresh was something asked just now?
function M.tables(ctx, database, db, names)
  local fresh, unknown = false, M.questions(ctx, database, names)
  while unknown do
    M.note(ctx, database, unknown, db:read_all(unknown.group))
    fresh, unknown = true, M.questions(ctx, database, names, true) -- those of a schema with many tables
  end
  local columns = {}
  for _, name in ipairs(names) do
    columns[name] = of(ctx, database).tables[name]
  end
  return columns, fresh
end

return M

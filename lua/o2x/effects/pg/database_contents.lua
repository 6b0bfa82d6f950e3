--- Does a database hold only what a run put there? PostgreSQL itself says which transaction wrote each row (xmin).
--- Those of the run are known: the markers of its effects are rows of the same transactions, and so are the rows of
--- Flyway's history, which each migration leaves. Whatever else wrote a row or changed a table was somebody else.

local history = require "o2x.client.flyway.history"
local pg = require "o2x.client.pg"
local support = require "o2x.effects.pg.support"

local M = {}

-- Tables with rows, and the rest that has a definition: user's schemas, without o2x's own and Flyway's history.
local OBJECTS <const> = [[SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind IN ('r', 'm') AS rows,
c.xmin::text AS xmin, c.relname = $1 AS history, n.nspname = 'o2x' AND c.relname = 'effect' AS markers
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1]]

local LARGE_OBJECTS <const> = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata) AS there"

local function add_writers(known, rows)
  for _, row in ipairs(rows) do
    known[row.xmin] = true
  end
end

-- The transactions of the run and of migrations.
local function writers(tx, objects, run)
  local known = {}
  for _, object in ipairs(objects) do
    if object.markers then
      add_writers(known, tx:rows("SELECT xmin::text AS xmin FROM o2x.effect WHERE run = $1", run))
    elseif object.history then
      add_writers(known, tx:rows(("SELECT xmin::text AS xmin FROM %s"):format(object.name)))
    end
  end
  return known
end

local FOREIGN <const> = "SELECT EXISTS (SELECT FROM %s WHERE xmin::text <> ALL ($1::text[])) AS there"

local function first_foreign(tx, run)
  local objects = tx:rows(OBJECTS, history.TABLE)
  local known, list = writers(tx, objects, run), {}
  for xmin in pairs(known) do
    list[#list + 1] = xmin
  end
  for _, object in ipairs(objects) do
    local own = object.history or object.name:match "^o2x%."
    if not own and not known[object.xmin] then return object.name .. " was made or changed by somebody else" end
    if not own and object.rows and tx:rows(FOREIGN:format(object.name), pg.array(list))[1].there then
      return object.name .. " has rows that somebody else wrote"
    end
  end
  if tx:rows(LARGE_OBJECTS)[1].there then return "it has large objects" end
end

--- What a database holds that the run did not put there.
---@param ctx table
---@param database string
---@return string? what nil: nothing
function M.foreign(ctx, database)
  return support.with(ctx, database, function(db)
    return db:transaction(function(tx) return first_foreign(tx, ctx.run_id) end, { read_only = true })
  end)
end

return M

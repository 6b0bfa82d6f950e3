--- The effect type of a database with its properties, and what is going on in it.

local contents = require "o2x.effects.pg.database_contents"
local database_review = require "o2x.effects.pg.database_review"
local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.pg.support"
local task = require "o2x.base.task"
local value = require "o2x.base.value"

-- ---- pg.database ----

local READ = [[SELECT r.rolname AS owner, pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate,
d.datctype AS ctype, d.datconnlimit AS connection_limit
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = $1]]

local LOCALES = [[SELECT DISTINCT collcollate AS name FROM pg_collation
WHERE collprovider = 'c' AND collcollate IS NOT NULL AND collencoding IN (-1, pg_char_to_encoding('UTF8')) ORDER BY 1]]

local ALONE_SECONDS <const> = 30 -- until the sessions of a database have ended
local PAUSE <const> = 0.5
local CREATE_SECONDS = 300 -- a copy of the template may wait for a checkpoint

-- C.UTF-8, C.utf8 and c.UTF8 are the same locale; UTF8 and utf-8 are the same encoding.
local function plain_name(name) return (tostring(name):lower():gsub("%-", "")) end

local SAME_NAME = { collate = true, ctype = true, encoding = true }

local function same(field, a, b)
  if SAME_NAME[field] then return plain_name(a) == plain_name(b) end
  return a == b
end

-- Refuses to change what is fixed once the database exists.
local function check_fixed(target, before, desired)
  for _, field in ipairs { "encoding", "collate", "ctype" } do
    if desired[field] and not same(field, before[field], desired[field]) then
      errors.raise {
        kind = "conflict",
        module = "pg",
        op = "pg.database",
        message = ("database %s exists with %s %s, not %s, which cannot be changed"):format(
          target.name,
          field,
          before[field],
          desired[field]
        ),
        hint = "adapt the configuration, or dump and drop the database: the next run creates it again",
      }
    end
  end
end

local function refuse_locale(db, name)
  local names = {}
  for _, row in ipairs(db:rows(LOCALES)) do
    names[#names + 1] = row.name
  end
  errors.raise {
    kind = "input",
    module = "pg",
    op = "pg.database",
    code = "locale",
    message = ("the PostgreSQL server has no locale %s; it has %s"):format(name, table.concat(names, ", ")),
    hint = "set pg.locale to one of these (o2x.yaml, or O2X_PG_LOCALE), or install the locale on the server",
  }
end

local function check_locale(db, name)
  for _, row in ipairs(db:rows(LOCALES)) do
    if plain_name(row.name) == plain_name(name) then return end
  end
  refuse_locale(db, name)
end

local function check_owner(db, desired)
  if desired.owner then support.check_role(db, desired.owner) end
end

-- A name such as en_US.UTF-8 as an SQL string. It has no character that could end the string.
local function literal(word, what)
  if type(word) ~= "string" or not word:find("^[%w_.@%-]+$") then
    errors.raise { kind = "input", module = "pg", message = ("%q is not a valid %s"):format(tostring(word), what) }
  end
  return "'" .. word .. "'"
end

local function create_statement(name, desired)
  -- template0: the only template that allows another encoding and locale, and that has no connections
  local words = { "CREATE DATABASE " .. pg.quote(name, "database name") .. " TEMPLATE template0" }
  local function add(...) words[#words + 1] = table.concat({ ... }, " ") end
  if desired.owner then add("OWNER", pg.quote(desired.owner, "role name")) end
  if desired.encoding then add("ENCODING", literal(desired.encoding, "encoding")) end
  if desired.collate then add("LC_COLLATE", literal(desired.collate, "locale")) end
  if desired.ctype then add("LC_CTYPE", literal(desired.ctype, "locale")) end
  if desired.connection_limit then add(("CONNECTION LIMIT %d"):format(desired.connection_limit)) end
  return table.concat(words, " ")
end

local function explain(db, err, desired)
  if not errors.is(err) then error(err, 0) end
  if err.code == "42501" then
    errors.amend(err, {
      message = ("%s: the role %s may not create databases"):format(support.server(db), db.options.user),
      hint = ("as a superuser: ALTER ROLE %s CREATEDB"):format(db.options.user),
    })
  elseif err.code == "42704" then
    check_owner(db, desired)
  elseif err.message:find("locale name", 1, true) then
    refuse_locale(db, desired.collate)
  end
  error(err, 0)
end

-- Runs a statement that may take its time, and reads the database back; both are one round trip.
local function run_long(db, sql, name)
  local limit = { { ("SET statement_timeout = '%ds'"):format(CREATE_SECONDS) } }
  db.uncertain = true
  local answers, problem = db:patient(CREATE_SECONDS, db.exchange, db, { limit, { { sql } }, { { READ, name } } })
  if problem then error(problem, 0) end
  return db.to_rows(answers[3][1])[1]
end

local function refuse(target) guard.refuse("pg", "database " .. target.name) end

local function create(ctx, target, desired)
  return support.on_server(ctx, target, function(db)
    local ok, result = pcall(run_long, db, create_statement(target.name, desired), target.name)
    if ok then support.expect(ctx, target.name) end
    if ok then return result end
    -- Another client created it first, maybe an earlier attempt of this run: the gate compares what exists.
    if errors.is(result) and (result.code == "42P04" or result.code == "23505") then refuse(target) end
    explain(db, result, desired)
  end)
end

local function alter_statements(target, desired, before)
  local name, statements = pg.quote(target.name, "database name"), {}
  if desired.owner and desired.owner ~= before.owner then
    statements[1] = { ("ALTER DATABASE %s OWNER TO %s"):format(name, pg.quote(desired.owner, "role name")) }
  end
  if desired.connection_limit and desired.connection_limit ~= before.connection_limit then
    statements[#statements + 1] = { ("ALTER DATABASE %s CONNECTION LIMIT %d"):format(name, desired.connection_limit) }
  end
  return statements
end

local AS_READ <const> = pg.assertion [[EXISTS (SELECT FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
WHERE d.datname = $1 AND r.rolname = $2 AND d.datconnlimit = $3)]]

local function alter(ctx, target, desired, before)
  local statements = alter_statements(target, desired, before)
  table.insert(statements, 1, { AS_READ, target.name, before.owner, before.connection_limit })
  support.on_server(ctx, target, function(db) support.guarded(db.exec, db, statements) end)
end

local function by_hand(_, target, desired, before)
  local sql
  if desired == nil then
    sql = ("DROP DATABASE IF EXISTS %s;"):format(pg.quote(target.name, "database name"))
  elseif before == nil or value.is_unknown(before) then
    sql = create_statement(target.name, desired) .. ";"
  else
    sql = psql.joined(alter_statements(target, desired, before))
  end
  return { psql.command(target.database, sql) }
end

-- Runs a statement that needs a database for itself. Sessions of what was just removed may take a moment to end.
local function run_alone(ctx, target, sql)
  ctx:client("pg"):close() -- our own sessions
  local deadline = task.now() + ALONE_SECONDS
  while true do
    local ok, err = pcall(support.on_server, ctx, target, function(db) run_long(db, sql, target.name) end)
    if ok then return end
    local in_use = errors.is(err) and err.code == "55006"
    if in_use and task.now() >= deadline then
      errors.amend(err, {
        kind = "conflict",
        retryable = false,
        message = ("database %s is still in use"):format(target.name),
        hint = "stop what connects to it (pg_stat_activity shows it), then o2x resume",
      })
    end
    if not in_use or task.now() >= deadline then error(err, 0) end
    ctx:waiting(("database %s is still in use"):format(target.name))
    task.sleep(PAUSE)
  end
end

local function rename(ctx, target, from, to)
  local sql = "ALTER DATABASE %s RENAME TO %s"
  run_alone(ctx, target, sql:format(pg.quote(from, "database name"), pg.quote(to, "database name")))
end

-- A database goes only when an undo has looked into it, and finds the same again.
local function drop(ctx, target)
  local foreign = target.undo and contents.foreign(ctx, target.name)
  if foreign then
    errors.raise {
      kind = "conflict",
      module = "pg",
      op = "pg.database",
      message = ("database %s is not dropped: %s"):format(target.name, foreign),
      hint = "somebody uses it: o2x resume keeps it under another name",
    }
  end
  run_alone(ctx, target, "DROP DATABASE IF EXISTS " .. pg.quote(target.name, "database name"))
end

local LONGEST_NAME <const> = 63 -- bytes

-- Database → why it is kept, for the plan.
local reasons = {}

-- The name under which an undo keeps a database.
local function aside_of(ctx, name)
  local suffix = "--" .. tostring(ctx.run_id)
  return name:sub(1, LONGEST_NAME - #suffix) .. suffix
end

-- A new database goes, or stays under another name if it holds more than the run wrote. One that stayed comes back.
local function restore(ctx, past)
  local target = { database = past.target.database, name = past.target.name, undo = true }
  if past.before == nil then
    local foreign = past.now and contents.foreign(ctx, target.name)
    if foreign then
      target.aside, reasons[target.name] = aside_of(ctx, target.name), foreign
    end
    return { target = target }
  end
  if past.desired ~= nil then return { target = target, desired = past.before } end
  local aside = past.target.aside
  local kept = aside and support.on_server(ctx, target, function(db) return db:one(READ, aside) end)
  if not kept then return nil, "it was dropped with all that was in it" end
  target.back = aside
  return { target = target, desired = past.before }
end

local function read_database(ctx, target)
  return support.on_server(ctx, target, function(db) return db:one(READ, target.name) end)
end

-- The lab of a rehearsal may lack the locale.
local function put(ctx, target, current)
  if not current then return {} end
  local desired = {}
  for field, item in pairs(current) do
    desired[field] = item
  end
  local known = support.on_server(ctx, target, function(db) return pcall(check_locale, db, current.collate) end)
  if not known then
    desired.collate, desired.ctype = ctx.config.pg.locale, ctx.config.pg.locale
  end
  return { { target = target, desired = desired } }
end

-- All databases of the server but its own.
local function names(ctx)
  local found = {}
  local sql = "SELECT datname AS name FROM pg_database WHERE NOT datistemplate"
  for i, row in ipairs(support.with(ctx, ctx.scope.pg.admin, function(db) return db:query(sql) end)) do
    local drop_it = "DROP DATABASE " .. pg.quote(row.name, "database name")
    local command = shell.command { "psql", "-d", ctx.scope.pg.admin, "-c", drop_it }
    found[i] = { name = row.name, title = "database " .. row.name, remove = command }
  end
  return found
end

local database = {
  kind = "pg.database",
  rights = { postgresql = { "CREATEDB" } },
  class = "idempotent",
  guard = "PostgreSQL creates it only once; a change compares first, in its transaction; a removal looks right before, "
    .. "and PostgreSQL refuses it while somebody is connected",
  rehearsal = { put = put },
  undo = {
    before = "owner, encoding, locale, connection limit",
    how = "drops a new database that holds only what the run wrote, renames any other new one; "
      .. "restores owner and limit",
    cannot = "a database that was dropped",
    gone = function(target) return not target.aside and "the database, with all that is in it" or nil end,
    contents = true,
    restore = restore,
  },
  key = function(target) return target.name end,
  read = read_database,
  names = names,
  review = database_review.review,
  equal = function(current, desired)
    if current == nil or desired == nil then return current == desired end
    for field, wanted in pairs(desired) do
      if not same(field, current[field], wanted) then return false end
    end
    return true
  end,
  by_hand = by_hand,
  look = function(_, target) return { psql.look(target.database, psql.inlined { READ, target.name }) } end,
  write = function(ctx, target, desired, before)
    if desired == nil then
      if not value.equal(read_database(ctx, target), before) then refuse(target) end
      if target.aside then return rename(ctx, target, target.name, target.aside) end
      return drop(ctx, target)
    end
    if before == nil and target.back then return rename(ctx, target, target.back, target.name) end
    if before == nil then return nil, create(ctx, target, desired) end
    check_fixed(target, before, desired)
    alter(ctx, target, desired, before)
  end,
  predict = function(ctx, target, desired, before)
    if before and desired then check_fixed(target, before, desired) end
    if before or not desired then return desired end
    support.on_server(ctx, target, function(db)
      if desired.collate then check_locale(db, desired.collate) end
      if desired.ctype then check_locale(db, desired.ctype) end
      check_owner(db, desired)
    end)
    return desired
  end,
  show = function(target, before, after)
    local lines = diff.lines(before, after)
    if target.aside then
      lines = { ("~ kept as %s: %s"):format(target.aside, reasons[target.name] or "it holds more") }
    end
    if target.back then table.insert(lines, 1, "+ " .. target.back .. " gets its name back") end
    return { title = "database " .. target.name, lines = lines }
  end,
}

-- ---- pg.database_status ----

local STATUS <const> = [[SELECT datconnlimit AS connection_limit, datallowconn AS open,
(SELECT count(*) FROM pg_stat_activity a WHERE a.datname = d.datname) AS connections
FROM pg_database d WHERE datname = $1]]

local status = {
  kind = "pg.database_status",
  class = "read",
  key = function(target) return target.name end,
  read = function(ctx, target)
    return support.on_server(ctx, target, function(db) return db:one(STATUS, target.name) end)
  end,
}

return { database = database, status = status }

--- A tenant's database as a whole, for an audit: was it renamed, may anybody connect to it, may the services' role log
--- in, and can that role do no more than it needs? Roles belong to the server, so no run changes them.

local errors = require "o2x.base.error"
local login_review = require "o2x.effects.pg.login_review"
local pg = require "o2x.client.pg"
local shell = require "o2x.base.shell"
local support = require "o2x.effects.pg.support"

local M = {}

local OPEN <const> = "SELECT datallowconn AS open FROM pg_database WHERE datname = $1"

-- Membership counts, whether it is direct or not.
local ROLE <const> = [[SELECT rolcanlogin AS login, rolconnlimit AS most, rolvaliduntil < now() AS expired,
rolvaliduntil::text AS until, rolsuper AS superuser, rolcreatedb AS createdb, rolcreaterole AS createrole,
rolreplication AS replication, rolbypassrls AS bypassrls,
array_to_string(ARRAY(SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.roleid
WHERE a.member = r.oid AND (m.rolsuper OR m.rolcreaterole OR m.rolcreatedb OR m.rolname = $2
OR EXISTS (SELECT FROM pg_roles p WHERE p.rolname ~ '^pg_' AND p.rolname !~ 'stats$|^pg_monitor$|^pg_database_owner$'
AND pg_has_role(m.oid, p.oid, 'MEMBER'))) ORDER BY 1), ',') AS more,
(SELECT string_agg(one, ',') FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS one
WHERE s.setrole = r.oid AND s.setdatabase = 0 AND one = 'default_transaction_read_only=on') AS readonly
FROM pg_roles r WHERE rolname = $1]]

local function psql(database, sql) return shell.command { "psql", "-X", "-d", database, "-c", sql } end

local ABSENT <const> = { ["42P01"] = true, ["3F000"] = true, ["42703"] = true }

-- What a database says of whom it is: the ids in its own table of tenants, by their names.
local function owners(ctx, database, name, id_column)
  local sql = ("SELECT name, %s AS id FROM %s LIMIT 100"):format(
    pg.quote(id_column, "column name"),
    pg.quote_table(name)
  )
  local ok, rows = pcall(support.with, ctx, database, function(db) return db:rows(sql) end)
  local ids = {}
  if not ok and not (errors.is(rows) and ABSENT[rows.code]) then error(rows, 0) end
  for _, row in ipairs(ok and rows or {}) do
    if type(row.name) == "string" then ids[row.name] = tostring(row.id):match "^(.-) *$" end
  end
  return ids
end

-- The databases of nobody that are this tenant's by what is in them.
local function find_renamed(ctx, strays)
  local name, allocated = next(ctx.scope.pg.allocated or {})
  if not name then return {} end
  local tenant, names = ctx.tenant, {}
  local function read(other, database) return owners(other, database, name, allocated.column) end
  for database, ids in pairs(strays("owners", read)) do
    local id = ids[tenant.name]
    local is_own = id and (type(tenant.id) ~= "string" or tenant.id == id)
    if is_own then names[#names + 1] = database end
  end
  table.sort(names)
  return names
end

-- The database is not there: has it another name? A run would make an empty one beside it.
local function check_renamed(found, ctx, strays)
  local name, admin, others = ctx.scope.pg.tenant, ctx.scope.pg.admin, find_renamed(ctx, strays)
  for _, other in ipairs(others) do
    local rename = "ALTER DATABASE %s RENAME TO %s"
    local sql = rename:format(pg.quote(other, "database name"), pg.quote(name, "database name"))
    found[#found + 1] = {
      way = "renamed",
      key = other,
      title = "database " .. other,
      lines = { ("~ name: %s → %s"):format(other, name) },
      mend = not others[2] and psql(admin, sql) or nil,
      hint = others[2] and ("find out which is the tenant's: %s"):format(table.concat(others, ", ")) or nil,
      claims = { kind = "pg.database", name = other },
      first = true,
    }
  end
end

local function check_open(found, ctx, there)
  local name, admin = ctx.scope.pg.tenant, ctx.scope.pg.admin
  if not there or there.open then return end
  found[#found + 1] = {
    way = "different",
    key = name,
    title = "database " .. name,
    lines = { "~ connections: refused → allowed" },
    mend = psql(admin, ("ALTER DATABASE %s ALLOW_CONNECTIONS true"):format(pg.quote(name, "database name"))),
  }
end

local MORE <const> = { "superuser", "createdb", "createrole", "replication", "bypassrls" }

-- What is wrong with a role that the services log in as: line, and what ALTER ROLE takes.
local function problems_of(role)
  local list = {}
  local function add(line, words) list[#list + 1] = { line, words } end
  if not role.login then add("~ log in: not allowed → allowed", "LOGIN") end
  if role.expired then add(("~ valid until: %s → infinity"):format(role["until"]), "VALID UNTIL 'infinity'") end
  if role.most == 0 then add("~ connection limit: 0 → none", "CONNECTION LIMIT -1") end
  for _, name in ipairs(MORE) do
    if role[name] then add(("- %s"):format(name), "NO" .. name:upper()) end
  end
  return list
end

local function role_finding(name, what, lines, command)
  local title = ("role %s: %s"):format(name, what)
  return { way = "different", key = title, title = title, lines = lines, mend = command }
end

-- -> the role, if it may log in
local function check_role(found, ctx, db)
  local defaults = (ctx.scope.archive or {}).defaults or {}
  local name, admin = defaults.user, ctx.scope.pg.admin
  local role = name and db:one(ROLE, name, defaults.owner or "")
  if not role then return end -- that there is none, the plan says
  local quoted, lines, words = pg.quote(name, "role name"), {}, {}
  for i, problem in ipairs(problems_of(role)) do
    lines[i], words[i] = problem[1], problem[2]
  end
  if lines[1] then
    local sql = ("ALTER ROLE %s %s"):format(quoted, table.concat(words, " "))
    found[#found + 1] = role_finding(name, "its attributes", lines, psql(admin, sql))
  end
  for other in (role.more or ""):gmatch "[^,]+" do
    local sql = ("REVOKE %s FROM %s"):format(pg.quote(other, "role name"), quoted)
    found[#found + 1] = role_finding(name, "member of " .. other, {}, psql(admin, sql))
  end
  if role.readonly then
    local sql = ("ALTER ROLE %s RESET default_transaction_read_only"):format(quoted)
    found[#found + 1] = role_finding(name, "its settings", { "- default_transaction_read_only: on" }, psql(admin, sql))
  end
  return not lines[1] and name or nil
end

--- What is wrong with the database and the services' role.
---@param ctx o2x.context
---@param around o2x.around
---@return o2x.reviewed[]
function M.review(ctx, around)
  local found, there, role = {}, nil, nil
  support.with(ctx, ctx.scope.pg.admin, function(db)
    there = db:one(OPEN, ctx.scope.pg.tenant)
    check_open(found, ctx, there)
    role = check_role(found, ctx, db)
  end)
  if role and there and there.open then login_review.check(found, ctx, role) end
  if not there then check_renamed(found, ctx, around.strays) end
  return found
end

return M

--- The effect type of reads: SQL that a script wrote. What it says is checked, and it runs as a role that may only read
--- (lua/o2x/client/pg/query.lua and reader.lua).

local checked = require "o2x.client.pg.query"
local errors = require "o2x.base.error"
local mask = require "o2x.base.mask"
local reader = require "o2x.client.pg.reader"
local psql = require "o2x.effects.pg.psql"
local rows_granted = require "o2x.effects.pg.rows_granted"
local secret = require "o2x.base.secret"
local support = require "o2x.effects.pg.support"

local M = {}

local DEFAULT_ROLE <const> = "o2x_reader"

local without_role = setmetatable({}, { __mode = "k" }) -- ctx → true: the server has no reading role; said once

local function configured(ctx) return ctx.config.pg and ctx.config.pg.reader end

local function role_of(ctx)
  if without_role[ctx] or configured(ctx) == "none" then return nil end
  return configured(ctx) or DEFAULT_ROLE
end

local NOT_A_MEMBER <const> = "42501"

-- A platform that names its reading role relies on it; one that does not is told how to make it. A role that may not
-- take it has narrow rights itself (o2x policy).
local function no_role(ctx, role, problem)
  local user = ctx.config.pg.user or "admin"
  local command = ("psql -d postgres -c '%s'"):format(table.concat(reader.statements(role, user), "; "))
  if configured(ctx) then
    error(errors.amend(problem, { kind = "unauthorised", hint = "to make it, as a superuser: " .. command }), 0)
  end
  without_role[ctx] = true
  if problem.code == NOT_A_MEMBER then return end
  local message = "the server has no role %s, so reads run as %s; pg.reader=none in o2x.yaml agrees; "
    .. "to make it, as a superuser: %s"
  ctx:log("warn", message:format(role, user, command))
end

--- Runs a script's read on a database that the run may read.
---@param ctx table
---@param database string
---@param sql string
---@param parameters table with n
---@return table[] rows
function M.rows(ctx, database, sql, parameters)
  local role = role_of(ctx)
  local function read(as)
    return support.with(ctx, database, function(db) return table.pack(reader.rows(db, sql, parameters, as)) end)
  end
  local got = read(role)
  if not got[1] then
    no_role(ctx, role, got[2])
    got = read(nil)
  end
  return got[1]
end

--- The functions that a read may call beyond PostgreSQL's own: pg.functions of the configuration.
---@param ctx table
---@return table<string, boolean>
function M.more(ctx)
  local map = {}
  for _, name in ipairs(ctx.config.pg and ctx.config.pg.functions or {}) do
    map[name] = true
  end
  return map
end

--- Checks what a script hands over to read. Raises "input" or "refused".
---@param ctx table
---@param sql any
---@param parameters table with n
function M.check(ctx, sql, parameters)
  if type(sql) ~= "string" then errors.input("rows and one take SQL as text, not " .. type(sql)) end
  for i = 1, parameters.n do
    if secret.is(parameters[i]) then
      errors.raise {
        kind = "refused",
        module = "pg",
        op = "read",
        code = "EREFUSED",
        message = ("$%d of a read is a secret: what is read would show it"):format(i),
        hint = "look up the row by its key; secret.equal compares",
      }
    end
  end
  checked.check(sql, M.more(ctx))
end

--- The effect type of reads.
M.query = {
  kind = "pg.query",
  class = "read",
  key = function(target) return target.database .. " " .. mask.text(target.sql):gsub("%s+", " "):sub(1, 80) end,
  parent = function(target) return "pg.database", { database = target.admin, name = target.database } end,
  look = function(ctx, target)
    local statement = table.move(ctx:filled(target.parameters), 1, target.parameters.n, 2, { target.sql })
    return { psql.look(target.database, psql.inlined(statement)) }
  end,
  read = function(ctx, target)
    M.check(ctx, target.sql, target.parameters)
    if support.any_unknown(target.parameters) then return nil end
    local function run(sql) return M.rows(ctx, target.database, sql, target.parameters) end
    local function read()
      rows_granted.relations(ctx, target.database, target.sql, run)
      return run(target.sql)
    end
    return support.or_nothing(ctx, target.database, read)
  end,
}

return M

--- Restores an archive statement by statement: each is checked (dump_check.lua), then sent as the role that owns only
--- the copy. What the contents need from the admin (extensions, owners, default privileges) has exactly one form each.

local archive = require "o2x.client.pg.archive"
local crypto = require "o2x.base.crypto"
local dump = require "o2x.client.pg.dump"
local dump_check = require "o2x.client.pg.dump_check"
local errors = require "o2x.base.error"
local pg_sql = require "o2x.client.pg.sql"
local secret = require "o2x.base.secret"

local M = {}

local PORTION <const> = 1 << 18 -- bytes of rows that are sent at once
local VALID_HOURS <const> = 24 -- of the temporary role's password, longer than any restore

local function split(line)
  local values = {}
  for value in (line .. "\t"):gmatch("([^\t]*)\t") do
    values[#values + 1] = value
  end
  return values
end

local function same_name(parts, wanted)
  local schema, name = wanted:match "^([^.]*)%.(.*)$"
  return parts[1] == schema and parts[2] == name
end

-- The name of a table as pg_dump writes it in COPY.
local function name_of(s) return s.text:match "COPY%s+(.-)%s*%(" end

-- ---- looking into an archive ----

local KEPT <const> = 2 -- rows of the wanted table: one is right, and two are already too many

-- Counts rows, and keeps the first ones of one table, which may have millions.
local function counter(wanted)
  local found = { counts = {}, rows = { count = 0 } }
  local name, columns
  found.begin = function(s)
    name = name_of(s)
    columns = wanted and same_name(s.table, wanted) and s.columns or nil
    found.counts[name] = found.counts[name] or 0
  end
  found.row = function(line)
    found.counts[name] = found.counts[name] + 1
    if not columns then return end
    found.rows.count = found.rows.count + 1
    if #found.rows >= KEPT then return end
    local row = {}
    for i, value in ipairs(split(line)) do
      if columns[i] and value ~= "\\N" then row[columns[i]] = value end
    end
    found.rows[#found.rows + 1] = row
  end
  return found
end

local function read(path, arguments, sink)
  local splitter = dump.new(path, sink)
  archive.text(path, arguments, function(line) splitter:line(line) end)
  splitter:finish()
end

--- Reads a whole archive, which proves that it is complete, and checks each of its statements.
---@param rules o2x.pg.dump.rules
---@param wanted string? "schema.table" whose rows are given
---@return table<string, integer> counts table → rows
---@return table rows the first two of `wanted`, column → text; count: how many it has
function M.inspect(rules, wanted)
  local found = counter(wanted)
  read(rules.path, {}, {
    statement = function(s)
      if dump_check.action(s, rules) ~= "rows" then return false end
      found.begin(s)
      return true
    end,
    row = found.row,
    rows_end = function() end,
  })
  return found.counts, found.rows
end

-- ---- the role ----

--- Makes the temporary role, which has no right but to log in. The admin becomes its member, to give it the copy.
---@param admin o2x.pg.Connection
---@param role string
---@return userdata password
function M.create_role(admin, role)
  local password = secret.random(32, nil, "restore role")
  local name = pg_sql.quote(role, "role name")
  local until_when =
    admin:one(("SELECT to_char(now() + interval '%d hours', 'YYYY-MM-DD HH24:MI:SSOF') AS t"):format(VALID_HOURS)).t
  admin:exec {
    {
      ("CREATE ROLE %s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD %s VALID UNTIL '%s'"):format(
        name,
        admin:verifier(role, password),
        until_when
      ),
    },
    { ("GRANT %s TO CURRENT_USER"):format(name) },
  }
  return password
end

--- Drops the temporary role, once its database is gone or was handed over.
---@param admin o2x.pg.Connection
---@param role string
function M.drop_role(admin, role)
  if not admin:one("SELECT 1 AS found FROM pg_roles WHERE rolname = $1", role) then return end
  admin:query("DROP ROLE " .. pg_sql.quote(role, "role name"))
end

-- ---- restoring ----

local function explain(s, rules, problem)
  if errors.is(problem) and problem.code then
    local entry = s.entry and " (" .. s.entry:gsub("%c", "?") .. ")" or ""
    errors.amend(problem, { where = rules.path, message = ("line %d%s: %s"):format(s.line, entry, problem.message) })
  end
  error(problem, 0)
end

local function send(db, s, rules)
  local ok, problem = pcall(db.query, db, s.text)
  if not ok then explain(s, rules, problem) end
end

-- Extensions come first, into schemas in which there is nothing yet that could deceive their scripts.
local function create_extension(admin, s, state)
  if state.contents then
    errors.raise {
      kind = "refused",
      module = "archive",
      code = "EREFUSED",
      where = s.path,
      message = ("extension %s comes after other objects (line %d of its SQL)"):format(s.name, s.line),
      hint = "pg_dump writes extensions first; use an archive that it made",
    }
  end
  admin:query(
    ("CREATE EXTENSION IF NOT EXISTS %s WITH SCHEMA %s"):format(
      pg_sql.quote(s.name, "extension"),
      pg_sql.quote(s.schema, "schema name")
    )
  )
end

local BEFORE_CONTENTS <const> = { set = true, select = true, comment = true }

local function is_contents(s)
  local first, second = s.tokens[1].text, s.tokens[2] and s.tokens[2].text
  return not BEFORE_CONTENTS[first] and not (first == "create" and (second == "schema" or second == "collation"))
end

-- Sends the rows of a COPY in portions.
local function copier(db)
  local rows, size = {}, 0
  local function flush()
    if size > 0 then db:copy_send(table.concat(rows)) end
    rows, size = {}, 0
  end
  return function(line)
    rows[#rows + 1], size = line .. "\n", size + #line + 1
    if size > PORTION then flush() end
  end, function()
    flush()
    db:copy_close()
  end
end

--- Restores an archive into an empty database.
---@param db o2x.pg.Connection to the copy, as its owner
---@param admin o2x.pg.Connection to the copy, as the admin
---@param rules o2x.pg.dump.rules
---@param options { only: string?, proof: string? } only: the one table whose rows are restored, without the constraints
---  that would need other rows; proof: a table whose rows are given
---@return table[] later statements for hand_over
---@return table rows the first two of `proof`, column → text; count: how many it has
function M.run(db, admin, rules, options)
  local later, state, found = {}, {}, counter(options.proof)
  local put, put_end
  read(rules.path, options.only and { "--section=pre-data", "--section=data" } or {}, {
    statement = function(s)
      local action = dump_check.action(s, rules)
      if action == "rows" then
        found.begin(s)
        if options.only and name_of(s) ~= options.only then return true end
        local ok, problem = pcall(db.copy_open, db, s.text)
        if not ok then explain(s, rules, problem) end
        state.current, put, put_end = s, copier(db)
        return true
      elseif action == "extension" then
        create_extension(admin, s, state)
      elseif action == "owner" or action == "rights" then
        later[#later + 1] = { action = action, text = s.text, role = s.owner, line = s.line }
      elseif action == "run" then
        send(db, s, rules)
      end
      state.contents = state.contents or action ~= "extension" and action ~= "owner" and is_contents(s)
      return false
    end,
    row = function(line)
      found.row(line)
      if put then put(line) end
    end,
    rows_end = function()
      if not put then return end
      local ok, problem = pcall(put_end)
      put = nil
      if not ok then explain(state.current, rules, problem) end
    end,
  })
  return later, found.rows
end

local NOT_ALLOWED <const> = "42501"

-- An owner that the platform does not know, or that the admin may not name, is not taken over.
local function change_owner(admin, one, rules)
  if not rules.roles[one.role] then return false end
  local ok, problem = pcall(admin.query, admin, one.text)
  if not ok and (not errors.is(problem) or problem.code ~= NOT_ALLOWED) then error(problem, 0) end
  return ok
end

--- Gives the restored copy to its owner: everything, but for objects that belong to another role of the platform.
---@param admin o2x.pg.Connection to the copy
---@param role string the temporary one; it owns nothing afterwards
---@param owner string
---@param later table[] of run
---@param rules o2x.pg.dump.rules
---@return table<string, integer> others roles whose objects belong to the owner now → objects
function M.hand_over(admin, role, owner, later, rules)
  local others = {}
  admin:query(("REASSIGN OWNED BY %s TO %s"):format(pg_sql.quote(role, "role name"), pg_sql.quote(owner, "role name")))
  admin:query(("DROP OWNED BY %s"):format(pg_sql.quote(role, "role name")))
  for _, one in ipairs(later) do
    if one.action == "rights" then
      admin:query(one.text)
    elseif one.role ~= owner and not change_owner(admin, one, rules) then
      others[one.role] = (others[one.role] or 0) + 1
    end
  end
  return others
end

--- A name for the temporary role of a copy.
---@param copy string the database
---@return string
function M.role_of(copy)
  if #copy <= 55 then return copy .. "-role" end
  return copy:sub(1, 45) .. "-" .. crypto.sha256(copy):sub(1, 8) .. "-role"
end

return M

--- The effect type of privileges on a database.

local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local psql = require "o2x.effects.pg.psql"
local sorted_keys = require "o2x.base.sorted_keys"
local support = require "o2x.effects.pg.support"
local value = require "o2x.base.value"

local M = {}

local GRANTED = [[SELECT r.rolname AS role, a.privilege_type AS privilege FROM pg_database d
CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = $1]]

local WORDS = {
  all = { "CONNECT", "CREATE", "TEMPORARY" },
  connect = { "CONNECT" },
  create = { "CREATE" },
  temporary = { "TEMPORARY" },
}

--- The desired value of pg.grant: "CONNECT to appuser" → true.
---@param privileges table<string, string[]|string> all, connect, create, temporary → roles
---@return table<string, boolean>
function M.wanted(privileges)
  local map = {}
  for word, roles in pairs(privileges) do
    if not WORDS[word] then
      errors.raise {
        kind = "input",
        module = "pg",
        message = ("unknown privilege '%s' (all, connect, create, temporary)"):format(tostring(word)),
      }
    end
    for _, role in ipairs(type(roles) == "table" and roles or { roles }) do
      pg.quote(role, "role name")
      for _, privilege in ipairs(WORDS[word]) do
        map[privilege .. " to " .. role] = true
      end
    end
  end
  return map
end

local function each_grant(map, fn)
  for _, name in ipairs(sorted_keys(map)) do
    local privilege, role = name:match("^(%u+) to (.*)$")
    fn(privilege, role, name)
  end
end

local function check_roles(db, target)
  each_grant(target.wanted, function(_, role) support.check_role(db, role) end)
end

local function grant_statements(target, desired, before)
  local statements = {}
  each_grant(target.wanted, function(privilege, role, name)
    local give = desired ~= nil and desired[name] or false
    if before and before[name] == give then return end
    statements[#statements + 1] = {
      (give and "GRANT %s ON DATABASE %s TO %s" or "REVOKE %s ON DATABASE %s FROM %s"):format(
        privilege,
        pg.quote(target.name, "database name"),
        pg.quote(role, "role name")
      ),
    }
  end)
  return statements
end

-- Of the named privileges, which are there?
local function granted(target, rows)
  local there, current = {}, {}
  for _, row in ipairs(rows) do
    there[row.privilege .. " to " .. row.role] = true
  end
  for name in pairs(target.wanted) do
    current[name] = there[name] or false
  end
  return current
end

local AS_GRANTED <const> =
  pg.assertion(([[ARRAY (SELECT DISTINCT (g.privilege || ' to ' || g.role) COLLATE "C" FROM (%s) g
WHERE g.privilege || ' to ' || g.role = ANY ($2::text[]) ORDER BY 1) = $3::text[] ]]):format(GRANTED))

-- Are the named privileges what they were when they were read?
local function as_read(target, before)
  local names, there = sorted_keys(target.wanted), {}
  for _, name in ipairs(names) do
    if before and before[name] then there[#there + 1] = name end
  end
  return { AS_GRANTED, target.name, pg.array(names), pg.array(there) }
end

-- All statements or none, and what is there then.
local function write_grants(db, target, desired, before)
  local statements = grant_statements(target, desired, before)
  table.insert(statements, 1, as_read(target, before))
  local answers = db:pipeline { statements, { { GRANTED, target.name } } }
  return granted(target, db.to_rows(answers[2][1]))
end

--- The effect type.
M.grant = {
  kind = "pg.grant",
  class = "idempotent",
  guard = "the named privileges are compared in the transaction that grants",
  undo = {
    before = "for each named privilege, whether it was granted",
    how = "revokes what the run granted; grants what it revoked",
  },
  -- Each grant is its own statement, so an interrupted write may have done only some.
  interim = function(_, target, past, now)
    for name in pairs(target.wanted) do
      local function has(map) return (map or {})[name] or false end
      local is = has(now)
      if is ~= has(past.before) and is ~= has(past.desired) then return false end
    end
    return true
  end,
  key = function(target)
    local words = {}
    each_grant(target.wanted, function(_, _, name) words[#words + 1] = name end)
    return target.name .. ": " .. table.concat(words, ", ")
  end,
  parent = function(target) return "pg.database", { database = target.database, name = target.name } end,
  by_hand = function(_, target, desired, before)
    if value.is_unknown(before) then before = nil end
    return { psql.command(target.database, psql.joined(grant_statements(target, desired, before))) }
  end,
  read = function(ctx, target)
    return granted(target, support.on_server(ctx, target, function(db) return db:rows(GRANTED, target.name) end))
  end,
  -- The owner of a new database has all privileges on it.
  initial = function(_, target, parent)
    local rows = {}
    for i, privilege in ipairs(WORDS.all) do
      rows[i] = { privilege = privilege, role = parent.owner }
    end
    return granted(target, rows)
  end,
  equal = function(current, desired) return value.equal(current or {}, desired or {}) end,
  write = function(ctx, target, desired, before)
    return nil,
      support.on_server(ctx, target, function(db)
        db.uncertain = true
        local ok, result = pcall(support.guarded, write_grants, db, target, desired, before)
        if ok then return result end
        if errors.is(result) and result.code == "42704" then check_roles(db, target) end
        error(result, 0)
      end)
  end,
  predict = function(ctx, target, desired)
    support.on_server(ctx, target, function(db) check_roles(db, target) end)
    return desired
  end,
  show = function(target, before, after)
    local lines = {}
    each_grant(target.wanted, function(privilege, role, name)
      local had, has = before and before[name] or false, after and after[name] or false
      if had ~= has then lines[#lines + 1] = ("%s GRANT %s TO %s"):format(has and "+" or "-", privilege, role) end
    end)
    return { title = "privileges on database " .. target.name, lines = lines }
  end,
}

return M

--- The users in the tenant's database, which the lab's services read and write as the real ones do.

local pg = require("o2x.client.pg")

local M = {}

local USER <const> = [[
  select userid as username, password, email, firstname as "firstName", lastname as "lastName", status
  from core_config.users where userid = $1 or email = $1]]

-- The database in the service's JDBC URL, or the default name.
local function database_name(info)
  for _, value in pairs(info.env or {}) do
    local name = tostring(value):match("^jdbc:postgresql://[^/]+/([^?]+)")
    if name then return name end
  end
  return "coredb-" .. info.tenant
end

local ADD_USER <const> = [[
  insert into core_config.users (userid, password, email, firstname, lastname, status, roleid, type)
  values ($1, $2, $3, $4, $5, $6, (select id from core_config.roles where id = $7), 'INTERNAL')
  on conflict (userid) do nothing returning id]]

-- Runs fn(db) on the tenant's database; nil if there is none.
local function with_database(lab, info, fn)
  local state = lab.state("postgres")
  if not state.superuser_password then return nil end
  local ok, found = pcall(function()
    local db <close> = pg.connect({
      host = lab.host,
      port = lab.port("postgres"),
      user = "postgres",
      password = state.superuser_password,
      dbname = database_name(info),
      sslmode = "disable",
      connect_timeout = 5,
      application_name = "o2x lab",
    })
    return fn(db)
  end)
  if not ok then lab.log(("%s: %s"):format(info.service, tostring(found))) end
  return ok and found or nil
end

--- Adds a user to the tenant's database.
---@param lab table
---@param info lab.service_info
---@param user table username, email, firstName, lastName, roleId, status
---@param hash string the password's bcrypt hash
---@return string|nil id nil if there is no such database or the user exists
function M.add_user(lab, info, user, hash)
  return with_database(lab, info, function(db)
    local rows = db:query(
      ADD_USER,
      user.username,
      hash,
      user.email,
      user.firstName,
      user.lastName,
      user.status or "ACTIVE",
      user.roleId
    )
    return rows[1] and rows[1].id
  end)
end

--- A user of the tenant; nil if there is no such user or database.
---@param lab table
---@param info lab.service_info
---@param username string
---@return table|nil user {username, password (a bcrypt hash), email, firstName, lastName, status}
function M.user(lab, info, username)
  return with_database(lab, info, function(db) return db:one(USER, username) end)
end

return M

--- What the lab's services read in their tenant's own database, as the real ones do.

local pg = require("o2x.client.pg")

local M = {}

local USER <const> = [[
  select userid as username, password, email, firstname as "firstName", lastname as "lastName", status
  from core_config.users where userid = $1 or email = $1]]

-- The database that the service was deployed with: its JDBC URL, or the usual name.
local function name_of(info)
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

-- Runs fn(db) on the tenant's database; nil when there is none.
local function with(lab, info, fn)
  local state = lab.state("postgres")
  if not state.superuser_password then return nil end
  local ok, found = pcall(function()
    local db <close> = pg.connect({
      host = lab.host,
      port = lab.port("postgres"),
      user = "postgres",
      password = state.superuser_password,
      dbname = name_of(info),
      sslmode = "disable",
      connect_timeout = 5,
      application_name = "o2x lab",
    })
    return fn(db)
  end)
  if not ok then lab.log(("%s: %s"):format(info.service, tostring(found))) end
  return ok and found or nil
end

--- Makes a user in the tenant's database.
---@param lab table
---@param info lab.service_info
---@param user table username, email, firstName, lastName, roleId, status
---@param hash string of the password, by bcrypt
---@return string|nil id nil when there is no such database
function M.add_user(lab, info, user, hash)
  return with(lab, info, function(db)
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

--- A user of the tenant, or nil; also when there is no such database.
---@param lab table
---@param info lab.service_info
---@param username string
---@return table|nil user {username, password (a bcrypt hash), email, firstName, lastName, status}
function M.user(lab, info, username)
  return with(lab, info, function(db) return db:one(USER, username) end)
end

return M

--- What the lab's services read in their tenant's own database, as the real ones do.

local pg = require("o2x.pg")

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

--- A user of the tenant, or nil; also when there is no such database.
---@param lab table
---@param info lab.service_info
---@param username string
---@return table|nil user {username, password (a bcrypt hash), email, firstName, lastName, status}
function M.user(lab, info, username)
  local state = lab.state("postgres")
  if not state.superuser_password then return nil end
  local ok, found = pcall(function()
    local db <close> = pg.connect({ host = lab.host, port = lab.port("postgres"), user = "postgres",
      password = state.superuser_password, dbname = name_of(info), sslmode = "disable", connect_timeout = 5,
      application_name = "o2x lab" })
    return db:one(USER, username)
  end)
  if not ok then lab.log(("%s: %s"):format(info.service, tostring(found))) end
  return ok and found or nil
end

return M

--- PostgreSQL's service files: PGSERVICE names a section, whose settings count before the other PG* variables, as for
--- psql. https://www.postgresql.org/docs/current/libpq-pgservice.html

local encoding = require "o2x.base.encoding"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local suggest = require "o2x.base.suggest"

local M = {}

local SYSTEM_FOLDER <const> = "/etc/postgresql-common" -- of Debian's libpq; PGSYSCONFDIR is another one

-- libpq's settings. A word that is none of them is a slip of the pen, and libpq refuses it.
local KNOWN <const>, NAMES <const> = {}, {}
for name in
  ([[application_name authtype channel_binding client_encoding connect_timeout dbname fallback_application_name
  gssdelegation gssencmode gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval
  krbsrvname load_balance_hosts max_protocol_version min_protocol_version oauth_client_id oauth_client_secret
  oauth_issuer oauth_scope options passfile password port replication require_auth requirepeer scram_client_key
  scram_server_key servicefile ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression
  sslcrl sslcrldir sslkey sslkeylogfile sslmode sslnegotiation sslpassword sslrootcert sslsni target_session_attrs
  tcp_user_timeout tty user]]):gmatch "%S+"
do
  KNOWN[name], NAMES[#NAMES + 1] = true, name
end

-- Settings that a connection of o2x has its own value for.
local OWN <const> = { dbname = true, application_name = true, client_encoding = true, fallback_application_name = true }

-- The files, in the order in which they are searched.
local function paths(env)
  local list = {}
  if (env.PGSERVICEFILE or "") ~= "" then
    list[1] = env.PGSERVICEFILE
  elseif (env.HOME or "") ~= "" and fs.exists(fs.join(env.HOME, ".pg_service.conf")) then
    list[1] = fs.join(env.HOME, ".pg_service.conf")
  end
  local folder = (env.PGSYSCONFDIR or "") ~= "" and env.PGSYSCONFDIR or SYSTEM_FOLDER
  list[#list + 1] = fs.join(folder, "pg_service.conf")
  return list
end

-- The settings of a section of a file; nil if it has no such section.
local function section_of(path, name)
  local found, inside, number = nil, false, 0
  for line in (encoding.utf8(fs.read(path), path) .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    line = line:match "^%s*(.-)%s*$"
    if line:sub(1, 1) == "[" then
      if found then return found end -- the first section of this name counts
      inside = line:sub(2, #name + 2) == name .. "]" -- libpq does not look at what follows
      found = inside and {} or nil
    elseif inside and line ~= "" and line:sub(1, 1) ~= "#" then
      local key, value = line:match "^([%w_]+)=(.*)$"
      local where = ("%s:%d"):format(path, number)
      if not key then errors.input("expected setting=value", "o2x reads no settings from LDAP", where) end
      if key == "service" then errors.input("a service inside a service", nil, where) end
      if not KNOWN[key] then
        errors.input("unknown setting " .. key .. suggest.did_you_mean(key, NAMES), "psql refuses it as well", where)
      end
      found[key] = found[key] or { value = value, where = where }
    end
  end
  return found
end

local function find(env)
  local name = env.PGSERVICE or ""
  if name == "" then return nil end
  for _, path in ipairs(paths(env)) do
    if fs.exists(path) then
      local section = section_of(path, name)
      if section then return section end
    elseif path == env.PGSERVICEFILE then
      errors.input("service file not found", "PGSERVICEFILE names it", path)
    end
  end
  errors.input(("PGSERVICE: no service %q"):format(name), "searched: " .. table.concat(paths(env), ", "))
end

--- The value that the service gives a setting of libpq.
---@param setting string libpq's name: "host"
---@param env table<string, string>
---@return string? value
---@return string where "FILE:LINE"
function M.value(setting, env)
  local section = find(env)
  local found = section and section[setting]
  if not found then return nil, "" end
  return found.value, found.where
end

--- The settings of the service that nothing uses.
---@param env table<string, string>
---@param used fun(setting: string): boolean
---@return { [1]: string, [2]: string }[] unused setting, "FILE:LINE"
function M.unused(env, used)
  local list = {}
  for setting, found in pairs(find(env) or {}) do
    if not OWN[setting] and not used(setting) then list[#list + 1] = { setting, found.where } end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

return M

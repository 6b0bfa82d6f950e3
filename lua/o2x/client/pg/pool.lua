--- The connection pool of one run: opens connections on demand, keeps them until the run ends, and connects only to the
--- databases that the run was granted.

local breaker = require "o2x.base.breaker"
local cleartext = require "o2x.client.cleartext"
local copies = require "o2x.client.pg.copies"
local errors = require "o2x.base.error"
local pg = require "o2x.client.pg"
local pg_error = require "o2x.client.pg.error"
local pooler = require "o2x.client.pg.pooler"
local scope = require "o2x.base.scope"
local session = require "o2x.client.pg.session"
local task = require "o2x.base.task"

local M = {}

local LIMIT = 8 -- connections to one database at a time; a tenant's database has 100 for everybody

---@class o2x.pg.Pool
local Pool = {}
Pool.__index = Pool

--- A pool.
---@param options table as of pg.connect, without dbname
---@param grants string[] the names of the databases that may be used
---@return o2x.pg.Pool
function M.new(options, grants)
  return setmetatable({ options = options, grants = grants, idle = {}, open = {}, waiting = {}, coming = {} }, Pool)
end

--- The connection options of a database, for a program that connects by itself.
---@param dbname string one that was granted
---@param overrides table?
---@return table options
function Pool:options_for(dbname, overrides)
  scope.name(self.grants, dbname, "the database")
  local options = {}
  for name, value in pairs(self.options) do
    options[name] = value
  end
  for name, value in pairs(overrides or {}) do
    options[name] = value
  end
  options.dbname = dbname
  return options
end

--- A separate connection, for work that changes the session: `local db <close> = pool:connect(…)`.
---@param dbname string
---@param overrides table? options of pg.connect
---@return o2x.pg.Connection
function Pool:connect(dbname, overrides) return pg.connect(self:options_for(dbname, overrides)) end

local function connect(self, dbname)
  local db = self:connect(dbname)
  db.kept = true
  return db
end

--- Begins to connect to a database that will be used soon. Nobody waits for it: who needs the connection does, and
--- connects again if there is none.
---@param dbname string
function Pool:expect(dbname)
  if self.coming[dbname] or self.idle[dbname] or self.open[dbname] then return end
  self.coming[dbname] = task.spawn(connect, self, dbname)
end

-- The connection that is expected; nil if there is none.
local function expected(self, dbname)
  local coming = self.coming[dbname]
  if not coming then return nil end
  coming:wait()
  if self.coming[dbname] ~= coming then return nil end -- another task has taken it
  self.coming[dbname] = nil
  local good, db = coming:outcome()
  return good and db or nil
end

local function take(self, dbname)
  local came = expected(self, dbname)
  if came and came:idle() then return came end
  if came then came:close() end
  local idle = self.idle[dbname]
  while idle and #idle > 0 do
    local db = table.remove(idle)
    if db:idle() then return db end
    db:close() -- the server has gone since
  end
  return connect(self, dbname)
end

local function wait_for_turn(self, dbname)
  while (self.open[dbname] or 0) >= LIMIT do
    local turn <close> = task.event()
    table.insert(self.waiting, turn)
    task.wait(turn)
  end
  self.open[dbname] = (self.open[dbname] or 0) + 1
end

local function leave(self, dbname)
  self.open[dbname] = self.open[dbname] - 1
  for _, turn in ipairs(self.waiting) do
    turn:set()
  end -- the waiting task checks again
  self.waiting = {}
end

--- Is there a connection to a database that nobody uses?
---@param dbname string
---@return boolean
function Pool:has_idle(dbname)
  local idle = self.idle[dbname]
  return idle ~= nil and #idle > 0 and (self.open[dbname] or 0) < LIMIT
end

--- Runs fn(connection). Whoever gets the connection next finds nothing of it; one that is not left idle is closed.
---@param dbname string
---@param fn fun(db: o2x.pg.Connection): any
---@return any what fn returned
function Pool:with(dbname, fn)
  wait_for_turn(self, dbname)
  local ok, db
  local function ask()
    ok, db = pcall(take, self, dbname)
    if not ok then error(db, 0) end
    return fn(db)
  end
  local results = table.pack(pcall(breaker.guard, pg_error.where(self.options), ask))
  if ok and db:idle() and db:leave() then
    self.idle[dbname] = self.idle[dbname] or {}
    table.insert(self.idle[dbname], db)
  elseif ok then
    db:close()
  end
  leave(self, dbname)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- Runs fn(connection) for what concerns the whole server: its databases and the rights on them. Any session will do
--- that is there already, as long as no pooler may lead it to another server.
---@param dbname string where to connect if there is none
---@param except string? a database that fn may remove
---@param fn fun(db: o2x.pg.Connection): any
---@return any what fn returned
function Pool:anywhere(dbname, except, fn)
  scope.name(self.grants, dbname, "the database")
  for name, list in pairs(self.idle) do
    if name ~= except and list[1] and not list[1].pooled then return self:with(name, fn) end
  end
  return self:with(dbname, fn)
end

--- Closes idle connections, and those that are coming. An unused pool need not be closed: its connections are collected
--- with it.
function Pool:close()
  for dbname, coming in pairs(self.coming) do
    coming:cancel()
    coming:wait(nil, true)
    local good, db = coming:outcome()
    if good then db:close() end
    self.coming[dbname] = nil
  end
  for _, list in pairs(self.idle) do
    for _, db in ipairs(list) do
      db:close()
    end
  end
  self.idle = {}
end

-- The modes of TLS → may the password go to a server that declines it?
local MODES <const> = {
  disable = true,
  allow = true,
  prefer = true,
  require = false,
  ["verify-ca"] = false,
  ["verify-full"] = false,
}

-- libpq takes a list of hosts, and connects to hostaddr if that is given.
local function check_mode(config, mode)
  if MODES[mode] == nil then
    errors.input(
      ("PostgreSQL: unknown sslmode %q"):format(mode),
      "use verify-full, verify-ca, require, prefer, allow or disable"
    )
  end
  local hosts = tostring(config.pg.hostaddr or config.pg.host)
  if config.pg.direct then hosts = hosts .. "," .. pooler.address(config.pg.direct) end
  for host in (MODES[mode] and hosts or ""):gmatch "[^,]+" do
    cleartext.check_host(config, host, "PostgreSQL", "sslmode verify-full")
  end
  return mode
end

-- A connection string would be looked up as a name.
local function check_host(host)
  if not tostring(host):find("://", 1, true) then return end
  errors.input(
    "pg.host is a connection URI",
    "set pg.host, pg.port and pg.user, or PGSERVICE to a service of a service file"
  )
end

--- The connection options of a configuration.
---@param config table
---@param sslmode string? what the platform wants, if the configuration says nothing
---@return table options of pg.connect, without dbname
function M.options(config, sslmode)
  local options = {}
  for name in pairs(session.KEYWORDS) do
    options[name] = config.pg[name]
  end
  check_host(options.host)
  options.sslmode = check_mode(config, options.sslmode or sslmode or "verify-full")
  options.application_name, options.direct = "o2x", config.pg.direct
  local seconds = config.pg.connect_timeout
  if seconds and seconds > 0 then options.connect_timeout = math.max(2, seconds) end -- as libpq
  return options
end

--- The pool of a run. It may connect to the databases that the run was granted and to the run's own restore copy.
---@param config table
---@param granted table what the run may touch
---@param run table
---@return table pool
function M.for_run(config, granted, run)
  local grants, names = {}, granted.pg or {}
  for _, name in pairs(names) do
    grants[#grants + 1] = name
  end
  local owner = run.ctx and run.ctx.run_id or run.id
  if owner and names.tenant then grants[#grants + 1] = copies.restore(names.tenant, owner) end
  return M.new(M.options(config, granted.sslmode), grants)
end

return M

--- Operators who meet in one control database: a PostgreSQL server with a registry, a small platform of its own, and a
--- run store for each of them. All that a run does is in PostgreSQL, so this starts in a few seconds, without a lab.
---
---     local place = operators.start()          -- or of another PostgreSQL: operators.start { programs = FOLDER }
---     local run = place:start("ann")           -- writes a row, waits for go("ann"), writes another
---     place:go "ann"
---     local code, said = run:ends()

local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"

local M = {
  CONTROL = "control", -- the database of the registry
  OWN = "acme", -- that of the tenant
}

local PLATFORM <const> = [[
local M = {}
function M.load(name) return { name = name, id = "T-1" } end
function M.grants() return { pg = { tenant = "acme", control = "control", admin = "postgres" } } end
function M.registry()
  return { database = "control", admin = "postgres", table = "public.tenant", id = "id", name = "name", others = {},
    by_id = { "redis" } }
end
return M
]]

local HELD <const> = [[
local pg = require "o2x.pg"
return require "o2x.runbook" {
  name = "held", version = "1.0.0", api = 1, summary = "Write, wait, write",
  params = { who = { "string" } },
  effects = { "pg:write" },
  run = function(tenant, params)
    local function note(what)
      pg.tenant:ensure_row("note", { name = params.who .. " " .. what }, { word = "written" })
    end
    step("First", note, "first")
    step("Wait", wait_until, "the test", 300, function()
      return pg.tenant:one("select 1 as one from go where name = $1", params.who)
    end)
    step("Second", note, "second")
  end,
}
]]

local REGISTRY <const> = "CREATE TABLE tenant (id text PRIMARY KEY, name text UNIQUE); "
  .. "ALTER TABLE tenant OWNER TO admin; INSERT INTO tenant VALUES ('T-1', 'acme')"
local TABLES <const> = "CREATE TABLE note (name text PRIMARY KEY, word text); CREATE TABLE go (name text); "
  .. "ALTER TABLE note OWNER TO admin; ALTER TABLE go OWNER TO admin; GRANT SELECT ON go TO o2x_reader"

local Place = {}
Place.__index = Place

local function o2x_of() return require("tests.support.build").o2x end

--- The environment of an operator.
---@param name string has the run store of that name
---@param env table<string, string>?
---@return table<string, string>
function Place:environment(name, env)
  local all = { PATH = os.getenv "PATH", HOME = self.folder, NO_COLOR = "1", PGSSLMODE = "disable" }
  for key, value in pairs(self.server.env) do
    all[key] = value
  end
  all.PGSSLMODE, all.O2X_STATE = "disable", fs.join(self.folder, "store-" .. name)
  all.O2X_PLATFORM = fs.join(self.folder, "platform")
  for key, value in pairs(env or {}) do
    all[key] = value
  end
  return all
end

--- Runs o2x as an operator.
---@param name string
---@param words string[]
---@param env table<string, string>?
---@return table result code, stdout, stderr
function Place:o2x(name, words, env)
  return proc.run {
    argv = { o2x_of(), table.unpack(words) },
    env = self:environment(name, env),
    cwd = self.folder,
    timeout = 120,
  }
end

--- SQL as a superuser.
---@param database string
---@param text string
---@return string
function Place:sql(database, text) return self.server.sql(database, text) end

--- Lets an operator's run go on.
---@param name string
function Place:go(name) self:sql(M.OWN, ("INSERT INTO go VALUES ('%s')"):format(name)) end

--- What was written, in order.
---@return string
function Place:notes() return self:sql(M.OWN, "SELECT string_agg(name, ', ' ORDER BY name) FROM note") end

--- Forgets what was written and who holds the tenant.
function Place:forget()
  self:sql(M.OWN, "TRUNCATE note; TRUNCATE go")
  self:sql(M.CONTROL, "UPDATE o2x.lock SET run = NULL")
end

local Run = {}
Run.__index = Run

--- What it has said until now.
---@return string
function Run:said() return fs.read_if(self.log) or "" end

--- Waits for its first write.
---@return table run
function Run:waits()
  eventually("the first write", function() return self:said():find("First: done", 1, true) end, 60)
  return self
end

--- Sends it a signal.
---@param number integer
function Run:kill(number) self.child:kill(number) end

--- Waits for its end.
---@return integer code
---@return string said
function Run:ends()
  local code = proc.wait(self.child, 120)
  self.child:close()
  return code, self:said()
end

--- Starts a run of an operator.
---@param name string
---@param env table<string, string>?
---@param words string[]? instead of those of a new run
---@return table run
function Place:start(name, env, words)
  local log = fs.join(self.folder, "said-" .. name)
  fs.remove(log)
  local child = proc.start {
    argv = { o2x_of(), table.unpack(words or { "run", self.runbook, "acme", "who=" .. name }) },
    env = self:environment(name, env),
    cwd = self.folder,
    log = log,
    timeout = 300,
  }
  return setmetatable({ child = child, log = log }, Run)
end

--- Ends all.
function Place:stop()
  self.server.stop()
  fs.remove_tree(self.folder)
end

--- Starts all.
---@param options { programs: string? }? the folder of another PostgreSQL's programs
---@return table place
function M.start(options)
  local folder = fs.temp_folder "/tmp/o2x-operators-"
  local self = setmetatable({ folder = folder, server = servers.start("postgres", options) }, Place)
  fs.write(fs.join(folder, "stdlib/platform.lua"), PLATFORM, { parents = true })
  fs.write(fs.join(folder, "runbooks/held.lua"), HELD, { parents = true })
  fs.write(fs.join(folder, "platform/platform.yaml"), "version: 1\n", { parents = true })
  fs.write(fs.join(folder, "platform/tenants/acme.yaml"), "name: acme\n", { parents = true })
  self.runbook = fs.join(folder, "runbooks/held.lua")
  for _, name in ipairs { M.CONTROL, M.OWN } do
    self:sql("postgres", ("CREATE DATABASE %s OWNER admin"):format(name))
  end
  self:sql(M.CONTROL, REGISTRY)
  self:sql(M.OWN, TABLES)
  return self
end

return M

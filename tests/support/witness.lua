--- Sees what somebody does to a lab, by what its servers saw: PostgreSQL's log of all statements, the HTTP servers'
--- requests with their bodies, Redis' MONITOR, the folders before and after, and what the kernel says of them in
--- between. Tells reads from writes by lists of what reads.
---
---     local watch <close> = witness.new(lab)
---     watch:begin()
---     …
---     assert.same({}, watch:writes())     -- what was no read, a line each
---     assert.is_true(watch:count() > 0)   -- something was seen at all

local daemon = require "lab.daemon"
local eventually = require "tests.support.eventually"
local fs = require "o2x.base.fs"
local inotify = require "tests.support.inotify"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local requests = require "lab.requests"

local M = {}

local Witness = {}
Witness.__index = Witness

-- ---- PostgreSQL ----

-- The words with which a statement begins that changes nothing. SET and DISCARD change the session alone. A function
-- that a SELECT calls could write: the server gives no transaction a number then, which `transactions` sees.
local READING <const> = {
  SELECT = true,
  SHOW = true,
  SET = true,
  RESET = true,
  DISCARD = true,
  BEGIN = true,
  START = true,
  COMMIT = true,
  ROLLBACK = true,
  END = true,
  VALUES = true,
  WITH = true,
  TABLE = true,
  EXPLAIN = true,
  FETCH = true,
  DECLARE = true,
  CLOSE = true,
  DEALLOCATE = true,
}

local function superuser(lab, database, query)
  local state = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json")))
  local result = lab:run(
    { "psql", "-X", "-At", "-d", database, "-c", query },
    { env = { PGUSER = "postgres", PGPASSWORD = state.superuser_password } }
  )
  assert(result.code == 0, result.stderr)
  return (result.stdout:gsub("\n$", ""))
end

local function postgres_log(lab)
  local user = daemon.user { "postgres", "nobody" }
  return fs.join(daemon.path({ dir = fs.realpath(lab.dir) }, "postgres", user), "log")
end

local function log_statements(lab)
  for _, setting in ipairs { "log_statement = 'all'", "log_line_prefix = '<%a> '" } do
    superuser(lab, "postgres", "ALTER SYSTEM SET " .. setting)
  end
  superuser(lab, "postgres", "SELECT pg_reload_conf()")
  eventually("the log of statements", function() return lab:sql("postgres", "SHOW log_statement") == "all" end)
end

-- Of a log: the statements of o2x and its children, not those of the lab's simulators and of the test's own psql.
local function statements(text, found)
  for who, rest in text:gmatch "<([^>\n]*)> LOG:  ([^\n]*)" do
    local statement = rest:match "^statement: (.*)" or rest:match "^execute [^:]*: (.*)"
    if statement and who ~= "o2x lab" and who ~= "psql" then found[#found + 1] = { who = who, text = statement } end
  end
end

local function reads_postgres(statement)
  return READING[(statement.text:gsub("^%s*%(*%s*", ""):match "^%a+" or "?"):upper()] or false
end

-- ---- HTTP ----

local function form(body, name) return (("&" .. body):match("&" .. name .. "=([^&]*)")) end

local function reads_jolokia(body)
  local ok, asked = pcall(json.decode, body or "")
  if not ok then return false end
  for _, one in ipairs(asked[1] and asked or { asked }) do
    local reads = one.type == "read" or one.type == "search" or one.type == "list" or one.type == "version"
    local browses = one.type == "exec" and tostring(one.operation):find "^browse" ~= nil
    if not reads and not browses then return false end
  end
  return true
end

local function is_query(body)
  local ok, asked = pcall(json.decode, body or "")
  local text = ok and type(asked) == "table" and asked.query
  if not text then return false end
  return not (" " .. text):find "[%s}]mutation[%s({]" and not (" " .. text):find "[%s}]subscription[%s({]"
end

-- What a request by another method than GET, HEAD, LIST and OPTIONS may be and still read, by service.
local READS <const> = {
  aws = function(r)
    local action = form(r.body or "", "Action") or ""
    return action:find "^Describe" or action:find "^List" or action:find "^Get"
  end,
  broker = function(r) return reads_jolokia(r.body) end,
  -- A review of access stores nothing; a dry run goes through admission and is not stored.
  k8s = function(r)
    if r.target:find("/proxy/", 1, true) then return is_query(r.body) end
    return r.target:find "[?&]dryRun=All" or r.target:find "/selfsubject%a+reviews"
  end,
  ingress = function(r) return is_query(r.body) end,
  vault = function(r) return r.target:find "^/v1/sys/capabilities%-self" end,
}

local SAFE <const> = { GET = true, HEAD = true, LIST = true, OPTIONS = true }

local function reads_http(r) return SAFE[r.method] or (READS[r.service] and READS[r.service](r)) or false end

-- ---- Redis ----

local REDIS <const> = {}
for word in
  ([[auth hello select client ping echo info scan get mget exists type ttl pttl strlen dbsize memory object keys
     hlen llen scard zcard xlen config command cluster role time]]):gmatch "%S+"
do
  REDIS[word] = true
end

local function reads_redis(line)
  local words = {}
  for word in line:gmatch '"([^"]*)"' do
    words[#words + 1] = word:lower()
  end
  if words[1] == "acl" then return words[2] == "whoami" or words[2] == "dryrun" end
  return REDIS[words[1]] and not (words[1] == "config" and words[2] ~= "get") or false
end

-- ---- folders ----

-- All below a folder, with what the kernel changes at each write and nobody can set back: the time of the last change
-- of the inode. A file that was made and removed again changed its folder.
local function listing(folder)
  local result = proc.run {
    argv = { "find", folder, "-printf", "%P %y %m %U %s %i %T@ %C@\n" },
    timeout = 60,
  }
  local entries = {}
  for line in result.stdout:gmatch "[^\n]+" do
    local name, rest = line:match "^(.-) (%l %d+ .*)$"
    entries[name] = rest
  end
  return entries
end

-- ---- watching ----

--- Begins to watch a lab. Close it.
---@param lab table of tests/support/lab.lua
---@return table witness
function M.new(lab)
  local self = setmetatable({ lab = lab, dir = fs.temp_folder "/tmp/o2x-witness-" }, Witness)
  self.home, self.temporary = fs.join(self.dir, "home"), fs.join(self.dir, "tmp")
  fs.mkdir(self.home)
  fs.mkdir(self.temporary)
  log_statements(lab)
  self.postgres = postgres_log(lab)
  self.http = fs.join(lab.dir, requests.LOG)
  fs.write(self.http, "")
  self.redis = fs.join(self.dir, "redis")
  self.monitor = proc.start {
    argv = { "redis-cli", "-u", lab.env.REDIS_URL, "MONITOR" },
    env = lab.env,
    timeout = 3600,
    log = self.redis,
  }
  eventually("MONITOR", function() return (fs.read_if(self.redis) or ""):find("OK", 1, true) end)
  return self
end

--- Ends it.
function Witness:close()
  if not self.monitor then return end
  if self.kernel then self.kernel:close() end
  proc.stop(self.monitor)
  self.monitor:close()
  self.monitor = nil
  fs.remove(self.http)
  fs.remove_tree(self.dir)
end
Witness.__close = Witness.close

--- Runs o2x with a home and a folder for temporary files that are looked at.
---@param words string[]
---@return table result code, signal, stdout, stderr
function Witness:o2x(words)
  return self.lab:o2x(
    words,
    { env = { HOME = self.home, TMPDIR = self.temporary, XDG_CACHE_HOME = self.home .. "/.cache" } }
  )
end

local function paths(self)
  return {
    platform = self.lab.platform,
    runs = self.lab.store,
    secrets = self.lab.env.O2X_SECRETS,
    home = self.home,
    temporary = self.temporary,
    checkout = fs.join(fs.cwd(), "runbooks"),
    library = fs.join(fs.cwd(), "stdlib"),
  }
end

local function folders(self)
  local found = {}
  for name, path in pairs(paths(self)) do
    found[name] = listing(path)
  end
  return found
end

local function start_inotify(self)
  if self.kernel then self.kernel:close() end
  local list = {}
  for _, path in pairs(paths(self)) do
    list[#list + 1] = path
  end
  return inotify.start(list, self.dir)
end

-- What happened in the folders, also where nothing of it is left.
local function happened(self, allowed, found)
  for _, event in ipairs(self.kernel:events()) do
    local folder, inner = "?", event.path
    for name, path in pairs(paths(self)) do
      if event.path == path or event.path:sub(1, #path + 1) == path .. "/" then
        folder, inner = name, event.path:sub(#path + 2)
      end
    end
    if not allowed(folder, inner, event.what) then
      found[#found + 1] = ("%s/%s: %s"):format(folder, inner, event.what)
    end
  end
end

-- The number that the next transaction gets which writes, whoever makes it.
local function transactions(lab) return superuser(lab, "postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())") end

--- From here on it counts.
function Witness:begin()
  self.marker = (self.marker or 0) + 1
  self.from = {
    postgres = fs.stat(self.postgres).size,
    http = fs.stat(self.http).size,
    redis = self:redis_is_written(("begin-%d"):format(self.marker)),
    folders = folders(self),
    transactions = transactions(self.lab),
  }
  self.kernel = start_inotify(self)
end

-- MONITOR writes when it likes: what came before this marker is there when the marker is. -> size of the file
function Witness:redis_is_written(marker)
  self.lab:out("redis-cli", "-u", self.lab.env.REDIS_URL, "ECHO", marker)
  eventually("the marker", function() return fs.read(self.redis):find(marker, 1, true) end)
  return fs.stat(self.redis).size
end

local function since(path, offset) return fs.read(path):sub(offset + 1) end

-- What was seen since begin: { what, is_read } a line.
function Witness:seen()
  local list = {}
  local function add(system, what, is_read) list[#list + 1] = { what = system .. ": " .. what, is_read = is_read } end
  local found = {}
  statements(since(self.postgres, self.from.postgres), found)
  for _, statement in ipairs(found) do
    add("postgres", statement.text, reads_postgres(statement))
  end
  for line in since(self.http, self.from.http):gmatch "[^\n]+" do
    local r = json.decode(line)
    add(r.service, ("%s %s %s"):format(r.method, r.target, (r.body or ""):sub(1, 200)), reads_http(r) and true or false)
  end
  self:redis_is_written(("end-%d"):format(self.marker))
  for line in since(self.redis, self.from.redis):gmatch "[^\n]+" do
    if not line:find(" lua] ", 1, true) then add("redis", line, reads_redis(line)) end
  end
  return list
end

--- How much was seen since begin, by system.
---@return table<string, integer>
function Witness:count()
  local count = {}
  for _, one in ipairs(self:seen()) do
    local system = one.what:match "^%w+"
    count[system] = (count[system] or 0) + 1
  end
  return count
end

local function changed(before, after, allowed, found)
  for name, folder in pairs(after) do
    for path, entry in pairs(folder) do
      if before[name][path] ~= entry and not allowed(name, path) then
        found[#found + 1] = ("%s/%s: %s, was %s"):format(name, path, entry, before[name][path] or "not there")
      end
    end
    for path in pairs(before[name]) do
      if not folder[path] and not allowed(name, path) then found[#found + 1] = ("%s/%s: gone"):format(name, path) end
    end
  end
end

--- What was no read since begin, a line each; sorted.
---@param allowed fun(folder: string, path: string, event: string?): boolean which files may change; event: what
---  happened to one, which may be over
---@return string[]
function Witness:writes(allowed)
  local found = {}
  for _, one in ipairs(self:seen()) do
    if not one.is_read then found[#found + 1] = one.what end
  end
  changed(self.from.folders, folders(self), allowed, found)
  happened(self, allowed, found)
  local now = transactions(self.lab)
  if now ~= self.from.transactions then
    found[#found + 1] = ("postgres: transactions that wrote: %d"):format(now - self.from.transactions)
  end
  table.sort(found)
  return found
end

return M

--- The memory of each piece of work that may become large (bench/memory/work.lua), and of the same work four times as
--- large.

local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"

-- A name in work.lua, what it is, the smaller size.
local WORK <const> = {
  { "redis", "keys of a tenant, counted", 100000 },
  { "flush", "keys of a tenant, removed", 100000 },
  { "queries", "queries of 5,000 rows each", 20 },
  { "copy_out", "rows read in bulk", 100000 },
  { "copy_in", "rows written in bulk", 100000 },
  { "archive", "rows of a database dumped, checked and read back", 50000 },
  { "program", "lines of a program", 100000 },
  { "answers", "answers of 1 MB each", 20 },
  { "stream", "lines of a stream", 100000 },
  { "logs", "lines of a pod's log", 100000 },
  { "download", "bytes of an object of S3, into a file", 20000000 },
  { "upload", "bytes of a file, sent", 20000000 },
  { "list", "objects of a cluster, listed in pages", 5000 },
}

local FILL <const> = [[
for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'TIDLT-100008:session:' .. i, 'a value') end]]

local function start(folder)
  local state = { folder = folder, redis = servers.start "redis", postgres = servers.start "postgres" }
  state.http = proc.start { argv = { "build/o2x-dev", "bench/memory/server.lua", folder .. "/port" } }
  proc.run { argv = { "sh", "-c", 'until [ -s "$0" ]; do sleep 0.1; done', folder .. "/port" }, timeout = 20 }
  state.url = "http://127.0.0.1:" .. proc.run({ argv = { "cat", folder .. "/port" } }).stdout:match "%d+"
  return state
end

local function stop(state)
  proc.stop(state.http)
  state.redis.stop()
  state.postgres.stop()
end

local function address(state, name)
  if name == "redis" or name == "flush" then return state.redis.url end
  if name ~= "queries" and name ~= "archive" and not name:find "^copy" then return state.url end
  return ("%d postgres %s postgres"):format(state.postgres.port, state.postgres.state.superuser_password)
end

local function fill(state, size)
  local function cli(...) state.redis.client("redis-cli", "--no-auth-warning", "-u", state.redis.env.REDIS_URL, ...) end
  cli "FLUSHALL"
  cli("EVAL", FILL, "0", tostring(size))
end

local function contenders(state)
  local list = {}
  for _, work in ipairs(WORK) do
    local name, what, small = table.unpack(work)
    for _, size in ipairs { small, 4 * small } do
      list[#list + 1] = {
        name = ("%d %s"):format(size, what),
        argv = { "build/o2x-dev", "bench/memory/work.lua", name, tostring(size), address(state, name) },
        before = (name == "redis" or name == "flush") and function() fill(state, size) end or nil,
        versions = "",
      }
    end
  end
  return list
end

local must = {}
for _, work in ipairs(WORK) do
  local _, what, small = table.unpack(work)
  table.insert(must, { ("%d %s"):format(4 * small, what), 1.15, ("%d %s"):format(small, what), "peak" })
end

return {
  title = "Memory of work of one size and of four times that size: it must not grow",
  rounds = 1,
  differs = "the ratio of the times is of no interest here",
  setup = start,
  teardown = stop,
  contenders = contenders,
  must = must,
}

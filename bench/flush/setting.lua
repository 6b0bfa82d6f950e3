--- A Redis with a million keys, a tenth of them one tenant's; the programs that remove these.

local proc = require "o2x.base.proc"
local servers = require "tests.support.servers"

local M = {}

local OTHERS <const>, OURS <const> = 900000, 100000
local PREFIX <const> = "TIDLT-100008:"

-- As the services write them.
local FILL <const> = [[
for i = 1, tonumber(ARGV[2]) do redis.call('SET', ARGV[1] .. i, 'a value of a session, as long as most') end]]

local COUNT <const> = [[
local cursor, keys = '0', 0
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor, keys = page[1], keys + #page[2]
until cursor == '0'
return keys]]

--- What is not the same between the contenders.
M.DIFFERS = "o2x also checks each key against the tenant's grants, counts them by their parts, asks whether the server "
  .. "is a replica, and keeps pages short by the server's own clock; its journal is in memory here"

local function cli(state, ...)
  return proc.run({ argv = { "redis-cli", "-p", state.port, ... }, check = true, timeout = 300 }).stdout
end

--- Starts the server and fills it.
---@return table state
function M.start()
  local server = servers.start "redis"
  server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, "CONFIG", "SET", "appendonly", "no")
  server.client("redis-cli", "--no-auth-warning", "-u", server.env.REDIS_URL, "CONFIG", "SET", "requirepass", "")
  local state = { server = server, port = tostring(server.port) }
  state.version = cli(state, "INFO", "server"):match "redis_version:([%d.]+)"
  cli(state, "EVAL", FILL, "0", "TIDLT-100001:session:", tostring(OTHERS))
  return state
end

--- Stops it.
---@param state table
function M.stop(state) state.server.stop() end

--- The programs, each run beside a client that sends a PING each millisecond.
---@param state table
---@param figure "time"|"stall"
---@return table[] contenders
function M.contenders(state, figure)
  local function before() cli(state, "EVAL", FILL, "0", PREFIX .. "session:", tostring(OURS)) end
  local function check()
    local ours, all = cli(state, "EVAL", COUNT, "0", PREFIX .. "*"), cli(state, "DBSIZE")
    assert(tonumber(ours) == 0, "left over: " .. ours)
    assert(tonumber(all) == OTHERS, "the others' keys: " .. all)
  end
  local function contender(name, versions, ...)
    return {
      name = name,
      versions = versions,
      argv = { "build/bench/stall", state.port, figure, ... },
      before = before,
      check = check,
    }
  end
  local url = ("redis://127.0.0.1:%s/0"):format(state.port)
  local redis_cli = "redis-cli " .. cli(state, "--version"):match "[%d.]+"
  local list = {
    contender("floor: SCAN 1000 and UNLINK in C", "Redis " .. state.version, "build/bench/flush", state.port, PREFIX),
    contender("o2x", "no journal on the disk", "build/o2x-dev", "bench/flush/o2x.lua", url, PREFIX),
    contender(
      "guide: --scan to xargs DEL",
      redis_cli,
      "sh",
      "-c",
      'redis-cli -p "$0" --scan --pattern "$1*" | xargs redis-cli -p "$0" DEL >/dev/null',
      state.port,
      PREFIX
    ),
    contender(
      "guide: KEYS to xargs DEL",
      redis_cli,
      "sh",
      "-c",
      'redis-cli -p "$0" KEYS "$1*" | xargs redis-cli -p "$0" DEL >/dev/null',
      state.port,
      PREFIX
    ),
    contender("redis-py", "", "python3", "bench/flush/peer.py", state.port, PREFIX),
  }
  list[#list].missing, list[#list].probe = "python3 -m pip install redis", { "python3", "-c", "import redis" }
  return list
end

return M

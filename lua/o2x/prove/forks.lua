--- Prepared processes: each has loaded the whole program and forks for each command, so that a command costs a fork
--- instead of a start. They are forked themselves before anything is in the loop of this process.

local core = require "o2x.core.forks"
local json = require "o2x.base.json"
local program = require "o2x.core.program"
local task = require "o2x.base.task"

local M = {}

local function load_all(names)
  for _, name in ipairs(names) do
    require(name)
  end
  local effects = require "o2x.effects"
  for _, name in ipairs(effects.NAMES) do
    effects.find(name)
  end
  core.load_libraries()
end

-- Forks for each order, one at a time. -> the order, in the fork; never returns in the prepared process
local function serve(fd)
  core.adopt()
  while true do
    local text = core.receive(fd)
    if not text then program.exit_now(0) end
    local pid, problem = core.fork()
    if pid == 0 then return json.read(text, "order") end
    if not pid then error(problem, 0) end
    core.send(fd, json.encode { pid = pid })
    local code, signal, seconds = core.wait(pid)
    local clean, orphans = core.orphans(json.read(text, "order").patience or 30)
    core.send(fd, json.encode { code = code, signal = signal, cpu = seconds, clean = clean, orphans = orphans })
  end
end

---@class o2x.prove.Server
---@field fd integer
local Server = {}
Server.__index = Server

--- Starts prepared processes. It returns in this process, and in every fork of a prepared one.
---@param count integer
---@param names string[] modules that they load ahead
---@return o2x.prove.Server[]? servers in this process
---@return table? order in a fork: what it has to do
function M.start(count, names)
  load_all(names)
  collectgarbage()
  local servers = {}
  for i = 1, count do
    local ours, theirs = core.channel()
    local pid = core.fork()
    if pid == 0 then
      for _, server in ipairs(servers) do
        core.close(server.fd)
      end
      core.close(ours)
      return nil, serve(theirs)
    end
    core.close(theirs)
    servers[i] = setmetatable({ fd = ours, pid = pid }, Server)
  end
  return servers
end

local function message(self, seconds)
  if not task.wait_fd(self.fd, "r", seconds) then return nil end
  local text = core.receive(self.fd)
  if not text then error("a prepared process of o2x prove has ended", 0) end
  return json.read(text, "fork")
end

---@class o2x.prove.order
---@field argv string[] words of o2x
---@field env string[] "NAME=value"
---@field out string path that gets standard output
---@field err string path
---@field act table? of hook.lua
---@field look table? what to look at instead (look.lua)
---@field tables string? the tenant for which to make tables instead (tables.lua)
---@field hasten number? so many times as fast does time pass
---@field patience number? seconds for children that live on

--- Lets a prepared process fork, and waits until the fork has ended.
---@param order o2x.prove.order
---@param seconds number? then it is killed
---@return { code: integer?, signal: integer?, cpu: number, clean: boolean, late: boolean? } result clean: none of its
---  children is left; late: it had to be killed
function Server:play(order, seconds)
  core.send(self.fd, json.encode(order))
  local started = message(self, 30)
  local result, late = message(self, seconds or 120), nil
  if not result then
    core.kill(-started.pid, 9)
    result, late = message(self, 60), true
  end
  result.late = late
  return result
end

--- Ends it.
function Server:close() core.close(self.fd) end

return M

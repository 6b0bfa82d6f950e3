--- Flyway itself, for comparisons: one virtual machine that answers many requests.

local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local proc = require "o2x.base.proc"
local reference = require "tests.support.reference"
local task = require "o2x.base.task"

local M = {}

local Flyway = {}
Flyway.__index = Flyway

--- Is it installed?
---@return boolean
function M.installed() return reference.find("flyway", "jars") ~= nil and proc.exists "java" end

local function wait_for_port(child, log)
  local deadline = task.now() + 120
  repeat
    local port = (fs.read_if(log) or ""):match "port (%d+)\n"
    if port then return port end
    local ended = child:status()
    if ended or task.now() > deadline then error("Flyway did not start: " .. (fs.read_if(log) or ""), 0) end
    task.sleep(0.1)
  until false
end

--- Starts it; close it.
---@return table flyway
function M.start()
  local log = os.tmpname()
  local child = proc.start {
    argv = {
      "java",
      "-XX:TieredStopAtLevel=1",
      "-cp",
      reference.find("flyway", "jars") .. "/*",
      "tests/reference/FlywayServer.java",
    },
    log = log,
  }
  return setmetatable({ child = child, log = log, port = wait_for_port(child, log) }, Flyway)
end

--- Runs a command.
---@param command "migrate"|"repair"
---@param values table<string, string> url, user, password, folder, schemas, placeholder.NAME
---@return string answer "ok", or Flyway's message
function Flyway:run(command, values)
  local lines = {}
  for name, value in pairs(values) do
    lines[#lines + 1] = name .. "=" .. value
  end
  local response = http.request {
    method = "POST",
    url = ("http://127.0.0.1:%s/%s"):format(self.port, command),
    body = table.concat(lines, "\n"),
    timeout = 60,
  }
  return response.body
end

--- Stops it.
function Flyway:close()
  proc.stop(self.child)
  fs.remove(self.log)
end

return M

--- A lab of a prover's own: starts it in memory, puts it back, compares it. It ends with the process that started it.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local left = require "o2x.prove.left"
local program = require "o2x.core.program"
local sorted_keys = require "o2x.base.sorted_keys"

local M = {}

local PATIENCE <const> = 120 -- seconds for one answer: a snapshot stops and starts PostgreSQL

---@class o2x.prove.Lab
---@field dir string the lab's folder
---@field env table<string, string> the variables of clients and of o2x
---@field control { url: string, token: string }
local Lab = {}
Lab.__index = Lab

local function fail(message, hint, where)
  errors.raise { kind = "failed", module = "prove", op = "lab", message = message, hint = hint, where = where }
end

-- o2x-lab lies beside the program.
local function lab_program() return fs.join(fs.folder(fs.program()), "o2x-lab") end

local function run(...)
  local result = proc.run { argv = { lab_program(), ... }, timeout = 200 }
  if result.code == 0 then return end
  local message, hint = result.stderr:match "o2x: ([^\n]*)\n?%s*([^\n]*)"
  fail(message or ("o2x-lab %s: %s"):format((...), result.stderr:gsub("%s+$", "")), hint ~= "" and hint or nil)
end

local function read_description(dir) return json.read(fs.read(fs.join(dir, "lab.json")), "lab.json") end

--- Starts a lab in memory and waits until it is ready.
---@param options { platform: string?, folder: string?, relays: boolean? }? platform: the tree to copy,
---  examples/platform if absent; folder: a new, empty one is made if absent; relays: whether env leads through the
---  relays in front of PostgreSQL and Redis, which faults of single statements and commands need
---@return o2x.prove.Lab
function M.start(options)
  options = options or {}
  local own = not options.folder
  local dir = options.folder or left.folder(left.temporary())
  local words = { "up", "--memory", "--dir=" .. dir, ("--owner=%d"):format(program.pid()) }
  if options.platform then words[#words + 1] = "--platform=" .. options.platform end
  run(table.unpack(words))
  local description = read_description(dir)
  local lab = setmetatable(
    { dir = dir, own = own, env = description.env, control = description.control, pid = description.pid },
    Lab
  )
  for name, value in pairs(options.relays and lab:relays() or {}) do
    lab.env[name] = value
  end
  return lab
end

-- A request to the lab's control server.
local function ask(lab, path, body)
  local response = http.request {
    method = "POST",
    url = lab.control.url .. path,
    json = body,
    timeout = PATIENCE,
    headers = { Authorization = "Bearer " .. lab.control.token },
  }
  local answer = json.read(response.body, "lab")
  if response.status ~= 200 then errors.input(answer.message, answer.hint) end
  return answer
end

--- Keeps the whole state under a name. Faults are cleared before.
---@param name string letters, digits, - and _
function Lab:snapshot(name) ask(self, "/snapshot", { name = name }) end

--- Puts everything back as it was at the snapshot: no fault, no request in the log, no open connection.
---@param name string
---@return string[] changed the parts that had changed
function Lab:restore(name) return ask(self, "/restore", { name = name }).changed end

--- A picture of all that an ordinary client could see.
---@param options { parts: string[]?, full: boolean? }? full: path → text of each item, instead of a hash
---@return table<string, table<string, string|table<string, string>>> part → item → hash or flat table
function Lab:state(options) return ask(self, "/state", options or {}) end

--- Keeps a picture under a name in the lab.
---@param name string
function Lab:keep_picture(name) ask(self, "/picture", { name = name }) end

--- The items in which a kept picture and what is there now differ: only they leave the lab.
---@param name string
---@param left_out table<string, boolean> parts that are not compared
---@return { before: table, now: table } each part → item → path → text
function Lab:unlike(name, left_out)
  return ask(self, "/unlike", { name = name, left_out = json.array(sorted_keys(left_out)) })
end

--- Sets a fault: of the requests from now on, the nth to the service (with `match` in it) gets it.
---@param fault { service: string, kind: string, nth: integer?, times: integer?, match: string?, seconds: number? }
---@return table[] rules those that have not struck yet
function Lab:fault(fault) return ask(self, "/fault", fault).rules end

--- What the servers were asked since the last restore, in order.
---@param options { statements: boolean? }? statements: also what the relays passed on, as it was said
---@return { service: string, method: string, target: string, write: boolean, status: integer|string|nil,
---  identity: string?, at: number, statement: string? }[]
function Lab:log(options) return ask(self, "/log", options or {}).requests end

--- Opens the relays in front of PostgreSQL and Redis.
---@return table<string, string> env the variables that lead through them
function Lab:relays() return ask(self, "/relay", {}).env end

--- Moves the lab's clock forward.
---@param seconds number
function Lab:advance_clock(seconds) ask(self, "/advance-clock", { seconds = seconds }) end

-- User and system time, of a process and of its children that have ended, in /proc/PID/stat after the name.
local TIMES <const> = { 12, 13, 14, 15 }
local TICKS <const> = 100 -- a second

--- CPU time of the lab, with that of its servers that have ended.
---@return number seconds
function Lab:cpu()
  local fields, ticks = {}, 0
  for word in (fs.read_if(("/proc/%d/stat"):format(self.pid)) or ""):gsub("^.*%)", ""):gmatch "%S+" do
    fields[#fields + 1] = tonumber(word) or 0
  end
  for _, i in ipairs(TIMES) do
    ticks = ticks + (fields[i] or 0)
  end
  return ticks / TICKS
end

--- Stops the lab and removes what it had.
function Lab:stop()
  run("down", "--dir=" .. self.dir)
  if self.own then fs.remove_tree(self.dir) end
end

local function compare_items(list, part, name, before, after)
  if type(before) ~= "table" or type(after) ~= "table" then
    list[#list + 1] = { part = part, item = name, before = before, after = after }
    return
  end
  local paths = {}
  for _, flat in ipairs { before, after } do
    for path in pairs(flat) do
      paths[path] = true
    end
  end
  for _, path in ipairs(sorted_keys(paths)) do
    if before[path] ~= after[path] then
      list[#list + 1] = { part = part, item = name, path = path, before = before[path], after = after[path] }
    end
  end
end

--- Where two pictures differ. Of full ones, each path that differs; of others, each item.
---@param before table of Lab:state
---@param after table
---@return { part: string, item: string, path: string?, before: any, after: any }[]
function M.differences(before, after)
  local list, parts = {}, {}
  for _, picture in ipairs { before, after } do
    for part in pairs(picture) do
      parts[part] = true
    end
  end
  for _, part in ipairs(sorted_keys(parts)) do
    local old, new, names = before[part] or {}, after[part] or {}, {}
    for _, items in ipairs { old, new } do
      for name in pairs(items) do
        names[name] = true
      end
    end
    for _, name in ipairs(sorted_keys(names)) do
      if old[name] ~= new[name] then compare_items(list, part, name, old[name], new[name]) end
    end
  end
  return list
end

return M

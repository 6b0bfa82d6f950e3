--- Where cases are played: a lab that can be put back, a prepared process, and folders of its own. One command of o2x
--- after the other.
---
--- A lab for cases (lab.lua, or a test's own) has: dir; env; snapshot(self, name), restore(self, name);
--- keep_picture(self, name); unlike(self, name, left_out) → { before, now }: part → item → text, or path → text;
--- log(self) → list of { service, method, target, write, status, identity }; fault(self, fault); stop(self).

local fs = require "o2x.base.fs"
local idle = require "o2x.prove.idle"
local json = require "o2x.base.json"
local left = require "o2x.prove.left"
local program = require "o2x.core.program"
local sorted_keys = require "o2x.base.sorted_keys"
local traces = require "o2x.prove.traces"
local verdict = require "o2x.prove.verdict"

local M = {}

local HASTE <const> = 10 -- times as fast does time pass in a command: pauses and deadlines become short
local SECONDS <const> = 120 -- of this clock, until a command counts as hanging

local NOT_COMPARED <const> = { received = true } -- what was asked is the log's to judge

---@class o2x.prove.Ground
---@field lab table
---@field server o2x.prove.Server
---@field folder string
---@field words string[] of the run that is proved: runbook, tenant, params, options
---@field tenant string
---@field through table<string, string> variables that lead through the lab's relays
---@field relayed boolean? whether the commands go through them
---@field cpu number seconds that its commands have used
---@field commands integer
---@field said string[] what its commands have printed since the lab was put back
local Ground = {}
Ground.__index = Ground

-- Shared memory if there is some: no case waits for a disk.
local function parent_folder()
  local probe = "/dev/shm/" .. left.prefix() .. "probe"
  local ok = fs.is_folder "/dev/shm" and pcall(fs.write, probe, "")
  if ok then fs.remove(probe) end
  return ok and "/dev/shm" or left.temporary()
end

--- A new ground.
---@param lab table
---@param server o2x.prove.Server
---@param words string[]
---@return o2x.prove.Ground
function M.new(lab, server, words)
  local self = setmetatable({ lab = lab, server = server, words = words, cpu = 0, commands = 0 }, Ground)
  self.tenant, self.said = words[2], {}
  self.through = lab.relays and lab:relays() or {}
  self.folder = left.folder(parent_folder())
  self.state = fs.join(self.folder, "state")
  self.temporary = fs.join(self.folder, "tmp")
  self:clear()
  return self
end

--- An empty run store, and no temporary file.
function Ground:clear()
  for _, path in ipairs { self.state, self.temporary } do
    if fs.exists(path) then fs.remove_tree(path) end
  end
  fs.mkdir(self.temporary)
end

--- The lab as at a snapshot, and an empty run store, or a copy of one.
---@param name string
---@param state string? folder of a run store
function Ground:fresh(name, state)
  self.lab:restore(name)
  self:clear()
  self.said = {}
  if state then fs.copy_tree(state, self.state) end
end

--- Keeps the run store.
---@param name string
---@return string folder
function Ground:keep(name)
  local folder = fs.join(self.folder, name)
  if fs.exists(folder) then fs.remove_tree(folder) end
  fs.copy_tree(self.state, folder)
  return folder
end

local function environment(self)
  local variables = program.environment()
  for name, text in pairs(self.lab.env) do
    variables[name] = text
  end
  for name, text in pairs(self.relayed and self.through or {}) do
    variables[name] = text
  end
  variables.O2X_STATE, variables.TMPDIR, variables.NO_COLOR = self.state, self.temporary, "1"
  variables.XDG_CACHE_HOME = fs.join(self.folder, "cache")
  local list = {}
  for _, name in ipairs(sorted_keys(variables)) do
    list[#list + 1] = name .. "=" .. variables[name]
  end
  return list
end

--- Runs one command of o2x.
---@param words string[]
---@param act table? of hook.lua
---@param instead { look: table?, tables: string? }? what to do instead of a command (look.lua, tables.lua)
---@return table result code, signal, stdout, stderr, clean, late
function Ground:o2x(words, act, instead)
  if act then act.places = { [self.folder] = "HERE", [self.lab.dir] = "LAB" } end
  local out, err = fs.join(self.folder, "out"), fs.join(self.folder, "err")
  local result = self.server:play({
    argv = words,
    env = environment(self),
    out = out,
    err = err,
    act = act,
    look = instead and instead.look,
    tables = instead and instead.tables,
    hasten = HASTE,
  }, SECONDS)
  result.stdout, result.stderr = fs.read(out), fs.read(err)
  table.insert(self.said, result.stdout)
  table.insert(self.said, result.stderr)
  self.cpu, self.commands = self.cpu + result.cpu, self.commands + 1
  return result
end

--- CPU time that commands and the lab have used.
---@return number seconds
function Ground:used() return self.cpu + (self.lab.cpu and self.lab:cpu() or 0) end

--- The words of the run.
---@return string[]
function Ground:run_words() return { "run", table.unpack(self.words) } end

--- The ids of the runs that are there, oldest first.
---@return string[]
function Ground:runs()
  local ids = {}
  for _, name in ipairs(fs.exists(self.state) and fs.list(self.state) or {}) do
    if name:find "^R%-" then ids[#ids + 1] = name end
  end
  return ids
end

--- A path for what a fork has to tell.
---@param name string
---@return string
function Ground:note(name)
  local path = fs.join(self.folder, name)
  fs.remove(path)
  return path
end

--- The points that a command passes.
---@param words string[]
---@return table result
---@return table[] points n, label, nth, epoch, child, behind
function Ground:noted(words)
  local path = self:note "points"
  local result = self:o2x(words, { kind = "note", to = path })
  local points = {}
  for line in (fs.read_if(path) or ""):gmatch "[^\n]+" do
    points[#points + 1] = json.read(line, "point")
  end
  return result, points
end

--- What the lab holds: kept in the lab under a name, to compare quickly, and all texts; ids that each run draws anew
--- are alike in them.
---@param name string
---@param parts string[]? whose texts are wanted; all if absent
---@return { name: string, full: table }
function Ground:picture(name, parts)
  self.lab:keep_picture(name)
  return { name = name, full = verdict.without_drawn_ids(self.lab:state { full = true, parts = parts }) }
end

--- The items in which the lab differs from what it held; ids that each run draws anew are alike.
---@param name string of a picture
---@return table before part → item → text, or path → text
---@return table now
function Ground:unlike(name)
  local unlike = self.lab:unlike(name, NOT_COMPARED)
  return verdict.without_drawn_ids(unlike.before), verdict.without_drawn_ids(unlike.now)
end

--- Where the lab differs from what it held. Ids that each run draws anew are alike.
---@param expected { name: string, full: table?, idle: boolean? } full: what `of` needs of what is the same; idle: the
---  end of a run that changed nothing
---@param of table? of traces.settle: what only tells that something was changed and changed back does not count
---@param repaired table? the same, where helm's history tells that a release had to be repaired
---@return string? differences in a line
---@return boolean was_repaired
function Ground:compare(expected, of, repaired)
  local wanted, found = self:unlike(expected.name)
  if expected.idle then idle.settle(wanted, found) end
  local was_repaired = repaired ~= nil and traces.repaired(wanted, found)
  of = of or was_repaired and repaired or nil
  if of then
    wanted, found = traces.settle(wanted, found, of, expected.full)
  end
  return verdict.line(verdict.differences(wanted, found, NOT_COMPARED)), was_repaired
end

--- What nobody cleans up: temporary files, and locks.
---@return string? problem
function Ground:leftovers()
  local names = fs.list(self.temporary)
  if names[1] then return ("left in TMPDIR: %s"):format(names[1]) end
end

--- Every text that a case has left on this machine: run store, and the outputs of all its commands.
---@return string
function Ground:texts()
  local parts = { table.concat(self.said, "\n") }
  for _, id in ipairs(self:runs()) do
    for _, name in ipairs { "journal", "log" } do
      parts[#parts + 1] = fs.read_if(fs.join(self.state, id, name)) or ""
    end
  end
  return table.concat(parts, "\n")
end

--- Ends the lab and the prepared process, and removes the folders.
function Ground:close()
  self.server:close()
  self.lab:stop()
  fs.remove_tree(self.folder)
end

return M

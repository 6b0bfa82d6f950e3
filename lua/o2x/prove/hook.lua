--- What a fork does at the points that it passes: it notes them, or dies at one of them.

local core_fs = require "o2x.core.fs"
local drawn = require "o2x.prove.drawn"
local foreign = require "o2x.prove.foreign"
local json = require "o2x.base.json"
local points = require "o2x.base.points"
local program = require "o2x.core.program"
local subprocess = require "o2x.core.subprocess"

local M = {}

-- What differs from run to run and from lab to lab, so that a point has the same name in each.
local VARYING <const> = {
  { drawn.POD, "-POD" },
  { "R%-%d[%w-]+", "RUN" },
  { "://[^/ ]+", "://HOST" },
  { "%x%x%x%x%x%x%x%x[%x-]*", "#" },
  { "%d%d%d%d%d+", "#" },
}

local function without(text, part, name)
  local from, to = text:find(part, 1, true)
  return from and text:sub(1, from - 1) .. name .. text:sub(to + 1) or text
end

--- The name of a point, the same in every run of the same runbook.
---@param moment string
---@param system string
---@param name string
---@param places table<string, string>? folder → the word that stands for it
---@return string
function M.label(moment, system, name, places)
  local text = ("%s %s %s"):format(moment, system, name)
  for folder, word in pairs(places or {}) do
    text = without(text, folder, word)
  end
  for _, pair in ipairs(VARYING) do
    text = text:gsub(pair[1], pair[2])
  end
  return text
end

-- What a power failure would take: the journals, and what was written without a sync.
local function new_memory() return { journals = {}, loose = {}, children = {}, behind = false } end

local function remember(memory, moment, system, name, more)
  if system == "journal" then
    memory.journals[more] = true
    if moment == "after" then memory.behind = true end
  elseif system == "sync" and moment == "after" then
    memory.behind = false
  elseif system == "file" and moment == "after" and more == false then
    memory.loose[name] = true
  elseif system == "child" and moment == "after" then
    memory.children[more] = not name:find " ended$" or nil
  end
end

local function lose_power(memory)
  for journal in pairs(memory.journals) do
    if journal.file then journal.file:lose() end
  end
  for path in pairs(memory.loose) do
    core_fs.remove(path)
  end
  program.kill_now()
end

local OWN <const> = "^@?%.?/?lua/o2x/"

-- Which code passes a point: o2x's own lines that lead there, up to the first of a script, and the lines of scripts.
local function code_path()
  local own, script, level = {}, {}, 2
  local info = debug.getinfo(level, "Sl")
  while info do
    local lines = info.source:find(OWN) and (#script == 0 and own or nil) or script
    if info.what ~= "C" and lines then lines[#lines + 1] = ("%s:%d"):format(info.source, info.currentline) end
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  return table.concat(own, " "), table.concat(script, " ")
end

-- In one order: state outside and on the disk changes when something that changes it begins, and when it ends.
local function noter(act, memory)
  local count, nth, epoch = 0, {}, 0
  return function(moment, system, name, changes)
    if changes and moment == "after" then epoch = epoch + 1 end
    local label = M.label(moment, system, name, act.places)
    nth[label] = (nth[label] or 0) + 1
    count = count + 1
    local own, script = code_path()
    local line = {
      n = count,
      label = label,
      nth = nth[label],
      epoch = epoch,
      child = next(memory.children) ~= nil,
      behind = memory.behind or next(memory.loose) ~= nil,
      own = own,
      script = script,
    }
    core_fs.append(act.to, json.encode(line) .. "\n", 384)
    if changes and moment == "before" then epoch = epoch + 1 end
  end
end

local STRIKES <const> = {
  kill = program.kill_now,
  leave = program.kill_now,
  power = lose_power,
  foreign = function(_, act, more)
    foreign.change(act, more)
    program.kill_now()
  end,
  correct = function(_, _, more) more.effect.desired = foreign.other(more.effect.desired) end,
}

-- At the nth point of a name, or at the nth of all.
local function striker(act, memory)
  local seen, off = 0, false
  return function(moment, system, name, _, more)
    if off or act.label and act.label ~= M.label(moment, system, name, act.places) then return end
    seen = seen + 1
    if seen < act.nth then return end
    off = true
    STRIKES[act.kind](memory, act, more)
  end
end

-- At the first of several points, each the nth of a name. A file says which points with these names were passed.
local function striker_among(act, memory)
  local wanted, seen = {}, {}
  for _, one in ipairs(act.among) do
    wanted[one.label] = wanted[one.label] or {}
    wanted[one.label][one.nth] = true
  end
  return function(moment, system, name, _, more)
    local label = M.label(moment, system, name, act.places)
    if not wanted[label] then return end
    seen[label] = (seen[label] or 0) + 1
    core_fs.append(act.to, label .. "\n", 384)
    if wanted[label][seen[label]] then STRIKES[act.kind](memory, act, more) end
  end
end

local function watcher_of(act, memory)
  if act.kind == "note" then return noter(act, memory) end
  return act.among and striker_among(act, memory) or striker(act, memory)
end

--- Begins to watch.
---@param act { kind: string, label: string?, nth: integer?, among: table[]?, to: string?, places: table? } kind: "note"
---  (to a file), "kill", "leave" (its children live on), "power", "foreign" (somebody else changes the effect's target
---  first), "correct" (the effect is asked for with another value, as if the script had been corrected); among: points,
---  label and nth, the first of which is taken
function M.start(act)
  local memory = new_memory()
  if act.kind == "leave" then subprocess.outlive() end
  local watch = watcher_of(act, memory)
  points.watch(function(moment, system, name, changes, more)
    remember(memory, moment, system, name, more)
    watch(moment, system, name, changes, more)
  end)
end

return M

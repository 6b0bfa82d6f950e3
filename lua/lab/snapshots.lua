--- Keeps the whole state of the lab under a name, and puts it back: what the simulators have in memory, the real
--- servers' data, the platform's folder. Only what changed since is put back, and every part finds out for itself.

local asked = require "lab.asked"
local errors = require "o2x.base.error"
local faults = require "lab.faults"
local folder = require "lab.moment.folder"
local fs = require "o2x.base.fs"
local memento = require "lab.memento"
local sorted_keys = require "o2x.base.sorted_keys"
local task = require "o2x.base.task"

local M = {}

local FOLDERS <const> = { "platform", "secrets" } -- not the run store: it is no part of the platform

-- How many levels of a state's tables change in place; all where it is not said. Objects of Kubernetes are replaced.
local DEPTH <const> = { k8s = 3 }

local function keep_states(lab)
  local kept = {}
  for name, state in pairs(lab.states) do
    kept[name] = memento.keep(state, DEPTH[name])
  end
  return function()
    local changed = false
    for name, state in pairs(lab.states) do
      if kept[name] then
        changed = memento.put_back(kept[name]) or changed
      elseif next(state) ~= nil then
        memento.empty(state)
        changed = true
      end
    end
    if changed then lab.save() end
    return changed
  end
end

-- Requests of before and open watches end.
local function cut(lab)
  for name, server in pairs(lab.servers) do
    if name ~= "control" then server:cut() end
  end
  for _, relay in pairs(lab.relays or {}) do
    relay:cut()
  end
end

-- All parts: name → put_back(), which tells whether anything was to be put back.
local function keep_all(lab, instances, name)
  local parts = {}
  for _, each in ipairs(FOLDERS) do
    parts[each] = folder.keep(fs.join(lab.dir, each), fs.join(lab.dir, "kept", name, each))
  end
  for each, instance in pairs(instances) do
    if instance.keep then parts[each] = instance.keep(name) end
  end
  parts.states = keep_states(lab)
  return parts
end

--- Keeps everything under a name, which takes the place of what was kept under it. Faults are cleared before.
---@param lab table
---@param instances table<string, table> the simulators
---@param name string
function M.keep(lab, instances, name)
  if type(name) ~= "string" or not name:find "^[%w_-]+$" then
    errors.input("a snapshot's name consists of letters, digits, - and _", "for example start")
  end
  M.settle(lab, instances)
  faults.clear_all(lab.faults.rules)
  lab.snapshots = lab.snapshots or {}
  lab.snapshots[name] = keep_all(lab, instances, name)
end

--- Waits until nothing is under way in a simulator that would change its state by itself.
---@param lab table
---@param instances table<string, table>
function M.settle(lab, instances)
  local deadline = task.now() + 30
  for name, instance in pairs(instances) do
    while instance.busy and instance.busy() do
      if task.now() > deadline then
        errors.raise { kind = "timeout", module = "lab", message = ("%s is still at work"):format(name) }
      end
      task.sleep(0.005)
    end
  end
end

--- Puts everything back.
---@param lab table
---@param instances table<string, table>
---@param name string
---@return string[] changed the parts that were put back
function M.restore(lab, instances, name)
  local parts = lab.snapshots and lab.snapshots[name]
  if not parts then
    errors.input(
      ("no snapshot %s"):format(tostring(name)),
      "snapshots: " .. table.concat(sorted_keys(lab.snapshots or {}), ", ")
    )
  end
  cut(lab)
  local changed = {}
  task.each(sorted_keys(parts), function(part)
    if parts[part]() then changed[part] = true end
  end)
  asked.empty(lab.asked)
  return sorted_keys(changed)
end

return M

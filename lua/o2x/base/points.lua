--- Points that a run passes: before and after everything by which the outside or the disk changes, or may be asked.
--- o2x prove lets a process die at each of them. Nobody watches an ordinary run, and then a point costs a comparison.
---
--- O2X_KILL_AT=n ends the process at the n-th point of an effect (before the intent, after it, after the write, after
--- the result), by the same signal as kill -9.

local program = require "o2x.core.program"

local M = {}

---@alias o2x.points.watcher fun(moment: string, system: string, name: string, changes: boolean?, more: any)

local watcher ---@type o2x.points.watcher?
local at, passed = tonumber(os.getenv("O2X_KILL_AT")), 0

--- Tells fn of every point from now on.
---@param fn o2x.points.watcher moment: "before", "after", or the part of an effect; system: "journal", "sync", "file",
---  "http", "pg", "redis", "dns", "child", "effect"; changes: may it change something outside, or on the disk?
function M.watch(fn) watcher = fn end

--- Does somebody watch?
---@return boolean
function M.watched() return watcher ~= nil end

--- Something is about to happen.
---@param system string
---@param name string
---@param changes boolean?
---@param more any
function M.before(system, name, changes, more)
  if watcher then watcher("before", system, name, changes, more) end
end

--- It has happened, or failed.
---@param system string
---@param name string
---@param changes boolean?
---@param more any
function M.after(system, name, changes, more)
  if watcher then watcher("after", system, name, changes, more) end
end

--- A part of an effect is over.
---@param moment "begun"|"intended"|"written"|"recorded"
---@param gate table
---@param e table the effect
function M.effect(moment, gate, e)
  if at then
    passed = passed + 1
    if passed == at then program.kill_now() end
  end
  if watcher then watcher(moment, "effect", e.type.kind .. " " .. e.key, nil, { gate = gate, effect = e }) end
end

return M

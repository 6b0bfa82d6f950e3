--- Which process of which machine is it, and has it ended? Only processes of this machine can be looked at: of all
--- others nobody knows.
---
--- A machine is one start of a kernel, and what has process numbers of its own there (a container). A process is its
--- number and the moment of its start: numbers are given again.

local core = require "o2x.core.fs"
local program = require "o2x.core.program"

local M = {}

local START <const> = 22 -- the field of /proc/PID/stat

--- This machine; nil where the kernel does not tell.
---@return string?
function M.machine()
  local boot = (core.read "/proc/sys/kernel/random/boot_id" or ""):match "%S+"
  local numbers = core.readlink "/proc/self/ns/pid"
  return boot and numbers and boot .. " " .. numbers:match "%d+" or nil
end

-- The moment at which a process started, in the kernel's ticks; nil if it has ended, or nobody may look. The name comes
-- before it, and may have blanks and brackets.
local function start_of(pid)
  local rest = (core.read(("/proc/%s/stat"):format(pid)) or ""):match "^.*%) (.*)$"
  local fields = {}
  for word in (rest or "Z"):gmatch "%S+" do
    fields[#fields + 1] = word
  end
  if fields[1] == "Z" or fields[1] == "X" then return nil end -- dead, and its parent has not asked
  return fields[START - 2]
end

--- This process.
---@return string
function M.process()
  local pid = program.pid()
  return ("%d %s"):format(pid, start_of(pid) or "?")
end

-- Where the processes of others are hidden, the first one is, too.
local function sees_all() return start_of(1) ~= nil end

--- Is it certain that a process has ended?
---@param machine string? of M.machine
---@param process string? of M.process
---@return boolean
function M.has_ended(machine, process)
  if not machine or machine ~= M.machine() or not process then return false end
  local pid, start = process:match "^(%d+) (%d+)$"
  return pid ~= nil and sees_all() and start_of(pid) ~= start
end

return M

--- The lock files of git: a git that was killed leaves its own, and every later one refuses to write.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local shell = require "o2x.base.shell"
local task = require "o2x.base.task"

local M = {}

M.PATIENCE = 30 -- seconds for another git that is at work
local MOMENT <const>, POLL <const> = 1, 0.1 -- a lock that outlives its git by a moment is about to be removed

local function link(path)
  local ok, target = pcall(fs.realpath, path)
  return ok and target or ""
end

--- A git that works in a folder or below it, as far as the operating system shows it.
---@param folder string
---@return { pid: integer, command: string }? process
function M.holder(folder)
  local below = fs.realpath(folder) .. "/"
  for _, name in ipairs(fs.is_folder "/proc" and fs.list "/proc" or {}) do
    local at = "/proc/" .. name
    local ok, program = pcall(fs.read_if, name:find "^%d+$" and at .. "/comm" or "/nowhere") -- it may end meanwhile
    if ok and program and program:find "^git" and (link(at .. "/cwd") .. "/"):sub(1, #below) == below then
      local has, words = pcall(fs.read_if, at .. "/cmdline")
      local line = has and words and words:gsub("%z", " "):gsub("%s+$", "") or program
      return { pid = math.tointeger(name), command = line }
    end
  end
end

local function refuse(folder, path, holder)
  errors.raise {
    kind = "refused",
    module = "git",
    where = path,
    message = holder and ("another git has this lock for longer than %d s: process %d, %s"):format(
      M.PATIENCE,
      holder.pid,
      holder.command:sub(1, 60)
    ) or "a git that was killed has left this lock: no git works there now, as far as this machine shows",
    hint = holder and ("end it: look at it with ps -fp %d"):format(holder.pid)
      or ("if nobody works in %s from another machine: rm %s"):format(folder, shell.quote(path)),
  }
end

--- Waits until none of some lock files is there: while a git works in the folder for half a minute, else for a moment.
---@param folder string the checkout
---@param paths string[] of the lock files
function M.await(folder, paths)
  local started = task.now()
  for _, path in ipairs(paths) do
    while fs.exists(path) do
      local waited, holder = task.now() - started, M.holder(folder)
      if waited > (holder and M.PATIENCE or MOMENT) then refuse(folder, path, holder) end
      task.sleep(POLL)
    end
  end
end

--- Which lock file of another git does git complain about? One that it could not make for another reason, such as a
--- full disk, is nobody's.
---@param err any
---@return string? path
function M.named(err) return tostring(err):match "'([^'\n]+%.lock)': File exists" end

return M

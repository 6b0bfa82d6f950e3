--- The lab's folders: its own copy of the platform tree, the secrets of the tenants to be onboarded, the run store.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local function copy(from, to)
  -- Links are followed: the charts share one library by them, and helm says a word about each link it meets.
  local result = proc.run { argv = { "cp", "-RL", from, to }, timeout = 60 }
  if result.code == 0 then return end
  errors.raise { kind = "failed", module = "lab", op = "copy", message = result.stderr:gsub("%s+$", "") }
end

-- A copy that was cut short must not pass for one: it gets its name when it is whole.
local function copy_whole(from, to)
  if fs.exists(to) then return end
  if fs.exists(to .. ".new") then fs.remove_tree(to .. ".new") end
  copy(from, to .. ".new")
  local own = fs.join(to .. ".new", "lab") -- what the lab holds at its start, and secrets: no part of a platform
  if fs.exists(own) then fs.remove_tree(own) end
  fs.rename(to .. ".new", to)
end

local function copy_secrets(from, to)
  fs.mkdir(to, 0x1c0)
  if not fs.is_folder(from) then return end
  for _, name in ipairs(fs.list(from)) do
    local path = fs.join(to, name)
    if not fs.exists(path) then fs.write(path, fs.read(fs.join(from, name)), { mode = 0x180 }) end
  end
end

--- Makes what is not there yet; what is there, people may have changed.
---@param lab table
---@param source string the platform tree to copy
---@return table<string, string> env
function M.prepare(lab, source)
  local platform, secrets, runs = fs.join(lab.dir, "platform"), fs.join(lab.dir, "secrets"), fs.join(lab.dir, "runs")
  if not fs.is_folder(source) then
    errors.input("there is no platform tree at " .. source, "start the lab in a checkout, or say --platform=FOLDER")
  end
  copy_whole(source, platform)
  copy_secrets(fs.join(source, "lab/secrets"), secrets)
  fs.mkdir(runs, 0x1c0)
  return {
    O2X_PLATFORM = platform,
    O2X_SECRETS = secrets,
    O2X_STATE = runs,
    O2X_LAB_CA = lab.ca,
    O2X_LAB_DIR = lab.dir,
  }
end

return M

--- The lab's folders: a copy of the platform tree, the secrets of tenants that can be onboarded, the run store.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local function copy(from, to)
  -- -L copies what links point to: the charts share a library through links, and helm warns about each link.
  local result = proc.run { argv = { "cp", "-RL", from, to }, timeout = 60 }
  if result.code == 0 then return end
  errors.raise { kind = "failed", module = "lab", op = "copy", message = result.stderr:gsub("%s+$", "") }
end

-- Copies to a temporary name and renames, so that an interrupted copy is not mistaken for a complete one.
local function copy_atomically(from, to)
  if fs.exists(to) then return end
  if fs.exists(to .. ".new") then fs.remove_tree(to .. ".new") end
  copy(from, to .. ".new")
  local seed = fs.join(to .. ".new", "lab") -- the lab's initial data and secrets are not part of the platform
  if fs.exists(seed) then fs.remove_tree(seed) end
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

--- Creates the folders that are missing. Existing ones are left alone: the user may have changed them.
---@param lab table
---@param source string the platform tree to copy
---@return table<string, string> env variables that point o2x to the folders
function M.prepare(lab, source)
  local platform, secrets, runs = fs.join(lab.dir, "platform"), fs.join(lab.dir, "secrets"), fs.join(lab.dir, "runs")
  if not fs.exists(fs.join(source, "platform.yaml")) then
    errors.input("no platform tree at " .. source, "start the lab in a checkout, or pass --platform=FOLDER")
  end
  copy_atomically(source, platform)
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

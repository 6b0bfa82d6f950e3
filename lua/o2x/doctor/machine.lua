--- This machine: room on the disks, files that others can read, the tools of people.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local shell = require "o2x.base.shell"
local units = require "o2x.base.units"
local user_folders = require "o2x.base.user_folders"

local M = {}

local LITTLE <const> = 1 << 30 -- bytes: a dump, an archive or a chart needs room
local OTHERS <const> = tonumber("077", 8)

local disks = { name = "Disks" }

-- The nearest folder that exists: the store may not have been made yet.
local function existing(path)
  while not fs.exists(path) and path ~= "/" do
    path = fs.folder(path)
  end
  return path
end

-- Bytes that are free, by df.
local function free(path)
  local answer = proc.run { argv = { "df", "-Pk", path }, timeout = 5 }
  local kilobytes = answer.stdout:match "\n%S+%s+%d+%s+%d+%s+(%d+)"
  return kilobytes and tonumber(kilobytes) * 1024
end

-- The mount that a path is on, if it is for reading only.
local function read_only_mount(path)
  if not proc.exists "findmnt" then return nil end
  local answer = proc.run { argv = { "findmnt", "-rno", "OPTIONS,TARGET", "-T", path }, timeout = 5 }
  local options, target = answer.stdout:match "^(%S+) (%S+)"
  return options and ("," .. options .. ","):find(",ro,", 1, true) and target or nil
end

--- Looks for room on the disks of the run store and of temporary files.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function disks.check(this, note)
  for _, place in ipairs { { "runs", this.config.state }, { "temporary files", os.getenv "TMPDIR" or "/tmp" } } do
    local what, path = place[1], place[2]
    local bytes = free(existing(path))
    local mount = read_only_mount(existing(path))
    if mount then
      note:finding(
        ("%s cannot be written: %s is mounted for reading only"):format(what, mount),
        "mount -o remount,rw " .. shell.quote(mount)
      )
    end
    if bytes and bytes < LITTLE then
      local mend = what == "runs"
          and "o2x runs prune --keep-days=90 shows what can go; or set O2X_STATE to a folder with room"
        or "export TMPDIR=FOLDER, on a disk with room"
      note:finding(("%s left for %s, in %s"):format(units.bytes(bytes), what, path), mend)
    elseif bytes then
      note:fact("%s: %s free", what, units.bytes(bytes))
    end
  end
end

local files = { name = "Private files" }

-- The files and folders with secrets, and what they are.
local function private(this)
  local config, list = this.config, {}
  local function add(path, what)
    if path and fs.exists(path) then list[#list + 1] = { path, what } end
  end
  add(config.state, "the run store")
  for _, path in ipairs { config.secrets or false } do
    if path and fs.is_folder(path) then
      for _, name in ipairs(fs.list(path)) do
        if name:find "%.ya?ml$" then add(fs.join(path, name), "a tenant's secrets") end
      end
    end
  end
  local home = user_folders.home()
  for path in (config.kube.config or home and fs.join(home, ".kube/config") or ""):gmatch "[^:]+" do
    add(path, "the kubeconfig")
  end
  add(config.pg.passfile or home and fs.join(home, ".pgpass"), "PostgreSQL's passwords")
  add(config.pg.sslkey, "a key")
  add(config.vault.client_key, "a key")
  for name, what in pairs {
    [".vault-token"] = "Vault's token",
    [".aws/credentials"] = "AWS's keys",
    [".config/o2x/config.yaml"] = "o2x's own settings",
  } do
    add(home and fs.join(home, name), what)
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

--- Looks for files with secrets that others can read.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function files.check(this, note)
  local list = private(this)
  for _, one in ipairs(list) do
    local stat = fs.stat(one[1])
    if stat and stat.mode & OTHERS ~= 0 then
      note:finding(
        ("others may read %s (%s, mode %03o)"):format(one[1], one[2], stat.mode & 511),
        "chmod go-rwx " .. shell.quote(one[1])
      )
    end
  end
  note:fact("%d looked at", #list)
end

local tools = { name = "Tools" }

-- What runs start, and what people paste from checklists and findings.
local USED <const> = {
  { "pg_restore", "--version", "restore needs it", "apt-get install postgresql-client" },
  { "psql", "--version", "checklists and findings propose it", "apt-get install postgresql-client" },
  {
    "kubectl",
    "version --client",
    "checklists and findings propose it",
    "install kubectl: https://kubernetes.io/docs/tasks/tools",
  },
}

--- Looks for the programs that runs start and people paste.
---@param _ table of doctor.init
---@param note o2x.doctor.Note
function tools.check(_, note)
  for _, tool in ipairs(USED) do
    local name, words, why, mend = table.unpack(tool)
    if not proc.exists(name) then
      note:finding(("%s is not on PATH: %s"):format(name, why), mend)
    else
      local argv = { name }
      for word in words:gmatch "%S+" do
        argv[#argv + 1] = word
      end
      note:fact(
        "%s %s",
        name,
        proc.run({ argv = argv, timeout = 5 }).stdout:match "%d+%.[%d.]+" or "of an unknown version"
      )
    end
  end
end

M.LIST = { disks, files, tools }

return M

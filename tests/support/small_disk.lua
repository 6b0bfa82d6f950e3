--- A small file system at a folder, which can become full, or read-only. Only root can mount one.

local fs = require "o2x.base.fs"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local M = {}

local Disk = {}
Disk.__index = Disk
Disk.__close = function(self) proc.run { argv = { "umount", "-l", self.folder } } end

local function sh(folder, script) return ok(proc.run { argv = { "bash", "-c", script }, env = { AT = folder } }) end

--- Mounts one over a folder, with what is in it.
---@param folder string
---@param size string? "400k"; 4m if absent
---@return table? disk to be closed; nil: we may not mount
function M.over(folder, size)
  local kept = fs.temp_folder "/tmp/o2x-kept-"
  fs.mkdir(folder)
  sh(folder, ('cp -a "$AT/." %s'):format(kept))
  local argv = { "mount", "-t", "tmpfs", "-o", "nr_inodes=2k,mode=700,size=" .. (size or "4m"), "none", folder }
  local mounted = fs.user() == 0 and proc.run({ argv = argv }).code == 0
  if mounted then sh(folder, ('cp -a %s/. "$AT"'):format(kept)) end
  fs.remove_tree(kept)
  return mounted and setmetatable({ folder = folder }, Disk) or nil
end

--- Commands of a shell that let a disk take no more: $AT is its folder.
M.MOMENTS = {
  ["full"] = 'mkdir "$AT/.filler"; cat /dev/zero >"$AT/.filler/1" 2>/dev/null || true',
  ["without inodes"] = 'mkdir "$AT/.filler"; (cd "$AT/.filler" && seq 3000 | xargs touch 2>/dev/null) || true',
  ["read-only"] = 'mount -o remount,ro "$AT"',
}

--- What each says of itself.
M.SAYS = {
  ["full"] = "No space left on device",
  ["without inodes"] = "No space left on device",
  ["read-only"] = "Read-only file system",
}

--- Lets it take no more.
---@param moment string a key of MOMENTS
function Disk:stop(moment) sh(self.folder, M.MOMENTS[moment]) end

--- Lets it take something again.
function Disk:free() sh(self.folder, 'mount -o remount,rw,size=200m,nr_inodes=100k "$AT" && rm -rf "$AT/.filler"') end

--- All files below it with their content, as one text; temporary names, too.
---@return string
function Disk:files()
  return sh(self.folder, 'cd "$AT" && find . -path ./.filler -prune -o -printf "%p %s\\n" | LC_ALL=C sort').stdout
end

return M

---Files and folders. A write is atomic and durable when it returns; errors name the path.

local core = require "o2x.core.fs"
local errors = require "o2x.base.error"
local guard = require "o2x.base.guard"
local points = require "o2x.base.points"
local shell = require "o2x.base.shell"
local user_folders = require "o2x.base.user_folders"

local M = {}

local SLASH <const> = ("/"):byte()

--- By code: what to do about a disk that takes no more.
---@type table<string, string>
M.HINTS = {
  ENOSPC = "free some space on this disk, then the same again",
  EDQUOT = "free some space in this quota, then the same again",
  EROFS = "mount the file system for writing, then the same again",
  EFBIG = "raise the limit (ulimit -f), then the same again",
}

--- What programs and libraries say of it, by code.
local SAID <const> = {
  ["No space left"] = "ENOSPC",
  ["Out of diskspace"] = "ENOSPC", -- git
  ["Disk quota exceeded"] = "EDQUOT",
  ["Read-only file system"] = "EROFS",
  ["File too large"] = "EFBIG",
}

--- Does a text of a program say that a disk takes no more?
---@param text string
---@return string? hint what to do
function M.hint_for(text)
  for words, code in pairs(SAID) do
    if text:find(words, 1, true) then return M.HINTS[code] end
  end
end

-- The native messages begin with the path.
local function check(op, value, message, code)
  if value ~= nil then return value end
  local hint = not (code == "EFBIG" and op:find "^read") and M.HINTS[code] or nil -- a read has a limit of its own
  errors.raise { kind = "failed", module = "fs", op = op, code = code, message = message, hint = hint }
end

---The path of `name` in `folder`.
---@param folder string
---@param ... string
---@return string
function M.join(folder, ...)
  local path = folder
  for i = 1, select("#", ...) do
    local name = select(i, ...)
    if path:byte(-1) == SLASH then path = path:gsub("/+$", "") end
    path = path .. "/" .. (name:byte() == SLASH and name:gsub("^/+", "") or name)
  end
  return path
end

---The parent folder of a path.
---@param path string
---@return string
function M.folder(path)
  local folder = path:gsub("/+$", ""):match("^(.*)/[^/]*$")
  if not folder then return "." end
  return folder == "" and "/" or folder
end

---The last name of a path.
---@param path string
---@return string
function M.name(path) return (path:gsub("/+$", ""):match("[^/]*$")) end

---Reads a whole file.
---@param path string
---@param limit integer? bytes at most; 64 MB if absent
---@return string
function M.read(path, limit) return check("read", core.read(path, limit)) end

---Reads a whole file; nil if it does not exist.
---@param path string
---@param limit integer?
---@return string?
function M.read_if(path, limit)
  local text, message, code = core.read(path, limit)
  if text == nil and (code == "ENOENT" or code == "ENOTDIR" or code == "ESRCH") then return nil end
  return check("read", text, message, code)
end

---Reads a file as a secret.
---@param path string
---@param label string? its file name if absent
---@return userdata secret
function M.read_secret(path, label) return check("read_secret", core.read_secret(path, label or M.name(path))) end

---Reads a file that only its owner can access as a secret; what others can access, and what is no file, is bad input.
---@param path string
---@param label string?
---@return userdata secret
function M.read_private(path, label)
  local text, message, code = core.read_private(path, label or M.name(path))
  if code == "EACCES" then
    errors.input(
      "the file is accessible to others, or not yours; its mode must be 0600",
      "chmod 600 " .. shell.quote(path),
      path
    )
  end
  if code == "EINVAL" then errors.input("not a file", nil, path) end
  if code == "EFBIG" then errors.input("larger than 1 MB", nil, path) end
  return check("read_private", text, message, code)
end

---Writes a file atomically and syncs it, unless `durable` is false: readers see either the old or the new content.
---Replaces a symbolic link instead of following it.
---@param path string
---@param bytes string|userdata text or a secret
---@param options { mode: integer?, parents: boolean?, expected: string|false|nil, durable: boolean? }? mode: by default
---  the old file's, else by the umask; expected: what must be there until now (false: nothing), or else this is a
---  conflict; durable: true if absent
function M.write(path, bytes, options)
  options = options or {}
  if options.parents then M.mkdir(M.folder(path)) end
  points.before("file", path, true, options.durable ~= false)
  local written, message, code = core.write(path, bytes, options.mode, options.expected, options.durable)
  points.after("file", path, true, options.durable ~= false)
  if code == "ESTALE" and options.expected ~= nil then guard.refuse("fs", path) end
  check("write", written, message, code)
end

---Appends to a file without syncing it.
---@param path string
---@param bytes string
---@param mode integer? of a new file
function M.append(path, bytes, mode)
  check("append", core.append(path, bytes, mode))
  points.after("file", path, true, false)
end

---The properties of a path: `type` ("file", "folder", "link", "other"), `mode`, `size`, `mtime`, `uid`, `gid`, `device`
---and `inode`; nil if it does not exist.
---@param path string
---@param follow boolean? whether to follow a symbolic link, true if absent
---@return table?
function M.stat(path, follow)
  local stat, message, code = core.stat(path, follow)
  if stat == nil and (code == "ENOENT" or code == "ENOTDIR" or code == "ESRCH") then return nil end
  return check("stat", stat, message, code)
end

--- Is there anything at the path? Follows symbolic links.
---@param path string
---@return boolean
function M.exists(path) return M.stat(path) ~= nil end

--- Is there a folder at the path? Follows symbolic links.
---@param path string
---@return boolean
function M.is_folder(path)
  local stat = M.stat(path)
  return stat ~= nil and stat.type == "folder"
end

---The names in a folder, sorted.
---@param path string
---@return string[]
function M.list(path)
  local names = check("list", core.list(path))
  table.sort(names)
  return names
end

---Creates a folder and its missing parents; an existing folder is left unchanged.
---@param path string
---@param mode integer? of new folders, 0755 if absent
function M.mkdir(path, mode)
  local made, message, code = core.mkdir(path, mode)
  if not made and code == "ENOENT" and M.folder(path) ~= path then
    M.mkdir(M.folder(path), mode)
    made, message, code = core.mkdir(path, mode)
  end
  if not made and code == "EEXIST" then
    if M.is_folder(path) then return end
    local there = M.stat(path, false)
    message = ("%s: is not a folder, but a %s"):format(path, there and there.type or "file")
  end
  check("mkdir", made, message, code)
end

---Removes a file, a link or an empty folder; a missing path is not an error.
---@param path string
function M.remove(path)
  points.before("file", path, true)
  local removed, message, code = core.remove(path)
  points.after("file", path, true)
  if code ~= "ENOENT" then check("remove", removed, message, code) end
end

---Removes a folder and its contents. Does not follow links or cross into other file systems.
---@param path string absolute, at least two names deep
function M.remove_tree(path)
  points.before("file", path, true)
  check("remove_tree", core.remove_tree(path))
  points.after("file", path, true)
end

---Renames a path and replaces an existing file.
---@param from string
---@param to string
---@param new boolean? of a file: something that is there already is not replaced, and a conflict
function M.rename(from, to, new)
  points.before("file", to, true)
  local renamed, message, code = core.rename(from, to, new)
  points.after("file", to, true)
  if code == "ESTALE" and new then guard.refuse("fs", to) end
  check("rename", renamed, message, code)
end

---All that is below a folder, folders before what is in them; links are not followed. A stamp differs when the content,
---the type, the mode or the owner does.
---@param path string
---@return string[] paths relative to the folder
---@return string[] stamps
function M.walk(path)
  local paths, stamps, code = core.walk(path)
  return check("walk", paths, stamps, code), stamps
end

--- Sets the mode of a file.
---@param path string
---@param mode integer
function M.chmod(path, mode)
  check("chmod", core.chmod(path, mode))
  points.after("file", path, true)
end

---The absolute path without links, "." and ".."; the path must exist.
---@param path string
---@return string
function M.realpath(path) return check("realpath", core.realpath(path)) end

---Where this very program is. An upgrade may replace its file while it runs: then it is where the new one is.
---@return string path without symbolic links
function M.program()
  local path = check("program", core.readlink "/proc/self/exe")
  local replaced = path:match "^(.*) %(deleted%)$"
  return replaced and not core.realpath(path) and replaced or path
end

---Like realpath, for a path that may not exist: the existing part is resolved, the rest must be plain names.
---@param path string
---@return string? path nil if the missing part contains "." or "..", or is a dangling link
function M.canonical(path)
  if path:sub(1, 1) ~= "/" then path = M.join(M.cwd(), path) end
  local missing = {}
  while true do
    local real, message, code = core.realpath(path)
    if real then
      for i = #missing, 1, -1 do
        real = M.join(real, missing[i])
      end
      return real
    end
    if code ~= "ENOENT" then check("canonical", nil, message, code) end
    -- Writing through a dangling link would create a file at a path that was never checked.
    if M.stat(path, false) then return nil end
    local name = M.name(path)
    if name == "." or name == ".." or name == "" then return nil end
    missing[#missing + 1] = name
    path = M.folder(path)
  end
end

---Copies a file or a folder with its contents; links are copied as links, modes are preserved.
---@param from string
---@param to string
function M.copy_tree(from, to)
  local stat = check("copy_tree", core.stat(from, false))
  if stat.type == "link" then
    check("copy_tree", core.symlink(check("copy_tree", core.readlink(from)), to))
  elseif stat.type == "file" then
    M.write(to, M.read(from), { mode = stat.mode })
  elseif stat.type == "folder" then
    M.mkdir(to)
    for _, name in ipairs(M.list(from)) do
      M.copy_tree(M.join(from, name), M.join(to, name))
    end
    M.chmod(to, stat.mode)
  end
end

---Writes a file that only a child of this program reads: for its owner alone, and not synced, because it need not
---survive a power failure.
---@param path string in a folder of the program's own
---@param bytes string|userdata text or a secret
function M.write_scratch(path, bytes) M.write(path, bytes, { mode = tonumber("600", 8), durable = false }) end

---Creates a folder of mode 0700 with a unique name.
---@param prefix string? of its path; in TMPDIR if absent
---@return string
function M.temp_folder(prefix)
  local made, message, code = core.mkdtemp(prefix or M.join(user_folders.temporary(), "o2x-"))
  if made or prefix then return check("temp_folder", made, message, code) end
  errors.input(
    "no temporary folder can be made: " .. message,
    "set TMPDIR to a folder that can be written, or unset it",
    "TMPDIR"
  )
end

---The number of the user that this program runs as.
---@return integer
M.user = core.user

---Is a file owned by the user or root, and inaccessible for everyone else?
---@param path string
---@return boolean
function M.private(path)
  local stat = check("private", core.stat(path))
  return stat.mode & 0x3f == 0 and (stat.uid == core.user() or stat.uid == 0)
end

---The current working directory.
---@return string
function M.cwd()
  local path, message, code = core.cwd()
  if code == "ENOENT" then errors.input("the current folder was removed", "cd to a folder that is there") end
  return check("cwd", path, message, code)
end

return M

--- A folder of the lab at a moment: a copy beside it, with owners and modes, and the stamps of all files. Only what has
--- another stamp is put back.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local PORTION <const> = 500 -- files of one cp
local FOLDER <const> = 0x4000 -- type in the mode
local TYPE <const> = 0xf000

local function run(argv, cwd)
  local result = proc.run { argv = argv, cwd = cwd, timeout = 300 }
  if result.code == 0 then return end
  errors.raise { kind = "failed", module = "lab", op = "copy", message = result.stderr:gsub("%s+$", "") }
end

local function remove(path)
  if fs.stat(path, false) then fs.remove_tree(path) end
end

local function replace(from, to)
  remove(to)
  run { "cp", "-a", from, to }
end

-- Path → stamp, and the paths in order: folders before what is in them. The folder itself is "".
local function stamps_of(path)
  local paths, stamps = fs.walk(path)
  local found = {}
  for i, name in ipairs(paths) do
    found[name] = stamps[i]
  end
  local own = fs.stat(path, false)
  found[""] = ("%d %d %d"):format(own.mode, own.uid, own.gid)
  return found, paths
end

local function is_folder(stamp) return string.unpack("=i8", stamp) & TYPE == FOLDER end

-- Whether a folder above is in the set already.
local function is_below(set, name)
  local above = name:match "^(.*)/"
  while above do
    if set[above] then return true end
    above = above:match "^(.*)/"
  end
  return false
end

-- What came goes.
local function remove_new(path, known, paths)
  local removed, any = {}, false
  for _, name in ipairs(paths) do
    if not known[name] and not is_below(removed, name) then
      remove(fs.join(path, name))
      removed[name], any = true, true
    end
  end
  return any
end

-- What went or changed, without what is below a folder of it.
local function changed_paths(path, known, order, now)
  local list, folders = {}, {}
  for _, name in ipairs(order) do
    local stamp = known[name]
    if now[name] ~= stamp and not is_below(folders, name) then
      list[#list + 1] = name
      if is_folder(stamp) or now[name] and is_folder(now[name]) then
        folders[name] = true
        remove(fs.join(path, name))
      end
    end
  end
  return list
end

local function copy_back(kept, path, list)
  for from = 1, #list, PORTION do
    local argv = { "cp", "-a", "--remove-destination", "--parents", "-t", path, "--" }
    table.move(list, from, math.min(from + PORTION - 1, #list), #argv + 1, argv)
    run(argv, kept)
  end
end

--- Keeps a folder.
---@param path string
---@param kept string the path of the copy; replaced if it is there
---@return fun(): boolean put_back changed
function M.keep(path, kept)
  fs.mkdir(fs.folder(kept), 0x1c0)
  replace(path, kept)
  local known, order = stamps_of(path)
  return function()
    local there = fs.stat(path, false)
    local now, paths
    if there and there.type == "folder" then
      now, paths = stamps_of(path)
    end
    if not now or now[""] ~= known[""] then
      replace(kept, path)
      known, order = stamps_of(path)
      return true
    end
    local removed = remove_new(path, known, paths)
    local list = changed_paths(path, known, order, now)
    if #list == 0 then return removed end
    copy_back(kept, path, list)
    known, order = stamps_of(path)
    return true
  end
end

return M

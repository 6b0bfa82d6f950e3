--- Unpacks the archive of a chart: only files and folders below one folder, within bounds. Whoever made the archive
--- decides nothing else: no links, no devices, no paths that lead out.

local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local M = {}

local BLOCK <const> = 512
local MOST_BYTES <const>, MOST_FILES <const> = 64 << 20, 5000
local LONGEST_PATH <const> = 1024
local PRIVATE_FOLDER <const> = tonumber("700", 8)

local function refuse(archive, message)
  errors.raise { kind = "refused", module = "helm", op = "unpack", message = message, where = archive }
end

-- ---- the headers of tar ----

local function text(header, first, length) return header:sub(first, first + length - 1):match "^[^\0]*" end

local function octal(header, first, length)
  local digits = text(header, first, length):match "^%s*([0-7]*)%s*$"
  return digits and tonumber(digits ~= "" and digits or "0", 8)
end

-- The sum of all bytes, those of the sum itself counted as blanks.
local function is_sound(header)
  local sum = 8 * (" "):byte()
  for i = 1, BLOCK do
    if i < 149 or i > 156 then sum = sum + header:byte(i) end
  end
  return sum == octal(header, 149, 8)
end

local function name_of(header)
  local prefix = header:sub(258, 262) == "ustar" and text(header, 346, 155) or ""
  return (prefix ~= "" and prefix .. "/" or "") .. text(header, 1, 100)
end

-- The path in the extended header of POSIX: records of "LENGTH name=value\n".
local function extended_path(archive, body)
  local at, path = 1, nil
  while at <= #body do
    local length, start = body:match("^(%d+) ()", at)
    length = tonumber(length)
    local record = length and length <= #body and body:sub(start, at + length - 2)
    if not record or length < 3 then refuse(archive, "has an extended header that cannot be read") end
    local name, value = record:match "^([^=]*)=(.*)$"
    if name == "path" then path = value end
    if name == "size" then refuse(archive, "has a file that is too large") end
    at = at + length
  end
  return path
end

-- ---- what may be in it ----

-- A path as names below the chart's folder; nil for that folder itself.
local function inside(state, path)
  path = path:gsub("^%./", ""):gsub("/+$", "")
  local ok = path ~= "" and #path <= LONGEST_PATH and path:sub(1, 1) ~= "/" and not path:find "[%c\\]"
  for name in path:gmatch "[^/]*" do
    ok = ok and name ~= "" and name ~= "." and name ~= ".."
  end
  if not ok then refuse(state.archive, ("has the path %q, which leads out of the chart"):format(path)) end
  local top, rest = path:match "^([^/]+)/?(.*)$"
  state.top = state.top or top
  if top ~= state.top then refuse(state.archive, ("has two folders, %s and %s"):format(state.top, top)) end
  return rest ~= "" and rest or nil
end

local function write(state, path, bytes)
  path = inside(state, path) or refuse(state.archive, "has a file in place of the chart's folder")
  if state.seen[path] then refuse(state.archive, ("has %s twice"):format(path)) end
  state.seen[path] = true
  state.count = state.count + 1
  if state.count > MOST_FILES then refuse(state.archive, ("has more than %d files"):format(MOST_FILES)) end
  local target = fs.join(state.folder, path)
  fs.mkdir(fs.folder(target), PRIVATE_FOLDER)
  fs.write_scratch(target, bytes)
end

-- Type → what is done with an entry. Anything else is refused.
local ENTRIES <const> = {
  ["0"] = write,
  ["\0"] = write,
  ["5"] = inside,
  ["x"] = function(state, _, bytes) state.path = extended_path(state.archive, bytes) end,
  ["L"] = function(state, _, bytes) state.path = bytes:match "^[^\0]*" end,
  ["g"] = function() end, -- for all entries: a comment, usually
}
local ABOUT_NEXT <const> = { x = true, L = true, g = true }

local function entry(state, header, bytes)
  local type = header:sub(157, 157)
  local handle = ENTRIES[type]
  local path = state.path or name_of(header)
  if not handle then refuse(state.archive, ("has %s, which is neither a file nor a folder"):format(path)) end
  if not ABOUT_NEXT[type] then state.path = nil end
  handle(state, path, bytes)
end

local function walk(state, tar)
  local at = 1
  while true do
    local header = tar:sub(at, at + BLOCK - 1)
    if #header < BLOCK then refuse(state.archive, "ends too early") end
    if not header:find "[^\0]" then return end
    local size = is_sound(header) and octal(header, 125, 12)
    if not size then refuse(state.archive, "is no tar archive, or is damaged") end
    local bytes = tar:sub(at + BLOCK, at + BLOCK + size - 1)
    if #bytes < size then refuse(state.archive, "ends too early") end
    entry(state, header, bytes)
    at = at + BLOCK + (size + BLOCK - 1) // BLOCK * BLOCK
  end
end

--- Unpacks a .tgz as `helm package` makes it.
---@param archive string its path
---@param folder string a new one; gets what is in the archive's only folder
function M.unpack(archive, folder)
  local ok, r = pcall(proc.run, { argv = { "gzip", "-dc", archive }, timeout = 60, max_output = MOST_BYTES })
  if not ok and r.code == "too_long" then refuse(archive, "unpacks to more than 64 MB") end
  if not ok then error(r, 0) end
  if r.code ~= 0 then refuse(archive, "is no gzip archive, or is damaged") end
  fs.mkdir(folder, PRIVATE_FOLDER)
  walk({ archive = archive, folder = folder, seen = {}, count = 0 }, r.stdout)
end

return M

--- Text files of the platform tree: require "o2x.files". Paths are relative to the tree. A run may write only the files
--- that stdlib/platform.lua grants; a symbolic link to any other file is refused.

local diff = require "o2x.base.diff"
local errors = require "o2x.base.error"
local file_by_hand = require "o2x.base.file_by_hand"
local folder_lock = require "o2x.base.folder_lock"
local fs = require "o2x.base.fs"
local guard = require "o2x.base.guard"
local scope = require "o2x.base.scope"
local secret = require "o2x.base.secret"
local section = require "o2x.base.section"
local shell = require "o2x.base.shell"
local value = require "o2x.base.value"

local LARGEST = 4 * 1024 * 1024
local LONGEST = 60 -- lines of a diff that are shown

local function refuse(path, why)
  errors.raise { kind = "refused", module = "files", op = path, message = path .. " " .. why }
end

local roots = setmetatable({}, { __mode = "k" }) -- a run's context → its platform tree, without links

-- It is one folder during a run, whatever becomes of a link to it.
local function root_of(ctx)
  local root = roots[ctx] or fs.realpath(ctx.config.platform)
  roots[ctx] = root
  return root
end

-- The absolute path. The grants must allow the path both as written and with its symbolic links resolved.
local function resolve(ctx, path, grants, what, shape)
  shape = shape or function(p) return p end
  scope.path(grants, shape(path), what)
  local root = root_of(ctx)
  local real = fs.canonical(fs.join(root, path))
  if not real or real:sub(1, #root + 1) ~= root .. "/" then refuse(path, "is a link out of the platform tree") end
  local inside = real:sub(#root + 2)
  if inside ~= path then scope.path(grants, shape(inside), what .. " (behind a link)") end
  return real
end

local function readable(ctx)
  local grants = {}
  for _, list in ipairs { ctx.scope.files.read or {}, ctx.scope.files.write or {} } do
    table.move(list, 1, #list, #grants + 1, grants)
  end
  return grants
end

local function read(ctx, path)
  local real = resolve(ctx, path, readable(ctx), "the file")
  local stat = fs.stat(real)
  if not stat then return nil end
  if stat.type ~= "file" then refuse(path, "is a " .. stat.type .. ", not a file") end
  return fs.read(real, LARGEST)
end

-- How the run's own sections begin in a file that all tenants share; nil for any other file.
local function heading_of(ctx, real) return (ctx.scope.files.sections or {})[real:sub(#root_of(ctx) + 2)] end

-- A file that all tenants share: a run changes its own sections, and leaves the others as they were when it read them.
-- read_before: what it read; false is a file that it saw missing, nil one that it did not look at.
local function keep_others(ctx, real, path, desired, read_before)
  local heading = heading_of(ctx, real)
  if not heading or value.is_unknown(desired) then return end
  if desired == nil then refuse(path, "is shared by all tenants: a run does not remove it") end
  if read_before == nil then read_before = fs.read_if(real, LARGEST) end
  local stray = section.strayed(read_before or nil, desired, heading)
  if stray then
    refuse(
      path,
      ("is shared by all tenants: a run changes what is below '%s', not the line '%s'"):format(heading, stray)
    )
  end
end

-- How many folders a new file needs.
local function missing_folders(real)
  local count, folder = 0, fs.folder(real)
  while not fs.exists(folder) do
    count, folder = count + 1, fs.folder(folder)
  end
  return count
end

-- Removes the folders that were made for a file, if nothing else is in them.
local function tidy(real, count)
  local folder = fs.folder(real)
  for _ = 1, count do
    if not os.remove(folder) then return end -- not empty
    folder = fs.folder(folder)
  end
end

-- An undo names a file by a table: { path, mode of a file that is made again, folders that were made for it }.
local function path_of(target) return type(target) == "table" and target.path or target end

local function write(ctx, target, desired, before)
  local path = path_of(target)
  local real = resolve(ctx, path, ctx.scope.files.write, "writing the file")
  keep_others(ctx, real, path, desired)
  if desired == nil then
    local _locked <close> = fs.is_folder(fs.folder(real)) and folder_lock.take(fs.folder(real)) or nil
    if fs.read_if(real, LARGEST) ~= before then guard.refuse("files", path) end
    fs.remove(real)
    if target ~= path then tidy(real, target.folders or 0) end
  else
    local mode = target ~= path and target.mode or nil
    fs.write(real, desired, { parents = true, expected = before or false, mode = mode and tonumber(mode, 8) })
  end
end

-- ---- a run's own sections of a shared file ----

local function read_section(ctx, target)
  local text = read(ctx, target.path)
  return text and section.own(text, target.heading)
end

-- Others change their sections at the same time. So the file is read again, and written as a whole, while nobody else
-- has the lock of its folder.
local function write_section(ctx, target, desired, before)
  local real = resolve(ctx, target.path, ctx.scope.files.write, "writing the file")
  fs.mkdir(fs.folder(real))
  local _locked <close> = folder_lock.take(fs.folder(real))
  local text = fs.read_if(real, LARGEST)
  if text and section.own(text, target.heading) ~= before then
    guard.refuse("files", ("%s, below '%s'"):format(target.path, target.heading))
  end
  fs.write(real, section.replace(text or target.title, target.heading, desired), { expected = text or false })
end

local function show(target, before, after)
  local path = path_of(target)
  if value.is_unknown(after) then return { title = path, lines = { "+ " .. tostring(after) } } end
  local lines = diff.text(before, after)
  if #lines > LONGEST then
    local more = #lines - LONGEST
    lines = table.move(lines, 1, LONGEST, 1, {})
    lines[LONGEST + 1] = ("… %d more lines"):format(more)
  end
  return { title = path, lines = lines }
end

local text = {
  kind = "file.text",
  rehearsal = { nothing = true },
  class = "idempotent",
  guard = "the bytes are compared just before the rename; a new file is linked, which replaces none; a removal "
    .. "compares under the lock of the folder",
  key = path_of,
  read = function(ctx, target) return read(ctx, path_of(target)) end,
  write = write,
  reference = function(ctx, target, before)
    local real = resolve(ctx, path_of(target), readable(ctx), "the file")
    if before == nil then return { folders = missing_folders(real) } end
    return { mode = ("%03o"):format(fs.stat(real).mode & 0x1ff) }
  end,
  undo = {
    before = "the text; by reference the mode, or the number of folders made for a new file",
    how = "restores text and mode; removes a new file, and the folders made for it",
    restore = function(_, past)
      local of = past.reference or {}
      local target = { path = path_of(past.target), mode = of.mode, folders = of.folders }
      return { target = target, desired = past.before }
    end,
  },
  show = show,
  by_hand = function(ctx, target, desired, before)
    local path = path_of(target)
    if desired == nil then return { shell.command { "rm", "--", path } } end
    if value.is_unknown(desired) then
      return { { comment = ("write %s as o2x plan would show it: its text is known later"):format(path) } }
    end
    local there = before
    if value.is_unknown(before) then there = fs.read_if(resolve(ctx, path, readable(ctx), "the file"), LARGEST) end
    return file_by_hand.lines(path, desired, there)
  end,
  look = function(_, target) return { shell.command { "cat", "--", path_of(target) } } end,
}

local own_section = {
  kind = "file.section",
  rehearsal = { nothing = true },
  class = "idempotent",
  guard = "the lock of the folder, then as file.text; other sections are taken as they are then",
  key = function(target) return target.path end,
  read = read_section,
  write = write_section,
  undo = {
    before = "the run's own sections of a file that all tenants share",
    how = "restores these sections; leaves all others",
  },
  show = function(target, before, after) return show(target.path, before, after) end,
  by_hand = function(ctx, target, desired)
    if value.is_unknown(desired) then
      return { { comment = ("write what is below '%s' in %s by hand"):format(target.heading, target.path) } }
    end
    local there = read(ctx, target.path)
    return file_by_hand.lines(target.path, section.replace(there or target.title, target.heading, desired), there)
  end,
}

-- The effect of a text: on the file, or on the run's own sections of a shared one.
local function bring(ctx, path, content, read_before)
  -- Checked before the gate reads, so that a plan too refuses a file that may be read but not written.
  local real = resolve(ctx, path, ctx.scope.files.write, "writing the file")
  keep_others(ctx, real, path, content, read_before)
  local heading = heading_of(ctx, real)
  if not heading then return ctx:effect("file.text", path, content) end
  local unknown = value.is_unknown(content)
  local title = not unknown and section.title(content) or ""
  local own = unknown and content or section.own(content, heading)
  return ctx:effect("file.section", { path = path, heading = heading, title = title }, own)
end

-- The text of a file, in a plan with what the run would have written there.
-- A link to a folder is removed as a link.
local function removal(path) return shell.command { "rm", fs.is_folder(path) and "-r" or "-f", "--", path } end

-- The files in the tenant's own folders.
function text.list(ctx)
  local found = {}
  for _, folder in ipairs(ctx.scope.files.folders or {}) do
    local real = resolve(ctx, folder .. "_", readable(ctx), "the folder")
    for _, name in ipairs(fs.is_folder(fs.folder(real)) and fs.list(fs.folder(real)) or {}) do
      found[#found + 1] = { target = folder .. name, remove = removal(fs.join(fs.folder(real), name)) }
    end
  end
  return found
end

-- What is in the folders in which each tenant has something; a folder has a slash at its end.
function text.names(ctx)
  local found = {}
  for _, folder in ipairs(ctx.scope.places.folders) do
    local real = fs.folder(resolve(ctx, folder .. "_", readable(ctx), "the folder"))
    for _, name in ipairs(fs.is_folder(real) and fs.list(real) or {}) do
      local path = fs.join(real, name)
      found[#found + 1] = { name = folder .. name .. (fs.is_folder(path) and "/" or ""), remove = removal(path) }
    end
  end
  return found
end

-- Whose sections a file that all tenants share has.
function own_section.names(ctx)
  local place, found = ctx.scope.places.sections, {}
  for line in ((read(ctx, place.path) or "") .. "\n"):gmatch "(.-)\n" do
    local tenant = line:match(place.heading)
    if tenant then found[#found + 1] = { name = tenant, title = ("%s: the section '%s'"):format(place.path, line) } end
  end
  return found
end

local function text_in(ctx, path)
  local content = ctx:read("file.text", path)
  local real = resolve(ctx, path, readable(ctx), "the file")
  local heading = heading_of(ctx, real)
  if not heading or ctx.mode ~= "plan" then return content, real end
  local own = ctx:read("file.section", { path = path, heading = heading, title = "" })
  return (content or own) and section.replace(content or "", heading, own), real
end

local function ensure(ctx, path, content, reads)
  if secret.is(content) then refuse(path, "would contain a secret, but the platform tree is in git") end
  if type(content) ~= "string" and not value.is_unknown(content) then
    errors.input(("files.ensure(%q, text): expected a string, got %s"):format(tostring(path), type(content)))
  end
  local _, outcome = bring(ctx, path, content, reads[path])
  return outcome
end

local function is_folder(ctx, path)
  local folder = path:gsub("/+$", "")
  -- A grant such as "core/" covers what is below it, so the check uses a name in the folder.
  local real = resolve(ctx, folder, readable(ctx), "the folder", function(p) return p .. "/_" end)
  return fs.is_folder(real), real
end

local function list(ctx, path)
  local there, real = is_folder(ctx, path)
  return there and fs.list(real) or {}
end

local function exists(ctx, path, reads)
  local clean = path:gsub("/+$", "")
  local may_be_folder = pcall(scope.path, readable(ctx), clean .. "/_", "the folder")
  if may_be_folder and fs.is_folder(fs.join(root_of(ctx), clean)) then return (is_folder(ctx, clean)) end
  reads[path] = text_in(ctx, path) or false
  return reads[path] ~= false
end

return {
  name = "files",
  declares = "files:write",
  types = { text, own_section },
  api = function(ctx)
    local reads = {} -- path → the text that the script saw last; false is a file that was missing then
    return {
      --- Ensures the text of a file of the platform tree. Of a file that all tenants share, only the run's own sections
      --- are written; others may change theirs at the same time.
      ---@param path string
      ---@param content string
      ---@return string outcome
      ensure = function(path, content) return ensure(ctx, path, content, reads) end,
      --- Ensures that a file does not exist.
      ---@param path string
      ---@return string outcome
      remove = function(path)
        keep_others(ctx, resolve(ctx, path, ctx.scope.files.write, "removing the file"), path, nil)
        local _, outcome = ctx:effect("file.text", path, nil)
        return outcome
      end,
      --- The text of a file; an error if it does not exist.
      ---@param path string
      ---@return string
      read = function(path)
        local content = text_in(ctx, path)
        reads[path] = content or false
        if content == nil then
          errors.raise { kind = "failed", module = "files", message = path .. " does not exist" }
        end
        return content
      end,
      --- Does the file or folder exist?
      ---@param path string
      ---@return boolean
      exists = function(path) return exists(ctx, path, reads) end,
      --- The names in a folder; none if it does not exist.
      ---@param folder string
      ---@return string[]
      list = function(folder) return list(ctx, folder) end,
    }
  end,
}

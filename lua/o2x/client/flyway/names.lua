--- What a file of a folder of migrations is, by its name alone: V1.2__text.sql, R__text.sql, B1__text.sql,
--- afterMigrate__text.sql. Case matters in the prefix, not in the suffix, as with Flyway.

local version = require "o2x.client.flyway.version"

local M = {}

--- Flyway's events; a script named after one is its callback. true: a migration or a repair reaches it.
M.EVENTS = {
  beforeValidate = true,
  afterValidate = true,
  afterValidateError = true,
  createSchema = true,
  beforeCreateSchema = true,
  beforeMigrate = true,
  beforeEachMigrate = true,
  beforeEachMigrateStatement = true,
  afterEachMigrateStatement = true,
  afterEachMigrateStatementError = true,
  afterEachMigrate = true,
  afterEachMigrateError = true,
  beforeRepeatables = true,
  afterVersioned = true,
  afterMigrateApplied = true,
  afterMigrate = true,
  afterMigrateError = true,
  afterMigrateOperationFinish = true,
  beforeRepair = true,
  afterRepair = true,
  afterRepairError = true,
  beforeConnect = false,
  beforeClean = false,
  afterClean = false,
  afterCleanError = false,
  beforeUndo = false,
  beforeEachUndo = false,
  beforeEachUndoStatement = false,
  afterEachUndoStatement = false,
  afterEachUndoStatementError = false,
  afterEachUndo = false,
  afterEachUndoError = false,
  afterUndo = false,
  afterUndoError = false,
  beforeBaseline = false,
  afterBaseline = false,
  afterBaselineError = false,
  beforeInfo = false,
  afterInfo = false,
  afterInfoError = false,
  afterInfoOperationFinish = false,
}

local PREFIXES = { V = "versioned", B = "baseline", R = "repeatable" }
for event in pairs(M.EVENTS) do
  PREFIXES[event] = "callback"
end

-- Flyway runs these with the shell and its like.
local PROGRAMS = { cmd = true, bat = true, ps1 = true, py = true, sh = true, bash = true, [""] = true }

local LONGEST <const> = 50 -- the column of the version in Flyway's table

-- The longest prefix that fits, and the rest.
local function split_prefix(stem)
  local found
  for prefix in pairs(PREFIXES) do
    if stem:sub(1, #prefix) == prefix and (not found or #prefix > #found) then found = prefix end
  end
  return found, found and stem:sub(#found + 1)
end

-- -> the name without its suffix, whether it is a program; nil: neither SQL nor a program
local function split_suffix(name)
  local stem = name:match "^(.+)%.[sS][qQ][lL]$"
  if stem then return stem, false end
  local extension = name:match "%.([^.]*)$" or ""
  if not PROGRAMS[extension:lower()] then return nil end
  return extension == "" and name or name:sub(1, -#extension - 2), true
end

-- Names that Flyway reads as versions, and o2x does not.
local function unsupported(text)
  local word = text:lower()
  if word == "current" or word == "next" or word == "latest" then return ("the version '%s'"):format(text) end
  if text:find "^[+-]%d[%d._]*$" then return "a version with a sign" end
  if text:find "[\x80-\xff]" then return "a version with other digits than 0 to 9" end
  local number = version.parse(text)
  if number and #number > LONGEST then return ("a version of more than %d characters"):format(LONGEST) end
  return nil
end

local function stray(script, why) return { script = script, kind = "stray", why = why } end

local function versioned(file, text)
  file.version = version.parse(text)
  file.unsupported = unsupported(text)
  if not file.version and not file.unsupported then
    return stray(file.script, text == "" and "has no version" or ("'%s' is not a version"):format(text))
  end
  return file
end

---@class o2x.flyway.file
---@field script string path below the folder
---@field kind "versioned"|"baseline"|"repeatable"|"callback"|"stray"
---@field version string? "1.2"
---@field description string?
---@field event string? of a callback
---@field program boolean? not SQL, but a program
---@field unsupported string? what Flyway knows and o2x does not
---@field why string? of a stray: why it is no migration

--- Tells what a file is.
---@param script string path below the folder
---@return o2x.flyway.file? file nil if Flyway does not look at it either
function M.classify(script)
  local name = script:match "[^/]+$"
  local stem, program = split_suffix(name)
  if not stem then return nil end
  local prefix, rest = split_prefix(stem)
  if not prefix or rest == "" and PREFIXES[prefix] ~= "callback" then
    if program then return nil end
    local undo = stem:find "^U%d"
    return stray(
      script,
      undo and "an undo script, which Flyway's free edition does not know" or "not a migration's name"
    )
  end
  local before, description = rest:match "^(.-)__(.*)$"
  before = before or rest
  local file = { script = script, kind = PREFIXES[prefix], program = program or nil }
  file.description = (description or ""):gsub("_", " ")
  if file.kind == "callback" then file.event = prefix end
  if file.kind == "versioned" or file.kind == "baseline" then
    file = versioned(file, before)
  elseif before ~= "" then
    file = stray(script, ("'%s' is followed by '%s' instead of two underscores"):format(prefix, before))
  end
  if program and file.kind == "stray" then return nil end
  return file
end

return M

--- Flyway's rules for migrations (names, versions, checksums, what is pending), so that o2x and Flyway can migrate the
--- same database in turn. Verified against Flyway 10.22. history.lua applies them.

local errors = require "o2x.base.error"
local sql = require "o2x.client.flyway.sql"

local M = {}

local function refuse(message, hint, where)
  errors.raise { kind = "input", module = "flyway", message = message, hint = hint, where = where }
end

-- ---- checksums ----

local crc_table = {}
for byte = 0, 255 do
  local crc = byte
  for _ = 1, 8 do
    crc = (crc & 1) == 1 and (crc >> 1) ~ 0xEDB88320 or crc >> 1
  end
  crc_table[byte] = crc
end

--- Flyway's checksum of a script: signed CRC-32 over its lines, without line ends and byte order mark.
---@param text string
---@return integer
function M.checksum(text)
  local crc = 0xFFFFFFFF
  local lines = text:gsub("^\xEF\xBB\xBF", ""):gsub("[\r\n]", "")
  for i = 1, #lines do
    crc = crc_table[(crc ~ lines:byte(i)) & 0xFF] ~ (crc >> 8)
  end
  crc = crc ~ 0xFFFFFFFF
  return crc >= 0x80000000 and crc - 0x100000000 or crc
end

-- ---- versions and names ----

local function numbers(version)
  local parts = {}
  for part in version:gmatch("%d+") do
    parts[#parts + 1] = math.tointeger(tonumber(part)) or 0
  end
  while #parts > 1 and parts[#parts] == 0 do
    parts[#parts] = nil
  end -- 1.0 is 1
  return parts
end

--- Compares two versions number by number.
---@param a string
---@param b string
---@return integer below, at or above 0
function M.compare(a, b)
  local left, right = numbers(a), numbers(b)
  for i = 1, math.max(#left, #right) do
    local difference = (left[i] or 0) - (right[i] or 0)
    if difference ~= 0 then return difference end
  end
  return 0
end

-- The canonical form of a version, used as a key.
local function canonical(version) return table.concat(numbers(version), ".") end

--- Parses a script's file name.
---@param script string path below the folder
---@return {script: string, version: string?, description: string}|nil nil: no migration, Flyway ignores it too
function M.parse_name(script)
  local name = script:match("[^/]+$")
  local version, description = name:match("^V(.-)__(.+)%.sql$")
  if version then
    version = version:gsub("_", ".")
    if not version:find("^%d[%d.]*$") or version:find("..", 1, true) or version:find("%.$") then
      refuse(("invalid version '%s': only numbers and dots"):format(version), nil, script)
    end
  else
    description = name:match("^R__(.+)%.sql$")
  end
  if description then return { script = script, version = version, description = (description:gsub("_", " ")) } end
  if name:find("^[VR]%d.*%.sql$") or name:find("^[VR]__?.*%.sql$") then
    refuse("not a migration file name", "name it V1.2__what_it_does.sql or R__what_it_does.sql", script)
  end
  if name:find("^B%d.*%.sql$") or name:find("^before%u.*%.sql$") or name:find("^after%u.*%.sql$") then
    refuse("baseline migrations and callbacks are not supported", "run this folder with Flyway itself", script)
  end
  return nil
end

-- ${name} → its value. Flyway replaces placeholders after the checksum in versioned scripts, before it in repeatable
-- ones.
local function replace(text, script, placeholders)
  return (
    text:gsub("%${([%w_.:%-]+)}", function(name)
      if name == "flyway:filename" then return script end
      local value = placeholders[name]
      if value == nil then refuse(("no value for the placeholder ${%s}"):format(name), nil, script) end
      return value
    end)
  )
end

local function by_order(a, b)
  if a.version and b.version then return M.compare(a.version, b.version) < 0 end
  if a.version or b.version then return a.version ~= nil end
  return a.description < b.description
end

local function refuse_twins(list)
  for i = 2, #list do
    local a, b = list[i - 1], list[i]
    if a.version and b.version and M.compare(a.version, b.version) == 0 then
      refuse(("duplicate version %s: %s and %s"):format(b.version, a.script, b.script))
    elseif not a.version and not b.version and a.description == b.description then
      refuse(("duplicate description '%s' of a repeatable migration"):format(b.description), nil, b.script)
    end
  end
end

--- Turns a folder's files into the ordered list of migrations.
---@param files table<string, string> path below the folder → text
---@param placeholders table<string, string>?
---@return table[] list of { script, version|nil, description, checksum, text, transactional }
function M.resolve(files, placeholders)
  local list = {}
  for script, text in pairs(files) do
    local migration = M.parse_name(script)
    if migration then
      local replaced = replace(text, script, placeholders or {})
      migration.checksum = M.checksum(migration.version and text or replaced)
      migration.text = replaced:gsub("^\xEF\xBB\xBF", "")
      migration.transactional = sql.transactional(migration.text, script, files[script .. ".conf"])
      list[#list + 1] = migration
    end
  end
  table.sort(list, by_order)
  refuse_twins(list)
  return list
end

-- ---- applied and pending ----

--- Summarises a history.
---@param rows table[] of flyway_schema_history, by rank
---@return table versions canonical version → row; repeatables description → latest row; highest version; baseline
function M.applied(rows)
  local state = { versions = {}, repeatables = {} }
  for _, row in ipairs(rows) do
    local key = row.version and canonical(row.version)
    if row.type == "DELETE" then -- written by "flyway repair" for a removed migration
      if key then
        state.versions[key] = nil
      else
        state.repeatables[row.description] = nil
      end
    elseif row.type == "BASELINE" then
      state.baseline = row.version
    elseif row.type:find("^UNDO") then
      refuse(
        ("version %s was undone by Flyway, which o2x does not support"):format(row.version),
        "migrate this database with Flyway"
      )
    elseif key then
      state.versions[key] = row
    elseif row.type ~= "SCHEMA" then
      state.repeatables[row.description] = row
    end
  end
  for _, row in pairs(state.versions) do
    if not state.highest or M.compare(row.version, state.highest) > 0 then state.highest = row.version end
  end
  return state
end

local function conflict(message, hint, where)
  errors.raise { kind = "conflict", module = "flyway", message = message, hint = hint, where = where }
end

-- A non-transactional script leaves success = false when it was interrupted; it may run again.
local function check_failed(row, migration)
  if row.success or (migration and not migration.transactional and migration.checksum == row.checksum) then return end
  conflict(
    ("migration %s failed earlier and may be partly applied"):format(row.script),
    "undo what it changed, then run flyway repair (or delete its row in flyway_schema_history)"
  )
end

local function check_applied(row, migration)
  if row.checksum and row.checksum ~= migration.checksum then
    conflict(
      (
        "changed after it was applied: checksum mismatch for migration version %s: "
        .. "applied to database %d, resolved locally %d"
      ):format(row.version, row.checksum, migration.checksum),
      "restore the original file and put the change into a new migration",
      migration.script
    )
  end
  if row.description ~= migration.description then
    conflict(
      ("renamed after it was applied: version %s was '%s', now '%s'"):format(
        row.version,
        row.description,
        migration.description
      ),
      "restore the file's old name",
      migration.script
    )
  end
end

local function check_history(state, resolved)
  local here, newest = {}, nil
  for _, migration in ipairs(resolved) do
    if migration.version then
      here[canonical(migration.version)] = migration
      newest = migration.version
    end
  end
  for key, row in pairs(state.versions) do
    local migration = here[key]
    check_failed(row, migration)
    if migration then
      check_applied(row, migration)
    elseif newest and M.compare(row.version, newest) < 0 then
      conflict(
        ("applied migration %s (version %s) is missing in the folder"):format(row.script, row.version),
        "check that this is the right folder and that it is complete"
      )
    end
  end
end

local function is_pending(state, migration)
  if not migration.version then
    local row = state.repeatables[migration.description]
    return not row or row.checksum ~= migration.checksum
  end
  if state.baseline and M.compare(migration.version, state.baseline) <= 0 then return false end
  local row = state.versions[canonical(migration.version)]
  return not row or not row.success
end

--- The migrations that this history lacks. Raises an error where Flyway would: a changed or missing script, a failed
--- one, a version below the highest applied one.
---@param resolved table[] of resolve
---@param rows table[]
---@return table[] pending the migrations to run, in order
function M.pending(resolved, rows)
  local state = M.applied(rows)
  check_history(state, resolved)
  local pending = {}
  for _, migration in ipairs(resolved) do
    if is_pending(state, migration) then
      local late = migration.version and state.highest and M.compare(migration.version, state.highest) < 0
      if late then
        conflict(
          ("version %s is out of order: the database is already at %s"):format(migration.version, state.highest),
          "give the migration a higher version",
          migration.script
        )
      end
      pending[#pending + 1] = migration
    end
  end
  return pending
end

return M

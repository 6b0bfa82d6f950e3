--- Fingerprints of a database's contents: for each table the number of rows and a checksum that does not depend on
--- their order. A database and its exact copy have the same fingerprint, also on different servers.

local M = {}

local TABLES = [[SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1]]

-- The text form of a row depends on these settings.
local SETTINGS = [[SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
set_config('bytea_output', 'hex', true)]]

-- md5, because PostgreSQL's own hash functions may differ between versions.
local SUM = [[SELECT count(*) AS rows,
coalesce(sum(('x' || substr(md5(t::text), 1, 16))::bit(64)::bigint::numeric), 0)::text AS checksum FROM ONLY %s t]]

--- The fingerprint of one table, within a transaction.
---@param tx o2x.pg.Connection
---@param name string quoted where it has to be: public."order"
---@return {rows: integer, checksum: string}
function M.of_table(tx, name)
  tx:query(SETTINGS)
  return tx:query(SUM:format(name))[1]
end

--- The tables of a database, as SQL writes their names.
---@param tx o2x.pg.Connection
---@return string[]
function M.tables(tx)
  local names = {}
  for i, row in ipairs(tx:query(TABLES)) do
    names[i] = row.name
  end
  return names
end

--- The fingerprint of all tables, within a transaction.
---@param tx o2x.pg.Connection
---@return table<string, {rows: integer, checksum: string}>
function M.take(tx)
  local found = {}
  for _, name in ipairs(M.tables(tx)) do
    found[name] = M.of_table(tx, name)
  end
  return found
end

--- The differences between the actual and the expected fingerprint, one line per table.
---@param wanted table<string, {rows: integer, checksum: string?}>
---@param found table<string, {rows: integer, checksum: string}>
---@return string[]
function M.differences(wanted, found)
  local lines = {}
  for name, want in pairs(wanted) do
    local got = found[name]
    if not got then
      lines[#lines + 1] = name .. " is missing"
    elseif got.rows ~= want.rows then
      lines[#lines + 1] = ("%s has %d rows, not %d"):format(name, got.rows, want.rows)
    elseif want.checksum and got.checksum ~= want.checksum then
      lines[#lines + 1] = ("%s has different contents (%d rows)"):format(name, got.rows)
    end
  end
  for name in pairs(found) do
    if not wanted[name] then lines[#lines + 1] = name .. " is unexpected" end
  end
  table.sort(lines)
  return lines
end

--- A table's name as SQL and pg_dump write it: core_config.users, public."order".
---@param tx o2x.pg.Connection
---@param word string as somebody typed it
---@return string? name nil if there is no such table
function M.find(tx, word)
  for _, name in ipairs(M.tables(tx)) do
    if name == word or name:gsub('"', "") == word or name == "public." .. word then return name end
  end
end

return M

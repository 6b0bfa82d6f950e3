--- The properties of a database apart from its contents: owner, encoding, privileges, connection limit, settings. They
--- can be copied to another database.

local errors = require "o2x.base.error"
local json = require "o2x.base.json"
local pg = require "o2x.client.pg"

local M = {}

local NOT_ALLOWED <const> = "42501"

local DATABASE <const> = [[SELECT r.rolname AS owner, pg_encoding_to_char(d.encoding) AS encoding,
d.datcollate AS collate, d.datctype AS ctype, d.datconnlimit AS connection_limit, d.datacl IS NOT NULL AS has_rights,
pg_database_size(d.oid) AS size, shobj_description(d.oid, 'pg_database') AS comment
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE d.datname = $1]]

-- Each privilege as the statement that grants it on another database ($2).
local RIGHTS <const> = [[SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text,
coalesce(quote_ident(r.rolname), 'PUBLIC'), CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = $1 AND a.grantee <> d.datdba ORDER BY 1]]

-- A list setting is copied as it is written, any other as one value.
local SETTINGS <const> = [[SELECT CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I SET ', $2::text)
  ELSE format('ALTER ROLE %I IN DATABASE %I SET ', r.rolname, $2::text) END || quote_ident(c.name) || ' = ' ||
  CASE WHEN c.name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries')
  THEN c.value ELSE quote_literal(c.value) END AS statement
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL (SELECT split_part(e, '=', 1) AS name, substr(e, strpos(e, '=') + 1) AS value
  FROM unnest(s.setconfig) e) c
WHERE d.datname = $1 ORDER BY 1]]

--- A text as an SQL string.
---@param text string
---@return string
function M.literal(text) return "'" .. text:gsub("'", "''") .. "'" end

--- The properties of a database; nil if it does not exist.
---@param db o2x.pg.Connection to any database of the server
---@param name string
---@return table? owner, encoding, collate, ctype, connection_limit, has_rights, size, comment
function M.read(db, name) return db:one(DATABASE, name) end

--- Creates an empty database.
---@param db o2x.pg.Connection
---@param name string
---@param like table owner, encoding, collate, ctype
function M.create(db, name, like)
  db:query(
    ("CREATE DATABASE %s TEMPLATE template0 OWNER %s ENCODING %s LC_COLLATE %s LC_CTYPE %s"):format(
      pg.quote(name, "database name"),
      pg.quote(like.owner, "role name"),
      M.literal(like.encoding),
      M.literal(like.collate),
      M.literal(like.ctype)
    )
  )
end

--- Copies the privileges and settings of one database to another.
---@param db o2x.pg.Connection
---@param from string
---@param to string
---@return string[] left statements that this role may not run: settings that a superuser made
function M.copy_rights(db, from, to)
  local rights, left = {}, {}
  if M.read(db, from).has_rights then
    rights[1] = { ("REVOKE ALL ON DATABASE %s FROM PUBLIC"):format(pg.quote(to, "database name")) }
  end
  for _, row in ipairs(db:rows(RIGHTS, from, to)) do
    rights[#rights + 1] = { row.statement }
  end
  if rights[1] then db:exec(rights) end
  for _, row in ipairs(db:rows(SETTINGS, from, to)) do
    local ok, problem = pcall(db.query, db, row.statement)
    if not ok and (not errors.is(problem) or problem.code ~= NOT_ALLOWED) then error(problem, 0) end
    if not ok then left[#left + 1] = row.statement end
  end
  return left
end

--- The statement that stores a note of o2x in a database's comment.
---@param name string
---@param note table
---@return string
function M.note_statement(name, note)
  return ("COMMENT ON DATABASE %s IS %s"):format(pg.quote(name, "database name"), M.literal(json.encode(note)))
end

--- The note of o2x in a database's comment; nil if it has none.
---@param comment string?
---@return table?
function M.note(comment)
  local ok, note = pcall(json.read, comment or "")
  return ok and type(note) == "table" and note.o2x and note or nil
end

return M

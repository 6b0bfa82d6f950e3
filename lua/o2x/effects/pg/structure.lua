--- What a database is made of, beside its rows: schemas, tables, columns, constraints, indexes, views, functions,
--- types, sequences, triggers, policies, owners, privileges, settings. One statement reads all of it, as things that
--- can be compared between databases: a thing has the same name and text wherever the same migrations made it.

local history = require "o2x.client.flyway.history"

local M = {}

---@class o2x.pg.thing
---@field class string "table", "column", "index" …
---@field name string as SQL takes it, unique within its class
---@field parent string? the table that it goes with
---@field text string what it is; two things are the same if their texts are
---@field owner string? the role; M.OWNER for the one that owns the database
---@field also string? what SQL needs beside the text to make it

---@class o2x.pg.structure
---@field owner string the role that owns it, or should
---@field things table<string, o2x.pg.thing> by class and name
---@field scripts table<string, string> the migrations that are in its history → their checksums; none without one
---@field failed table<string, boolean> those that failed

--- Stands for the role that owns the database, or of a privilege, the thing that it is on, whatever its name is.
M.OWNER = "‹owner›"

-- Not the server's own, not o2x's markers, not what an extension brought.
local SQL <const> = [[
WITH n AS (
  SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'o2x')
), ext AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), c AS (
  SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS full_name FROM pg_class c
  JOIN n ON n.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_class'::regclass AND objid = c.oid)
), f AS (
  SELECT p.*, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS full_name
  FROM pg_proc p JOIN n ON n.oid = p.pronamespace
  WHERE p.prokind IN ('f', 'p') AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_proc'::regclass AND objid = p.oid)
), t AS (
  SELECT t.*, format('%I.%I', n.nspname, t.typname) AS full_name FROM pg_type t JOIN n ON n.oid = t.typnamespace
  WHERE t.typtype IN ('e', 'd') AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_type'::regclass AND objid = t.oid)
), acl AS (
  SELECT 'SCHEMA' AS what, format('%I', nspname) AS name, coalesce(nspacl, acldefault('n', nspowner)) AS acl,
    nspowner AS owner FROM n
  UNION ALL SELECT CASE WHEN relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, full_name,
    coalesce(relacl, acldefault(CASE WHEN relkind = 'S' THEN 's' ELSE 'r' END::"char", relowner)),
    relowner FROM c WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT CASE WHEN prokind = 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, full_name,
    coalesce(proacl, acldefault('f', proowner)), proowner FROM f
  UNION ALL SELECT 'DATABASE', NULL, coalesce(datacl, acldefault('d', datdba)), datdba FROM pg_database
    WHERE datname = current_database()
  UNION ALL SELECT format('(%I)', a.attname), c.full_name, a.attacl, c.relowner
    FROM c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
)
SELECT 'schema' AS class, format('%I', nspname) AS name, NULL AS parent, '' AS text,
  pg_get_userbyid(nspowner) AS owner, NULL AS also FROM n
UNION ALL SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
    ELSE 'table' END, full_name, NULL,
  CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) ELSE concat_ws(' ',
    CASE WHEN relpersistence = 'u' THEN 'UNLOGGED' END, CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) END,
    CASE WHEN relrowsecurity THEN 'ROW LEVEL SECURITY' END, CASE WHEN relforcerowsecurity THEN 'FORCED' END) END,
  pg_get_userbyid(relowner), NULL FROM c WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL SELECT 'sequence', full_name, NULL,
  format('%s %s %s %s', format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqcycle), pg_get_userbyid(relowner),
  (SELECT c2.full_name || '.' || quote_ident(a.attname) FROM pg_depend d JOIN c c2 ON c2.oid = d.refobjid
   JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'a' LIMIT 1)
  FROM c JOIN pg_sequence s ON s.seqrelid = c.oid WHERE relkind = 'S'
  AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'i')
UNION ALL SELECT 'column', c.full_name || '.' || quote_ident(a.attname), c.full_name,
  concat_ws(' ', format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation <> y.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
    CASE WHEN a.attgenerated = 's' THEN 'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
         WHEN d.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
    CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
      WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
    CASE WHEN a.attnotnull THEN 'NOT NULL' END), NULL, lpad(a.attnum::text, 6, '0')
  FROM c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type y ON y.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'constraint', format('%s.%I', c.full_name, o.conname), c.full_name,
  pg_get_constraintdef(o.oid), NULL, o.contype::text
  FROM pg_constraint o JOIN c ON c.oid = o.conrelid WHERE o.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL SELECT 'index', format('%I.%I', i.nspname, i.relname), c.full_name,
  pg_get_indexdef(i.oid) || CASE WHEN x.indisvalid THEN '' ELSE ' (not valid)' END, NULL, NULL
  FROM pg_index x JOIN c i ON i.oid = x.indexrelid JOIN c ON c.oid = x.indrelid
  WHERE NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.oid AND o.contype IN ('p', 'u', 'x'))
UNION ALL SELECT 'trigger', format('%s.%I', c.full_name, g.tgname), c.full_name,
  pg_get_triggerdef(g.oid) || CASE g.tgenabled WHEN 'O' THEN '' ELSE ' (' || g.tgenabled::text || ')' END, NULL, NULL
  FROM pg_trigger g JOIN c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal
UNION ALL SELECT 'policy', format('%s.%I', c.full_name, p.polname), c.full_name,
  concat_ws(' ', p.polcmd::text, p.polpermissive::text, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid)), NULL, NULL
  FROM pg_policy p JOIN c ON c.oid = p.polrelid
UNION ALL SELECT 'rule', format('%s.%I', c.full_name, r.rulename), c.full_name, pg_get_ruledef(r.oid), NULL, NULL
  FROM pg_rewrite r JOIN c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'
UNION ALL SELECT CASE WHEN prokind = 'p' THEN 'procedure' ELSE 'function' END, full_name, NULL,
  pg_get_functiondef(oid), pg_get_userbyid(proowner), NULL FROM f
UNION ALL SELECT CASE WHEN typtype = 'e' THEN 'enum' ELSE 'domain' END, full_name, NULL,
  CASE WHEN typtype = 'e' THEN (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
    FROM pg_enum WHERE enumtypid = t.oid)
  ELSE concat_ws(' ', format_type(typbasetype, typtypmod), CASE WHEN typnotnull THEN 'NOT NULL' END,
    'DEFAULT ' || typdefault, (SELECT string_agg(pg_get_constraintdef(oid), ' ' ORDER BY conname) FROM pg_constraint
    WHERE contypid = t.oid)) END, pg_get_userbyid(typowner), NULL FROM t
UNION ALL SELECT 'extension', format('%I', extname), NULL, '', NULL, NULL FROM pg_extension WHERE extname <> 'plpgsql'
UNION ALL SELECT 'setting', concat_ws(' ', quote_ident(split_part(one, '=', 1)), 'for ' || r.rolname), NULL,
  substr(one, strpos(one, '=') + 1), NULL, r.rolname
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
  LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN LATERAL unnest(s.setconfig) AS one
UNION ALL SELECT 'privilege', concat_ws(' ', a.what, a.name), NULL,
  string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', '
    ORDER BY g.privilege_type), NULL, CASE WHEN g.grantee = 0 THEN 'PUBLIC' WHEN g.grantee = a.owner THEN '‹owner›'
    ELSE pg_get_userbyid(g.grantee) END
  FROM acl a CROSS JOIN LATERAL aclexplode(a.acl) g GROUP BY a.what, a.name, a.owner, g.grantee]]

local SCRIPTS <const> = [[SELECT script, checksum, success FROM %s ORDER BY installed_rank]]

local FIND <const> = [[SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1 AND c.relkind = 'r' AND n.nspname !~ '^pg_'
AND has_table_privilege(c.oid, 'SELECT') LIMIT 1]]

local function scripts_of(db)
  local scripts, failed, found = {}, {}, db:one(FIND, history.TABLE)
  for _, row in ipairs(found and db:rows(SCRIPTS:format(found.name)) or {}) do
    scripts[row.script] = row.success and tostring(row.checksum) or nil
    failed[row.script] = not row.success or nil
  end
  return scripts, failed
end

-- The role that owns the database has another name in each, if it is the tenant's own.
local function alike(text, owner) return text == owner and M.OWNER or text end

-- The server writes an expression in another way when it has read its own text: with more casts and parentheses.
local EXPRESSIONS <const> = { constraint = true, index = true, view = true, column = true, policy = true, rule = true }

local function essence(thing)
  if not EXPRESSIONS[thing.class] then return thing.text end
  return (thing.text:gsub("::character varying", ""):gsub("::text%[%]", ""):gsub("::text", ""):gsub("[()%s]", ""))
end

--- Are two things the same?
---@param a o2x.pg.thing
---@param b o2x.pg.thing
---@return boolean
function M.same(a, b) return a.owner == b.owner and (a.text == b.text or essence(a) == essence(b)) end

--- The name of a thing in o2x.pg.structure.
---@param class string
---@param name string
---@return string
function M.key(class, name) return class .. "\0" .. name end

--- Reads the structure of a database.
---@param db o2x.pg.Connection
---@param owner string? the role that should own it; the one that does, if absent
---@return o2x.pg.structure
function M.read(db, owner)
  owner = owner
    or db:one("SELECT pg_get_userbyid(datdba) AS name FROM pg_database WHERE datname = current_database()").name
  local things = {}
  for _, thing in ipairs(db:rows(SQL)) do
    thing.owner = thing.owner and alike(thing.owner, owner)
    if thing.class == "privilege" then thing.name = thing.name .. " to " .. thing.also end
    things[M.key(thing.class, thing.name)] = thing
  end
  local scripts, failed = scripts_of(db)
  return { things = things, scripts = scripts, failed = failed, owner = owner }
end

-- ---- privileges ----

local CLASS_OF <const> = {
  TABLE = "table",
  SCHEMA = "schema",
  SEQUENCE = "sequence",
  FUNCTION = "function",
  PROCEDURE = "procedure",
}

--- The key of the thing that a privilege is on; nil for the database itself.
---@param thing o2x.pg.thing
---@param things table<string, o2x.pg.thing> that has it, if it is there; to GRANT, views are tables
---@return string?
function M.object_of(thing, things)
  local what, name = thing.name:match "^(%S+) (.*)$"
  name = name:sub(1, -(#(" to " .. thing.also) + 1))
  if what:find "^%(" then what = "TABLE" end
  local class = CLASS_OF[what]
  if class ~= "table" then return class and M.key(class, name) end
  for _, one in ipairs { "view", "materialized view", "foreign table" } do
    if things[M.key(one, name)] then return M.key(one, name) end
  end
  return M.key("table", name)
end

-- ---- what several databases agree on ----

local function same_scripts(a, b)
  for script in pairs(a) do
    if not b[script] then return false end
  end
  for script in pairs(b) do
    if not a[script] then return false end
  end
  return true
end

-- The scripts of a structure that others know as well: one that nobody else has says nothing about who is alike.
local function known_scripts(structure, others)
  local scripts = {}
  for script in pairs(structure.scripts) do
    for _, other in ipairs(others) do
      if other.scripts[script] then scripts[script] = true end
    end
  end
  return scripts
end

--- Those of other structures that the same migrations made.
---@param structure o2x.pg.structure
---@param others o2x.pg.structure[]
---@return o2x.pg.structure[]
function M.peers(structure, others)
  local known, peers = known_scripts(structure, others), {}
  for _, other in ipairs(others) do
    if next(known) and same_scripts(known, other.scripts) then peers[#peers + 1] = other end
  end
  return peers
end

--- The largest group of structures that the same migrations made.
---@param others o2x.pg.structure[]
---@return o2x.pg.structure[]
function M.largest(others)
  local largest = {}
  for _, other in ipairs(others) do
    local group = M.peers(other, others)
    if #group > #largest then largest = group end
  end
  return largest
end

local function votes_of(peers)
  local votes = {}
  for _, peer in ipairs(peers) do
    for key, thing in pairs(peer.things) do
      local ballot = votes[key] or {}
      votes[key] = ballot
      local word = essence(thing) .. "\0" .. (thing.owner or "")
      ballot[word] = ballot[word] or { thing = thing, count = 0 }
      ballot[word].count = ballot[word].count + 1
    end
  end
  return votes
end

--- What more than half of them have.
---@param peers o2x.pg.structure[]
---@return table<string, o2x.pg.thing> things
function M.agreed(peers)
  local things = {}
  for key, ballot in pairs(votes_of(peers)) do
    for _, one in pairs(ballot) do
      if one.count * 2 > #peers then things[key] = one.thing end
    end
  end
  return things
end

--- The migrations that they have → the checksum that more than half of them have, or false.
---@param peers o2x.pg.structure[]
---@return table<string, string|false>
function M.agreed_scripts(peers)
  local counts, agreed = {}, {}
  for _, peer in ipairs(peers) do
    for script, checksum in pairs(peer.scripts) do
      local ballot = counts[script] or {}
      counts[script], agreed[script] = ballot, agreed[script] or false
      ballot[checksum] = (ballot[checksum] or 0) + 1
      if ballot[checksum] * 2 > #peers then agreed[script] = checksum end
    end
  end
  return agreed
end

--- The name of the history's table, as SQL takes it, among the things that are agreed on.
---@param things table<string, o2x.pg.thing>
---@return string? name
function M.history_of(things)
  for _, thing in pairs(things) do
    if thing.class == "table" and thing.name:match "[^.]+$" == history.TABLE then return thing.name end
  end
end

return M

--- What is made in a tenant's database belongs to the owner of the database, not to whoever came first: of two
--- operators with roles of their own, either goes on where the other stopped.
---
--- A session that makes something says STATEMENT first, and again after RESET ROLE. It changes nothing for a superuser,
--- whose scripts may need to be one; for a role that may not act for the owner; and for one to which something in the
--- database belongs, because as the owner it could not go on with that.

local M = {}

--- Makes the session act for the owner of the database. Since version 16, a member may be one that cannot SET ROLE.
M.STATEMENT = [[SELECT pg_catalog.set_config('role', o.rolname, false)
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
JOIN pg_catalog.pg_roles r ON r.rolname = session_user
WHERE d.datname = pg_catalog.current_database() AND o.oid <> r.oid AND NOT r.rolsuper
AND CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000
  THEN pg_catalog.pg_has_role(r.oid, o.oid, 'SET') ELSE pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER') END
AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^pg_')]]

--- The same for psql, which would show what a SELECT gives.
M.BY_HAND = ("DO $$BEGIN %s; END$$;"):format(M.STATEMENT:gsub("^SELECT", "PERFORM"))

--- Makes a session act for the owner of its database.
---@param db o2x.pg.Connection
function M.become(db) db:query(M.STATEMENT) end

return M

--- PostgreSQL: who we are there, what we may not do, its clock, its certificate, and pg_dump beside it.

local certificate = require "o2x.doctor.certificate"
local clocks = require "o2x.doctor.clocks"
local pg_rights = require "o2x.policy.rights.postgresql"
local programs = require "o2x.client.pg.programs"

local M = { name = "PostgreSQL", from = { "pg" } }

-- An older pg_dump refuses to dump a newer server.
local function check_dump(note, server)
  local found, newest = programs.find(server)
  if not found then return note:finding(programs.problem(server, newest)) end
  note:fact("%s %d", found.path, found.version)
end

--- Checks the server.
---@param this table of doctor.init
---@param note o2x.doctor.Note
function M.check(this, note)
  local grants, o = this.grants.pg, this.config.pg
  local db <close> = this.client("pg"):connect(grants.control, { connect_timeout = this.seconds })
  local who, missing = pg_rights.look(this, db, true)
  local where = ("%s:%s"):format(o.host, o.port)
  note:fact("%s as %s, %s, database %s%s", where, who.role, who.version, grants.control, who.ssl and ", TLS" or "")
  clocks.compare(note, who.now, where)
  if who.standby then
    note:finding(
      where .. " is a standby: it takes no writes",
      "set PGHOST to the primary, or pg.target_session_attrs=read-write"
    )
  end
  note:add(missing)
  check_dump(note, who.number // 10000)
  if who.ssl and math.type(o.port) == "integer" then
    certificate.look(note, o.host, o.port, { protocol = "postgres" })
  end
end

return M

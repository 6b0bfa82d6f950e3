--- Rows of what is proposed, in the lab: databases, archives and backups of newclient.

local assert = require "luassert"
local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local paste = require "tests.support.proposed.paste"

local TENANT <const>, DATABASE <const> = "newclient", "coredb-newclient"

local function superuser(lab)
  local state = json.decode(fs.read(fs.join(lab.dir, "state/postgres.json")))
  return { PGUSER = "postgres", PGPASSWORD = state.superuser_password }
end

local function as_superuser(lab, sql)
  local result = lab:run({ "psql", "-X", "-q", "-d", DATABASE, "-c", sql }, { env = superuser(lab) })
  assert(result.code == 0, result.stderr)
end

local function restore(...) return { "run", "restore", TENANT, "--confirm=" .. TENANT, ... } end
local function backup(...) return { "run", "backup", TENANT, ... } end

-- A folder whose name has a space in it.
local function with_folder(fn)
  return function(lab)
    local folder = fs.temp_folder "/tmp/o2x-proposed "
    local _remove <close> = defer(function() fs.remove_tree(folder) end)
    fn(lab, folder)
  end
end

local function resumes(lab, refused)
  local command = paste.commands(refused, "next: (o2x resume R%-[%w-]+)")
  return paste.works(lab, command)
end

local creates_role = with_folder(function(lab, folder)
  assert.equal(0, lab:o2x(backup("to=" .. folder .. "/a.dump")).code)
  as_superuser(lab, "alter role admin nocreaterole")
  local _restore <close> = defer(function() as_superuser(lab, "alter role admin createrole") end)
  local refused = paste.refused(lab, restore("archive=" .. folder .. "/a.dump"), "may not create")
  paste.works(lab, (paste.commands(refused, "before o2x resume: (psql %-d postgres [^\n]+)")), { env = superuser(lab) })
  resumes(lab, refused)
end)

local makes_reader = function(lab)
  as_superuser(lab, "alter role o2x_reader rename to somebody_else")
  local _restore <close> = defer(
    function() as_superuser(lab, "drop role if exists o2x_reader; alter role somebody_else rename to o2x_reader") end
  )
  local words = { "run", "diagnose", TENANT }
  local warned = lab:o2x(words)
  local command = paste.commands(warned, "to make it, as a superuser: (psql [^\n]+)")
  paste.works(lab, command, { env = superuser(lab) })
  assert.is_nil(lab:o2x(words).stderr:find("has no role", 1, true))
end

-- The archive of a database that has what no restore takes.
local function shows_archive(sql, over, words, pattern, shows)
  return with_folder(function(lab, folder)
    as_superuser(lab, sql)
    local _over <close> = defer(function() as_superuser(lab, over) end)
    local made = lab:run({ "pg_dump", "-Fc", "-d", DATABASE, "-f", folder .. "/a.dump" }, { env = superuser(lab) })
    assert(made.code == 0, made.stderr)
    local refused = paste.refused(lab, restore("archive=" .. folder .. "/a.dump"), words)
    assert.matches(shows, paste.works(lab, (paste.commands(refused, pattern))).stdout)
  end)
end

local shows_statement = shows_archive(
  "create publication everything for all tables",
  "drop publication everything",
  "is not restored",
  "to see it: ([^;\n]+)",
  "CREATE PUBLICATION everything"
)

-- pg_dump stands for itself, but leaves out the rows of a table.
local dumps_again = with_folder(function(lab, folder)
  local real = lab:out("sh", "-c", "command -v pg_dump")
  local program = ('#!/bin/sh\nexec %s "$@" --exclude-table-data=core_config.users\n'):format(real)
  fs.write(folder .. "/bin/pg_dump", program, { mode = 493, parents = true })
  local env = { PATH = folder .. "/bin:" .. os.getenv "PATH" }
  local refused = paste.refused(lab, backup("to=" .. folder .. "/a.dump"), "the archive differs", { env = env })
  assert.matches("o2x resume dumps it again", refused.stderr)
  resumes(lab, refused)
  assert.matches("users", lab:out("pg_restore", "-l", folder .. "/a.dump"))
end)

-- Each: what is refused, its words.
local function lists_backups(lab)
  local missing = "archive=s3://embrix-development-data/TIDLT-100005/no.dump"
  for _, case in ipairs {
    { restore "archive=/tmp/no-such.dump", "the archive does not exist" },
    { { "run", "restore", "urbanos", "--confirm=urbanos", missing }, "the object does not exist" },
    { restore "snapshot=newclient-manual-20000101-000000", "unknown snapshot" },
  } do
    local refused = paste.refused(lab, case[1], case[2])
    local command = paste.commands(refused, "o2x run [%w/.]+ [%w]+ list=true")
    paste.works(lab, (command:gsub(" TENANT ", " newclient ")))
  end
end

local function takes_snapshot(lab)
  local refused = paste.refused(lab, { "run", "backup", "dev", "to=/tmp/no-such.dump" }, "registry of all tenants")
  paste.works(lab, (paste.commands(refused, "(o2x run backup dev) takes")))
end

return {
  ["lua/o2x/effects/archive/copy.lua: psql -d"] = creates_role,
  ["lua/o2x/effects/archive/copy.lua: o2x resume"] = creates_role,
  ["lua/o2x/effects/archive/file.lua: o2x resume"] = dumps_again,
  ["lua/o2x/effects/archive/file.lua: o2x run runbooks"] = lists_backups,
  ["lua/o2x/effects/archive/init.lua: o2x run backup"] = takes_snapshot,
  ["lua/o2x/effects/rds.lua: o2x run backup"] = lists_backups,
  ["lua/o2x/effects/s3.lua: o2x run backup"] = lists_backups,
  ["lua/o2x/effects/pg/query.lua: psql -d"] = makes_reader,
  ["lua/o2x/client/pg/dump_check.lua: pg_restore -f"] = shows_statement,
}

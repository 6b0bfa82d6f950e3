-- A dump and a restore give statements as long as they take. So a server, or a pooler in front of it, that was silent
-- at COMMIT was waited for without an end.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local labs = require "o2x.prove.lab"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

-- In a process of its own, in which time passes a thousand times as fast.
local SCRIPT <const> = [[
local pg = require "o2x.client.pg"
require("o2x.core.forks").hasten(1000)
local db <close> = pg.connect {
  host = os.getenv "PGHOST", port = os.getenv "PGPORT", user = os.getenv "PGUSER",
  password = os.getenv "PGPASSWORD", dbname = "coredb-urbanos", statement_timeout = 0, connect_timeout = 60000,
}
print(pcall(db.transaction, db, function(tx) tx:query "SELECT 1" end, { read_only = true, attempts = 1 }))
]]

describe("a COMMIT of a session without a limit", function()
  it("is given up where no answer comes", function()
    local lab, folder = labs.start { relays = true }, fs.temp_folder()
    local script, env = fs.join(folder, "commit.lua"), program.environment()
    fs.write(script, SCRIPT)
    for name, value in pairs(lab.env) do
      env[name] = value
    end
    lab:fault { service = "postgres", kind = "timeout", match = "COMMIT" }
    local result = proc.run { argv = { build.dev, script }, env = env, timeout = 60 }
    lab:stop()
    fs.remove_tree(folder)
    assert.matches("^false%s.*no answer in time", result.stdout .. result.stderr)
  end)
end)

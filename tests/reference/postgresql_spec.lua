-- The lock, and operators with roles of their own, in servers of other versions than the distribution's:
-- vendor/reference postgresql13 postgresql17 postgresql18 installs them.

local defer = require "o2x.base.defer"
local fs = require "o2x.base.fs"
local gate = require "tests.support.gate"
local holders_tests = require "tests.support.holders"
local operators = require "tests.support.operators"
local proc = require "o2x.base.proc"
local programs_of = require "o2x.client.pg.programs"
local raised = require "tests.support.raised"
local reference = require "tests.support.reference"
local servers = require "tests.support.servers"
local two_roles = require "tests.support.two_roles"

local VERSIONS <const> = { "13", "17", "18" }
local KILL <const> = 9

for _, version in ipairs(VERSIONS) do
  describe("PostgreSQL " .. version, function()
    local postgres = reference.find("postgresql" .. version, "bin/postgres")
    if not postgres then
      pending(("not installed: vendor/reference postgresql%s"):format(version))
      return
    end

    -- The servers of tests are another user's, who may not look into ours.
    local programs = fs.temp_folder "/tmp/o2x-postgresql-"
    local folder = fs.folder(fs.folder(postgres))
    assert(proc.run({ argv = { "cp", "-a", folder .. "/.", programs } }).code == 0)
    assert(proc.run({ argv = { "chmod", "-R", "a+rX", programs } }).code == 0)
    teardown(function() fs.remove_tree(programs) end)

    describe("has rows of o2x.lock:", function()
      local spec = { setup = setup, teardown = teardown, before_each = before_each, it = it, assert = assert }
      holders_tests(spec, { programs = programs })
    end)

    describe("has operators with roles of their own:", function()
      local spec = { setup = setup, teardown = teardown, it = it, assert = assert }
      two_roles(spec, { programs = programs })
    end)

    -- The clients of the distribution are of version 15.
    if tonumber(version) > 15 and not programs_of.find(tonumber(version)) then
      it("is dumped by none of the programs here, which is said before anything is made", function()
        local server = servers.start("postgres", { programs = programs })
        local _stop <close> = defer(server.stop)
        local api = gate.run {
          mode = "apply",
          module = "archive",
          config = { pg = server.options("postgres", { sslmode = "disable" }) },
          scope = { pg = { tenant = "postgres", control = "control", admin = "postgres" } },
        }
        local problem = raised(api.check_programs)
        assert.matches(("pg_dump 15 is older than the server, %s"):format(version), problem.message)
        assert.equal("apt-get install postgresql-client-" .. version, problem.hint)
      end)
    end

    describe("and runs:", function()
      local place
      setup(function() place = operators.start { programs = programs } end)
      teardown(function() place:stop() end)

      it("one holds the tenant, the next takes over from one that was killed, and fences it off", function()
        assert.matches("^" .. version, place:sql("postgres", "SHOW server_version"))
        local ann = place:start("ann"):waits()
        assert.equal(5, place:o2x("ben", { "run", place.runbook, "acme", "who=ben" }).code)
        place:sql(operators.CONTROL, "UPDATE o2x.lock SET heartbeat = now() - interval '1 hour'")
        place:go "ben"
        local code, said = place:start("ben"):ends()
        assert.equal(0, code, said)
        place:go "ann"
        code, said = ann:ends()
        assert.equal(5, code, said)
        assert.matches("another run has taken acme since", said)
        local cem = place:start("cem"):waits()
        cem:kill(KILL)
        cem:ends()
        place:go "cem"
        local resumed = place:o2x("cem", { "resume" })
        assert.equal(0, resumed.code, resumed.stderr)
        assert.equal("ann first, ben first, ben second, cem first, cem second", place:notes())
      end)
    end)
  end)
end

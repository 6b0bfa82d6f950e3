-- A plan that stops services and starts them again did not show that it starts them: it listed the objects as they were
-- before. It showed an invoice as created that the service makes by itself, and of a restored table a value that no run
-- writes, so that apply refused it.

local build = require "tests.support.build"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"

local ARCHIVE <const> = "s3://embrix-development-data/TIDLT-100005/prove.dump"
local BACKUP <const> = "--after=o2x run backup urbanos to=" .. ARCHIVE

local ROWS <const> = {
  { "restore", "urbanos", "archive=" .. ARCHIVE, "--confirm=urbanos", BACKUP },
  { "restore", "urbanos", "archive=" .. ARCHIVE, "table=core_config.users", "--confirm=urbanos", BACKUP },
  { "onboard", "newclient" },
}

describe("the plan has each change of the run, as often as the run makes it", function()
  for _, row in ipairs(ROWS) do
    it(table.concat(row, " "), function()
      local argv = { build.o2x, "prove", "--json", "--jobs=1", "--cases=plan", table.unpack(row) }
      local result = proc.run { argv = argv, env = program.environment(), timeout = 300 }
      assert.equal(0, result.code, result.stdout .. result.stderr)
      assert.equal(1, json.read(result.stdout).counts.plan.played)
    end)
  end
end)

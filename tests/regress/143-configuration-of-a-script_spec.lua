-- Keys of a script's configuration other than executeInTransaction were ignored: other data under the same checksum.

local migrate = require "o2x.client.flyway.migrate"
local raised = require "tests.support.raised"
local resolve = require("o2x.client.flyway.folder").resolve
local script = require "o2x.client.flyway.script"

local function folder(conf)
  return resolve({ ["V1__a.sql"] = "SELECT '${y}'", ["V1__a.sql.conf"] = conf }, { y = "replaced" })
end

describe("a script's configuration", function()
  it("is followed", function()
    local kept = folder "placeholderReplacement=false"
    assert.equal("SELECT '${y}'", script.prepare(kept.migrations[1], kept.values).statements[1].text)
  end)

  it("is refused where it cannot be followed, before anything runs", function()
    for _, conf in ipairs { "shouldExecute=false", "placeholderReplacements=false", "executeInTransaction=nein" } do
      assert.equal("V1__a.sql.conf:1", raised(migrate.pending, nil, folder(conf), {}).where)
    end
  end)
end)

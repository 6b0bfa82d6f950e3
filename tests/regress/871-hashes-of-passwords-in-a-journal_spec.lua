-- A reset of the administrator's password read the hash that was there, to compare it. What a script reads is in the
-- journal: o2x verify found the text of a secret in it, after a run that was done.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

describe("a reset of the administrator's password", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("leaves no hash in the run's folder, and o2x verify finds nothing", function()
    ok(lab:o2x { "run", "onboard", "newclient" })
    local hash = "select password from core_config.users where userid like 'admin@%'"
    local before = lab:sql("coredb-newclient", hash)
    local reset = ok(lab:o2x { "run", "onboard", "newclient", "admin=reset" })
    local after = lab:sql("coredb-newclient", hash)
    assert.matches("^%$2b%$", before)
    assert.are_not.equal(before, after)
    local id = reset.stderr:match "run (R%-[%w-]+)"
    local journal = fs.read(fs.join(lab.env.O2X_STATE, id, "journal"))
    for _, text in ipairs { before, after, "$2b$" } do
      assert.is_nil(journal:find(text, 1, true))
    end
    ok(lab:o2x { "verify", "--all" })
  end)
end)

-- o2x show of an onboarding had "id: (the next free one)" where the plan stood: the id that was given was not shown.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

describe("o2x show, of a run that was given an id", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  it("shows the id", function()
    local run = lab:o2x { "run", "onboard", "newclient" }
    assert.equal(0, run.code, run.stderr)
    local id = lab:sql("enginedevdb", "select id from core_config.tenant where name = 'newclient'")
    local text = lab:o2x({ "show" }).stdout
    assert.is_nil(text:find("next free one", 1, true))
    assert.matches("pg%.allocated [^\n]*\n +%+ id: " .. id:gsub("%-", "%%-") .. "\n", text)
    for _, effect in ipairs(json.decode(lab:o2x({ "show", "--json" }).stdout).effects) do
      if effect.kind == "pg.allocated" then assert.equal("+ id: " .. id, effect.diff[1]) end
    end
  end)
end)

-- What is looked at in a restored copy is tested in tests/servers/effects/archive_hostile_spec.lua.

local owner = require "o2x.effects.archive.owner"
local raised = require "tests.support.raised"

local OWNER <const> = { table = "core.tenant", key = { id = "T-1", name = "acme" } }

describe("the owner of an archive", function()
  it("is what the grants say, and nothing else", function()
    assert.equal(OWNER, owner.of { scope = { archive = { owner = OWNER } } })
    for _, scope in ipairs { {}, { archive = {} }, { archive = { owner = { table = "t", key = {} } } } } do
      assert.equal("refused", raised(owner.of, { scope = scope }).kind)
    end
  end)

  it("is in the one row that names the tenant", function()
    owner.check_rows("a", OWNER, { { id = "T-1", name = "acme", more = "x" } })
    for _, rows in ipairs {
      {},
      { { id = "T-2", name = "acme" } },
      { { id = "T-1", name = "other" } },
      { { id = "T-1" } },
      { { name = "acme" } },
      { { id = "t-1", name = "acme" } },
      { { id = "T-1 ", name = "acme" } },
      { { id = "T-1", name = "acme" }, { id = "T-2", name = "other" } },
      { { id = "T-1", name = "acme" }, { id = "T-1", name = "acme" } },
    } do
      assert.equal("refused", raised(owner.check_rows, "a", OWNER, rows).kind)
    end
    assert.falsy(raised(owner.check_rows, "a", OWNER, { { id = "x\27[2J", name = "\n" } }).message:find "%c")
  end)

  it("may not be another one's in the note", function()
    owner.check_note("a", { database = "coredb-acme" }, "coredb-acme")
    owner.check_note("a", {}, "coredb-acme")
    assert.equal("refused", raised(owner.check_note, "a", { database = "coredb-other" }, "coredb-acme").kind)
    assert.equal("refused", raised(owner.check_note, "a", { database = {} }, "coredb-acme").kind)
  end)
end)

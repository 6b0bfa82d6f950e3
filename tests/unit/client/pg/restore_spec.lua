-- How archives come back, and which do not, is tested in tests/servers/effects/archive_hostile_spec.lua.

local restore = require "o2x.client.pg.restore"

describe("the role of a restore", function()
  it(
    "is named after the copy",
    function() assert.equal("coredb-acme--restore-R-1-role", restore.role_of "coredb-acme--restore-R-1") end
  )

  it("has a name that PostgreSQL takes, and one of its own for each copy", function()
    local a, b = restore.role_of(("x"):rep(62) .. "a"), restore.role_of(("x"):rep(62) .. "b")
    assert.is_true(#a <= 63 and #b <= 63)
    assert.not_equal(a, b)
  end)
end)

describe("a restored copy", function()
  local function handed_over(later, denied)
    local sent = {}
    local admin = {
      query = function(_, sql)
        sent[#sent + 1] = sql
        if sql == denied then
          require("o2x.base.error").raise { kind = "unauthorised", code = "42501", message = "no" }
        end
      end,
    }
    local rules = { roles = { admin = true, appuser = true } }
    return sent, restore.hand_over(admin, "temporary", "admin", later, rules)
  end

  it("goes to its owner, but for what is another role's of the platform", function()
    local sent, others = handed_over {
      { action = "owner", text = "ALTER TABLE a OWNER TO admin", role = "admin" },
      { action = "owner", text = "ALTER TABLE b OWNER TO appuser", role = "appuser" },
      { action = "owner", text = "ALTER TABLE c OWNER TO stranger", role = "stranger" },
      { action = "rights", text = "ALTER DEFAULT PRIVILEGES …" },
    }
    assert.same({
      'REASSIGN OWNED BY "temporary" TO "admin"',
      'DROP OWNED BY "temporary"',
      "ALTER TABLE b OWNER TO appuser",
      "ALTER DEFAULT PRIVILEGES …",
    }, sent)
    assert.same({ stranger = 1 }, others)
  end)

  it("stays with its owner where the admin may not name another", function()
    local text = "ALTER TABLE b OWNER TO appuser"
    local _, others = handed_over({ { action = "owner", text = text, role = "appuser" } }, text)
    assert.same({ appuser = 1 }, others)
  end)
end)

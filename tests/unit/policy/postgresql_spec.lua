-- The form of the statements. What they allow and refuse is seen on a real server: tests/e2e/policy_spec.lua.

local postgresql = require "o2x.policy.postgresql"

local function text(changes)
  local pg = { tenant = "coredb-newclient", control = "registry", rows = { ["core.tenant"] = { name = "new'client" } } }
  for field, value in pairs(changes or {}) do
    pg[field] = value
  end
  return postgresql.text("o2x-newclient", { pg = pg }, {}, { name = "newclient" })
end

describe("the statements of PostgreSQL", function()
  it("fill every name", function() assert.is_nil(text():find "{[%w_]+}") end)

  it("quote names and texts", function()
    assert.is_true(text():find([["name" = 'new''client']], 1, true) ~= nil)
    assert.is_true(text({ tenant = 'a"b' }):find([["a""b"]], 1, true) ~= nil)
  end)

  it(
    "give the tenant's rows of the control database by a restrictive policy",
    function()
      assert.is_true(
        text():find(
          [[CREATE POLICY "o2x-newclient" ON "core"."tenant" AS RESTRICTIVE TO "o2x-newclient" USING]],
          1,
          true
        ) ~= nil
      )
    end
  )

  it("give the row by which the tenant is held, and no other", function()
    for _, name in ipairs { "lock", "fence" } do
      local policy = ([[ON "o2x"."%s" AS RESTRICTIVE TO "o2x-newclient" USING ("tenant" = 'newclient')]]):format(name)
      assert.is_truthy(text():find(policy, 1, true), text())
    end
  end)

  it("do not give away the control database to the tenant that lives in it", function()
    assert.is_nil(text({ tenant = "registry" }):find("ALTER DATABASE", 1, true))
    assert.is_truthy(text():find([[ALTER DATABASE "coredb-newclient" OWNER TO "o2x-newclient"]], 1, true))
  end)

  it(
    "make no superuser",
    function() assert.is_truthy(text():find("NOSUPERUSER NOREPLICATION NOBYPASSRLS", 1, true)) end
  )
end)

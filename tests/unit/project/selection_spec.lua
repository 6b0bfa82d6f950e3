-- Which tenants a rule is about.

local selection = require "o2x.project.selection"

local KNOWN <const> = { "acme", "acme-sbx", "beta" }

describe("a selection", function()
  local acme = { name = "acme", environment = "production", seats = 5, company = "Acme Ltd, Inc" }

  local function has(value, tenant) return selection.has(assert(selection.words(value, KNOWN)), tenant or acme) end

  it("is all, names, or fields", function()
    for value, expected in pairs {
      all = true,
      acme = true,
      ["beta, acme"] = true,
      ["acme-sbx"] = false,
      ["env=production"] = true,
      ["environment=production"] = true,
      ["env=production,seats=5"] = true,
      ["env=production,seats=6"] = false,
      ["region=eu"] = false,
      ["company=Acme Ltd"] = false,
    } do
      assert.equal(expected, has(value), value)
    end
    assert.is_true(has(nil))
    assert.is_true(has { "beta", "acme" })
    assert.is_false(has { "beta" })
  end)

  it("is wrong, and says where", function()
    for value, expected in pairs {
      acmee = { "acmee", "there is no tenant acmee; did you mean acme?" },
      ["env=production,acme"] = { "tenants", "expected all, names, or FIELD=VALUE, as --tenants" },
      [""] = { "tenants", "expected all, names, or FIELD=VALUE, as --tenants" },
    } do
      local words, text, message = selection.words(value, KNOWN)
      assert.is_nil(words)
      assert.same(expected, { text, message })
    end
  end)
end)

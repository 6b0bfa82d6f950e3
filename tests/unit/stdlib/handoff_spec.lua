local stdlib = require "tests.support.stdlib"

local PAGE, INVENTORY = "docs/runbooks/TENANT_newclient.md", "docs/TENANT_INVENTORY.md"

describe("stdlib.handoff", function()
  -- Writes the documents over a tree. -> the tree
  local function write(tree, changes)
    local std = stdlib.new {
      helm = {
        list = function()
          return { { name = "newclient-service-sso", chart = "service-sso-1.0.0", app_version = "v2.5.0" } }
        end,
      },
    }
    for path, text in pairs(tree or {}) do
      std.tree[path] = text
    end
    std.require("handoff").write(stdlib.tenant("newclient", changes))
    return std.tree
  end

  local function has(text, part) assert.truthy(text:find(part, 1, true), part .. " in\n" .. text) end

  describe("the tenant's page", function()
    it("names the tenant, its id and its addresses", function()
      local page = write()[PAGE]
      has(page, "# Tenant: newclient (TIDLT-100008)")
      has(page, "https://api.newclient.embrix.com/graphql")
    end)

    it(
      "writes the environment with a capital letter",
      function() has(write()[PAGE], "- **Environment:** Production") end
    )

    it(
      "lists the deployed releases",
      function() has(write()[PAGE], "| newclient-service-sso | service-sso-1.0.0 | v2.5.0 |") end
    )

    it("lists the integrations by gateway", function()
      local page = write()[PAGE]
      has(page, "- **Payment:** Stripe")
      has(page, "- **CRM:** None")
    end)

    it(
      "says where the credentials are",
      function() has(write()[PAGE], "- Stripe: Vault - `secret/tenant/newclient/stripe`") end
    )

    it(
      "has the tenant's name in the procedures",
      function() has(write()[PAGE], "kubectl logs -l tenant=newclient -f --tail=100") end
    )

    it("has today's date", function() has(write()[PAGE], "**Onboarding Date:** 2026-02-11") end)

    it("keeps the date of the first run", function()
      local old = "- **Onboarding Date:** 2025-12-24\n"
      has(write({ [PAGE] = old })[PAGE], old)
    end)

    it("does not change when it is written again", function()
      local first = write()
      assert.equal(first[PAGE], write(first)[PAGE])
    end)
  end)

  describe("the inventory", function()
    local OTHERS = "# Tenant inventory\n\n## abc (TIDLT-100001)\n- **Status:** Active\n"

    it("is created", function() has(write()[INVENTORY], "# Tenant inventory\n\n## newclient (TIDLT-100008)") end)

    it("gets a section at its end", function()
      local text = write({ [INVENTORY] = OTHERS })[INVENTORY]
      assert.equal(OTHERS .. "\n", text:sub(1, #OTHERS + 1))
      has(text, "## newclient (TIDLT-100008)\n- **Status:** Active\n")
    end)

    it("replaces only the tenant's own section", function()
      local last = "\n## xyz (TIDLT-100009)\n- **Status:** Active\n"
      local text = write({ [INVENTORY] = OTHERS .. "\n## newclient (TIDLT-100008)\nold\n" .. last })[INVENTORY]
      has(text, OTHERS)
      has(text, last)
      assert.is_nil(text:find("\nold\n", 1, true))
    end)

    it("does not change when it is written again", function()
      local first = write { [INVENTORY] = OTHERS }
      assert.equal(first[INVENTORY], write(first)[INVENTORY])
    end)

    it(
      "has the tenant's notes",
      function() has(write(nil, { notes = "Pilot" })[INVENTORY], "**Special Notes:** Pilot") end
    )
  end)
end)

local helm_values = require "o2x.client.helm.values"
local raised = require "tests.support.raised"
local stdlib = require "tests.support.stdlib"

local BILLING = "core/helm_values/newclient/service-billing.yaml"

describe("stdlib.values", function()
  local tenant = stdlib.tenant "newclient"

  -- Writes the values files over a tree. -> the tree
  local function write(tree, params, changes)
    local std = stdlib.new()
    for path, text in pairs(tree) do
      std.tree[path] = text
    end
    std.require("values").write(stdlib.tenant("newclient", changes), params or {})
    return std.tree
  end

  local function get(tree, key, path) return helm_values.parse(tree[path or BILLING], "x"):get(key) end

  describe("from the catalogue", function()
    it("writes a file per service", function()
      local count = 0
      for _ in pairs(write {}) do
        count = count + 1
      end
      assert.equal(16, count)
    end)

    it("fills in the tenant's names", function()
      local tree = write {}
      assert.equal("newclient-service-billing", get(tree, "fullnameOverride"))
      assert.equal("TIDLT-100008", get(tree, "app.tenantId"))
      assert.matches("/coredb%-newclient%?", get(tree, "app.postgres.url"))
    end)

    it("takes replicas and resources from the catalogue", function()
      local tree = write {}
      assert.equal(2, get(tree, "replicaCount"))
      assert.equal("4Gi", get(tree, "resources.limits.memory"))
    end)

    it("points a gateway to the licence in Vault", function()
      local path = get(write {}, "app.license.vault.path", "tax-gateway/helm_values/newclient/tax-gateway.yaml")
      assert.equal("tenant/newclient/production", path)
    end)

    it("prefers a pin to the image parameter, and that to the tenant's image", function()
      local changes = { image = "v1", pins = { ["service-billing"] = "v3" } }
      assert.equal("v3", get(write({}, { image = "v2" }, changes), "image.tag"))
      changes.pins = {}
      assert.equal("v2", get(write({}, { image = "v2" }, changes), "image.tag"))
      assert.equal("v1", get(write({}, {}, changes), "image.tag"))
    end)
  end)

  describe("an existing file", function()
    it("keeps what its operators wrote", function()
      local text = "# ours\nfullnameOverride: newclient-service-billing\nreplicaCount: 7\n"
      assert.equal(text, write({ [BILLING] = text })[BILLING])
    end)

    it(
      "gets the tenant's identity corrected",
      function()
        assert.equal(
          "newclient-service-billing",
          get(write { [BILLING] = "fullnameOverride: other\n" }, "fullnameOverride")
        )
      end
    )
  end)

  describe("from another tenant", function()
    -- The tree of urbanos with this file for service-billing, and empty files for the rest.
    local function copy(text)
      local std = stdlib.new()
      local naming = std.require "naming"
      local tree = { ["tenants/urbanos.yaml"] = "", ["tenants/urbanos-sbx.yaml"] = "" }
      for _, name in ipairs(std.require("catalogue").names()) do
        tree[naming.values_file("urbanos", name)] = "app:\n  tenantId: TIDLT-100005\n"
      end
      tree["core/helm_values/urbanos/service-billing.yaml"] = text
      return write(tree, { from = "urbanos" })
    end

    it("replaces name and id, and keeps the rest", function()
      local tree = copy "app:\n  tenantId: TIDLT-100005\n  # kept\n  url: http://urbanos-x\n"
      assert.matches("tenantId: TIDLT%-100008\n  # kept\n  url: http://newclient%-x\n", tree[BILLING])
    end)

    it("keeps the names of other tenants", function()
      local tree = copy "app:\n  tenantId: TIDLT-100005\n  url: http://urbanos-sbx-x\n"
      assert.matches("http://urbanos%-sbx%-x", tree[BILLING])
    end)

    it("drops a decrypt key", function()
      local tree = copy "app:\n  tenantId: TIDLT-100005\n  license:\n    decryptKey: key\n    other: 1\n"
      assert.is_nil(tree[BILLING]:find "decryptKey")
    end)

    it(
      "fails if the other tenant's file has no id",
      function() assert.matches("has no app.tenantId", raised(copy, "app: {}\n").message) end
    )

    it(
      "fails if the other tenant lacks a file",
      function() assert.matches("urbanos has no core/helm_values", raised(write, {}, { from = "urbanos" }).message) end
    )
  end)

  describe("revert", function()
    local function revert(text, after, before)
      local std = stdlib.new()
      std.tree[BILLING] = text
      std.require("values").revert(tenant, "service-billing", after, before)
      return std.tree[BILLING]
    end

    it("sets a changed value back and keeps the rest", function()
      local text = revert("image: {tag: v2} # ours\nextra: 1\n", { image = { tag = "v2" } }, { image = { tag = "v1" } })
      assert.equal("v1", helm_values.parse(text, "x"):get "image.tag")
      assert.matches("# ours\nextra: 1\n", text)
    end)

    it(
      "removes an added value",
      function() assert.equal("a: 1\n", revert("a: 1\nb: 2\n", { a = 1, b = 2 }, { a = 1 })) end
    )

    it(
      "adds a removed value",
      function() assert.equal(2, helm_values.parse(revert("a: 1\n", { a = 1 }, { a = 1, b = 2 }), "x"):get "b") end
    )

    it("compares the items of a list by name", function()
      local function env(value) return { env = { { name = "A", value = value }, { name = "B", value = "same" } } } end
      local text = "env:\n- name: B\n  value: ours\n- name: A\n  value: new\n"
      assert.equal((text:gsub("new", "old")), revert(text, env "new", env "old"))
    end)

    it("leaves a missing file alone", function()
      local std = stdlib.new()
      std.require("values").revert(tenant, "service-billing", { a = 1 }, { a = 2 })
      assert.same({}, std.tree)
    end)
  end)
end)

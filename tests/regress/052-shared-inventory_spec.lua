-- The inventory of all tenants was a file like any other: a run for one tenant could drop another's section.

local files = require "o2x.effects.files"
local fs = require "o2x.base.fs"
local raised = require "tests.support.raised"
local small_run = require "tests.support.small_run"
local stdlib = require "tests.support.stdlib"

local INVENTORY <const> = "docs/TENANT_INVENTORY.md"

describe("the inventory", function()
  it("loses no other tenant's section", function()
    local tree <close> = setmetatable({ path = fs.temp_folder() }, { __close = function(t) fs.remove_tree(t.path) end })
    fs.mkdir(fs.join(tree.path, "docs"))
    local path = fs.join(tree.path, INVENTORY)
    local text = fs.read("examples/platform/" .. INVENTORY)
    fs.write(path, text)
    for _, mode in ipairs { "plan", "apply" } do
      local scope = stdlib.new().require("platform").grants(stdlib.tenant "newclient")
      local run = small_run.new {
        mode = mode,
        scope = scope,
        config = { platform = tree.path },
        clients = {},
        modules = { files },
      }
      for _, after in ipairs {
        "# Tenant inventory\n\n## newclient (TIDLT-100008)\n",
        (text:gsub("## demo", "## newclient", 1)),
        (text:gsub("Active", "Closed", 1)),
      } do
        local problem = raised(run.api.files.ensure, INVENTORY, after)
        assert.equal("refused", problem.kind)
        assert.matches("is shared by all tenants", problem.message, 1, true)
      end
      assert.equal("refused", raised(run.api.files.remove, INVENTORY).kind)
      assert.equal(text, fs.read(path))
      assert.equal("created", run.api.files.ensure(INVENTORY, text .. "\n## newclient (TIDLT-100008)\n- new\n"))
    end
  end)
end)

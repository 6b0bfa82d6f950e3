-- A run read the inventory of all tenants, added its entry and wrote the whole text. Of 32 runs at a time, some wrote
-- over the entries of the others, or were refused because the others had written.

local files = require "o2x.effects.files"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local small_run = require "tests.support.small_run"

local INVENTORY <const> = "docs/TENANT_INVENTORY.md"

local function run_of(tree, name)
  return small_run.new {
    scope = {
      files = { read = { "docs/" }, write = { INVENTORY }, sections = { [INVENTORY] = ("## %s ("):format(name) } },
    },
    config = { platform = tree },
    clients = {},
    modules = { files },
  }
end

describe("an entry of a shared file", function()
  it("is not lost to a run that read the file earlier", function()
    local tree <close> = folder { [INVENTORY] = "# All\n" }
    local first, second = run_of(tree.path, "a"), run_of(tree.path, "b")
    local seen = { first.api.files.read(INVENTORY), second.api.files.read(INVENTORY) }
    first.api.files.ensure(INVENTORY, seen[1] .. "\n## a (1)\n- one\n")
    second.api.files.ensure(INVENTORY, seen[2] .. "\n## b (2)\n- two\n")
    assert.equal("# All\n\n## a (1)\n- one\n\n## b (2)\n- two\n", fs.read(tree:at(INVENTORY)))
  end)
end)

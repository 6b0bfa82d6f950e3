-- A run saw that the shared inventory was missing, and wrote its text. Another run had made the file in between: the
-- first was refused for the other's entry, which it had not touched.

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

describe("an entry of a shared file that was missing", function()
  it("goes beside the entry of a run that made the file first", function()
    local tree <close> = folder {}
    fs.mkdir(tree:at "docs")
    local first, second = run_of(tree.path, "a"), run_of(tree.path, "b")
    assert.same({ false, false }, { first.api.files.exists(INVENTORY), second.api.files.exists(INVENTORY) })
    first.api.files.ensure(INVENTORY, "# All\n\n## a (1)\n- one\n")
    second.api.files.ensure(INVENTORY, "# All\n\n## b (2)\n- two\n")
    assert.equal("# All\n\n## a (1)\n- one\n\n## b (2)\n- two\n", fs.read(tree:at(INVENTORY)))
  end)

  it("is still refused when it is another's", function()
    local tree <close> = folder {}
    fs.mkdir(tree:at "docs")
    local run = run_of(tree.path, "a")
    run.api.files.exists(INVENTORY)
    assert.error_matches(function() run.api.files.ensure(INVENTORY, "# All\n\n## b (2)\n- two\n") end, "shared by all")
    assert.is_false(fs.exists(tree:at(INVENTORY)))
  end)
end)

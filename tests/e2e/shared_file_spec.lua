-- A file of the platform tree that all tenants share: many runs at once, from two run stores. All keep their entries.

local checkouts = require "tests.support.checkout"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"

local RUNS <const> = 32
local INVENTORY <const> = "docs/LIST.md"

describe("a file that all tenants share", function()
  local toy, path
  before_each(function()
    toy = checkouts.toy()
    path = toy.project .. "/platform/" .. INVENTORY
    for i = 1, RUNS do
      toy:write(("platform/tenants/t%d.yaml"):format(i), "company: One\n")
    end
  end)
  after_each(function() toy:__close() end)

  -- Starts a run for each tenant at once, from two run stores; waits for all.
  local function all_at_once(note)
    local children = {}
    for i = 1, RUNS do
      local state = ("%s/state-%d"):format(toy.dir, i % 2)
      children[i] = toy:start({ "run", "enter", "t" .. i, "note=" .. note }, { O2X_STATE = state }, toy.dir .. "/said")
    end
    for i = 1, RUNS do
      assert.equal(0, (proc.wait(children[i], 120)), fs.read(toy.dir .. "/said"))
      children[i]:close()
    end
  end

  it(("has the entries of %d runs that went on at the same time"):format(RUNS), function()
    all_at_once "first"
    local text = fs.read(path)
    for i = 1, RUNS do
      assert.truthy(text:find(("\n\n## t%d (1)\nfirst\n"):format(i), 1, true), text)
    end
    fs.chmod(path, tonumber("664", 8))
    fs.write(path, text .. "\n## by hand (0)\n- stays\n")
    all_at_once "second"
    text = fs.read(path)
    local _, entries = text:gsub("\n## ", "")
    local _, second = text:gsub("\nsecond\n", "")
    assert.same({ RUNS + 1, RUNS }, { entries, second }, text)
    assert.truthy(text:find("## by hand (0)\n- stays\n", 1, true))
    assert.equal(tonumber("664", 8), fs.stat(path).mode)
    assert.same({ "LIST.md" }, fs.list(fs.folder(path)))
  end)
end)

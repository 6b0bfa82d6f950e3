-- A file of the platform tree that all tenants share: many runs at once, from two run stores. All keep their entries.

local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local toys = require "tests.support.toy"

local RUNS <const> = 32
local INVENTORY <const> = "docs/INVENTORY.md"

local PLATFORM <const> = [[
local M = {}

function M.load(name, platform, spec)
  return { name = name, id = spec.id, company = spec.company, domain = name .. "." .. platform.domain }
end

function M.grants(tenant)
  return {
    files = {
      read = { "docs/" },
      write = { "docs/INVENTORY.md" },
      sections = { ["docs/INVENTORY.md"] = ("## %s ("):format(tenant.name) },
    },
  }
end

return M
]]

local RUNBOOK <const> = [[
local files = require "o2x.files"
return require "o2x.runbook" {
  name = "enter", version = "1.0.0", api = 1, summary = "A test", effects = { "files:write" },
  params = { note = { "string", default = "new", help = "a note" } },
  run = function(tenant, params)
    local path = "docs/INVENTORY.md"
    local text = files.exists(path) and files.read(path) or "# All\n"
    local own = ("## %s (1)"):format(tenant.name)
    if text:find(own, 1, true) then
      text = text:gsub("## " .. tenant.name .. " .1.\n[^\n]*\n", own .. "\n- " .. params.note .. "\n")
    else
      text = text .. "\n" .. own .. "\n- " .. params.note .. "\n"
    end
    step("enter", function() files.ensure(path, text) end)
  end,
}
]]

describe("a file that all tenants share", function()
  local toy, path
  before_each(function()
    toy = toys.new()
    toy:write("stdlib/platform.lua", PLATFORM)
    toy:write("runbooks/enter.lua", RUNBOOK)
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
      assert.truthy(text:find(("\n\n## t%d (1)\n- first\n"):format(i), 1, true), text)
    end
    fs.chmod(path, tonumber("664", 8))
    fs.write(path, text .. "\n## by hand (0)\n- stays\n")
    all_at_once "second"
    text = fs.read(path)
    local _, entries = text:gsub("\n## ", "")
    local _, second = text:gsub("\n%- second\n", "")
    assert.same({ RUNS + 1, RUNS }, { entries, second }, text)
    assert.truthy(text:find("## by hand (0)\n- stays\n", 1, true))
    assert.equal(tonumber("664", 8), fs.stat(path).mode)
    assert.same({ "INVENTORY.md" }, fs.list(fs.folder(path)))
  end)
end)

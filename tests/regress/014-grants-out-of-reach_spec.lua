-- The grants were computed by modules that the runbook shared: it changed stdlib.naming, set tenant.id, and was granted
-- the keys and files of another tenant.

local fs = require "o2x.base.fs"
local toys = require "tests.support.toy"

local NAMES <const> = [[
local M = {}
function M.folder(tenant) return tenant.name .. "/" end
return M
]]

describe("what decides about grants", function()
  local toy
  before_each(function()
    toy = toys.new()
    local path = toy.project .. "/stdlib/platform.lua"
    local text = fs.read(path)
    text = text:gsub("\nlocal M = ", '\nlocal names = require "stdlib.names"%0', 1)
    text = text:gsub("read = { tenant.name }", "read = { names.folder(tenant) }", 1)
    fs.write(path, text)
    fs.write(toy.project .. "/stdlib/names.lua", NAMES)
    for _, name in ipairs { "alpha", "beta" } do
      fs.write(("%s/platform/%s/note.txt"):format(toy.project, name), "of " .. name, { parents = true })
    end
  end)
  after_each(function() toy:__close() end)

  local function reads(name, reach)
    toy:runbook(
      "grab",
      ([[
    %s
    tenant.id = "N-9"
    log("read: " .. require("o2x.files").read("%s/note.txt"))]]):format(reach, name)
    )
    return toy:o2x { "run", "grab", "alpha" }
  end

  for _, reach in ipairs {
    [[pcall(function() require("stdlib.names").folder = function() return "beta/" end end)]],
    [[pcall(function()
      require("stdlib.platform").grants = function() return { files = { read = { "beta/" }, write = {} } } end
    end)]],
    [[pcall(function() setmetatable(require "stdlib.names", { __index = { folder = "beta/" } }) end)]],
    [[pcall(function() for k in pairs(require "stdlib.names") do require("stdlib.names")[k] = tostring end end)]],
  } do
    it("is not what the runbook may change: " .. reach:sub(1, 60), function()
      local result = reads("beta", reach)
      assert.equal(3, result.code, result.stderr)
      assert.matches("beta/note.txt", result.stderr)
      assert.is_nil((result.stdout .. result.stderr):find("of beta", 1, true))
      result = reads("alpha", reach)
      assert.equal(0, result.code, result.stderr)
      assert.matches("read: of alpha", result.stdout .. result.stderr)
    end)
  end
end)

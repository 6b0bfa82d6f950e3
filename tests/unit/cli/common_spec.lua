local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local folder = require "tests.support.folder"

describe("common.load_project", function()
  it("takes configuration from the command line", function()
    local here <close> = folder { ["runbooks/x.lua"] = "" }
    local project, config = common.load_project({ set = { "pg.host=db.example.com" } }, here:at "runbooks/x.lua")
    assert.equal(here.path, project.root)
    assert.equal("db.example.com", config.pg.host)
  end)

  it("wants KEY=VALUE", function()
    local ok, err = pcall(common.load_project, { set = { "pg.host" } })
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches("pg.host", err.message)
  end)
end)

describe("common.interruptible", function()
  it("gives the results, and raises the error, of what it runs", function()
    assert.same({ 1, 2 }, { common.interruptible(function() return 1, 2 end) })
    local ok, err = pcall(common.interruptible, errors.input, "bad")
    assert.is_false(ok)
    assert.equal("bad", err.message)
  end)
end)

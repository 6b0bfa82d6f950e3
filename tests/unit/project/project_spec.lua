local folder = require "tests.support.folder"
local project = require "o2x.project.project"

describe("project.find", function()
  local place
  local FILES <const> = { ["mine/runbooks/deploy.lua"] = "", ["mine/stdlib/x.lua"] = "" }
  before_each(function() place = folder(FILES) end)
  after_each(function() place:close() end)

  it("finds the project of a runbook's path", function()
    local found = project.find(place:at "mine/runbooks/deploy.lua")
    assert.equal(place:at "mine", found.root)
    assert.equal(place:at "mine/runbooks", found.runbooks)
    assert.equal(place:at "mine/stdlib", found.stdlib)
    assert.equal(place:at "mine/.o2x/runs", found.state)
    assert.is_nil(found.yaml)
  end)

  it(
    "takes the current folder's project for a bare name",
    function() assert.equal(require("o2x.base.fs").cwd(), project.find("deploy").root) end
  )
end)

describe("project.at", function()
  local place
  local FILES <const> = { ["mine/o2x.yaml"] = "", ["share/runbooks/a.lua"] = "", ["share/stdlib/a.lua"] = "" }
  before_each(function() place = folder(FILES) end)
  after_each(function() place:close() end)

  it(
    "knows the project's configuration file",
    function() assert.equal(place:at "mine/o2x.yaml", project.at(place:at "mine").yaml) end
  )

  it("takes what the project lacks from the installed program", function()
    local found = project.at(place:at "mine", place:at "share")
    assert.equal(place:at "share/runbooks", found.runbooks)
    assert.equal(place:at "share/stdlib", found.stdlib)
    assert.equal(place:at "mine/.o2x/runs", found.state)
  end)
end)

local folder = require "tests.support.folder"
local runbooks = require "o2x.script.runbook"
local sandbox = require "o2x.script.sandbox"

describe("a runbook", function()
  local place
  before_each(function() place = folder() end)
  after_each(function() place:close() end)

  -- Loads a runbook of this declaration from a file of that name.
  local function load(fields, name)
    local path = place:write(
      ("runbooks/%s.lua"):format(name or "deploy"),
      'return require "o2x.runbook" {\n' .. table.concat(fields, ",\n") .. "\n}"
    )
    local box = sandbox.new { root = place.path, runbooks = place:at "runbooks", stdlib = place:at "stdlib" }
    return runbooks.load(box, path), box
  end

  -- The fields of a right declaration with some replaced.
  local function fields(changes)
    local list = {}
    local all = { name = '"deploy"', version = '"1.0.0"', api = "1", summary = '"s"', run = "function() end" }
    for field, text in pairs(changes or {}) do
      all[field] = text or nil
    end
    for _, field in ipairs { "name", "version", "api", "summary", "run", "params", "effects", "severe", "rnu" } do
      if all[field] then list[#list + 1] = field .. " = " .. all[field] end
    end
    return list
  end

  local function refused(where, message, changes, name)
    local ok, err = pcall(load, fields(changes), name)
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches(message, err.message)
    assert.equal(where, err.where)
  end

  it("is loaded with parameters and effects always there", function()
    local runbook, box = load(fields())
    assert.same({ {}, {}, "runbooks/deploy.lua" }, { runbook.params, runbook.effects, runbook.path })
    assert.equal(runbook, box.runbooks[1])
  end)

  it("is what it was when it was checked", function()
    local path = place:write(
      "runbooks/deploy.lua",
      [[local effects, room = {}, { "integer", default = 1 }
      local declared = require "o2x.runbook" {
        name = "deploy", version = "1.0.0", api = 1, summary = "s", effects = effects, params = { room = room },
        run = function() effects[1], room.default = "vault:write", {} end,
      }
      return declared]]
    )
    local box = sandbox.new { root = place.path, runbooks = place:at "runbooks", stdlib = place:at "stdlib" }
    local loaded = runbooks.load(box, path)
    loaded.run()
    assert.same({ {}, { "integer", default = 1 } }, { loaded.effects, loaded.params.room })
  end)

  it("has no metatable that could answer otherwise the next time", function()
    local answers = "setmetatable({}, { __index = function() return 'pg:write' end })"
    refused("runbooks/deploy.lua", "effects: the table has a metatable", { effects = answers })
    refused("runbooks/deploy.lua", "params: the table has a metatable", { params = answers })
    refused(
      "runbooks/deploy.lua",
      "params.room: the table has a metatable",
      { params = "{ room = " .. answers .. " }" }
    )
  end)

  it("may have an older version beside it", function()
    assert.equal("1.2.3", load(fields { version = '"1.2.3"' }, "deploy@1").version)
    assert.equal("1.2.3", load(fields { version = '"1.2.3"' }, "deploy@1.2").version)
    refused("runbooks/deploy@2.lua:3", "1.2.3.*deploy@2.lua", { version = '"1.2.3"' }, "deploy@2")
  end)

  it("has the name of its file", function() refused("runbooks/other.lua:2", '"deploy".*other.lua', {}, "other") end)

  it("has three numbers as its version", function()
    for _, version in ipairs { "1.0", "v1.0.0", "1.0.0-beta" } do
      refused("runbooks/deploy.lua:3", "version", { version = ("%q"):format(version) })
    end
  end)

  it("is written for this api", function() refused("runbooks/deploy.lua:4", "api", { api = "2" }) end)

  it("has no other fields, none of another type, and none missing", function()
    refused("runbooks/deploy.lua:7", 'unknown field "rnu"; did you mean run', { rnu = "1" })
    refused("runbooks/deploy.lua:7", "severe: .*boolean", { severe = '"yes"' })
    refused("runbooks/deploy.lua", '"summary"', { summary = false })
  end)

  it("declares parameters and effects that there are", function()
    refused("runbooks/deploy.lua:7", "params.n", { params = '{ n = { "int" } }' })
    refused("runbooks/deploy.lua:7", "pg:wriet.*pg:write", { effects = '{ "pg:wriet" }' })
  end)

  it("is a table", function()
    local path = place:write("runbooks/deploy.lua", "return 7")
    local box = sandbox.new { root = place.path, runbooks = place:at "runbooks", stdlib = place:at "stdlib" }
    assert.is_false((pcall(runbooks.load, box, path)))
  end)
end)

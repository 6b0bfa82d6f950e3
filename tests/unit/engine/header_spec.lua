local fs = require "o2x.base.fs"
local header = require "o2x.engine.header"
local program = require "o2x.core.program"
local crypto = require "o2x.base.crypto"

describe("the header of a run", function()
  local folder
  before_each(function() folder = fs.temp_folder "/tmp/o2x-header-" end)
  after_each(function() fs.remove_tree(folder) end)

  local function written(name, text)
    fs.write(fs.join(folder, name), text, { parents = true })
    return crypto.sha256(text)
  end

  it("tells which scripts, files and programs are no longer the same", function()
    local past = {
      root = folder,
      o2x = program.version,
      library = {
        ["runbooks/a.lua"] = written("runbooks/a.lua", "return 1"),
        ["stdlib/b.lua"] = written("stdlib/b.lua", ""),
      },
      inputs = { [fs.join(folder, "t.yaml")] = written("t.yaml", "name: t\n") },
    }
    assert.same({}, header.changed(past))
    fs.write(fs.join(folder, "stdlib/b.lua"), "-- more")
    fs.remove(fs.join(folder, "t.yaml"))
    past.o2x = "0.0.1"
    assert.same(
      { ("o2x (0.0.1, now %s)"):format(program.version), fs.join(folder, "t.yaml"), "stdlib/b.lua" },
      header.changed(past)
    )
  end)
end)

local fs = require "o2x.base.fs"
local programs = require "o2x.client.pg.programs"
local raised = require "tests.support.raised"

describe("client.pg.programs", function()
  local folder
  setup(function()
    folder = fs.temp_folder "/tmp/o2x-programs-"
    for _, version in ipairs { "97", "98", "99" } do
      local bin = fs.join(folder, version .. "/bin")
      fs.mkdir(fs.join(folder, version))
      fs.mkdir(bin)
      fs.write(fs.join(bin, "pg_dump"), "#!/bin/sh\necho nobody runs it\n", { mode = tonumber("755", 8) })
    end
    fs.mkdir(fs.join(folder, "lost+found"))
  end)
  teardown(function() fs.remove_tree(folder) end)

  it("takes the one on PATH where it is new enough", function()
    local found = assert(programs.find(9, folder))
    assert.equal("pg_dump", found.path)
    assert.is_true(found.version >= 15)
  end)

  it("takes the oldest that is new enough of those beside each other", function()
    assert.same({ path = folder .. "/98/bin/pg_dump", version = 98 }, programs.find(98, folder))
    assert.equal(97, programs.find(90, folder).version)
  end)

  it("says the newest where all are too old, and how to get the right one", function()
    local found, newest = programs.find(100, folder)
    assert.is_nil(found)
    assert.equal(99, newest.version)
    local message, hint = programs.problem(100, newest)
    assert.equal("pg_dump 99 is older than the server, 100: it refuses to dump it", message)
    assert.equal("apt-get install postgresql-client-100", hint)
  end)

  it("raises where none will do", function()
    local problem = raised(programs.need, 1000)
    assert.matches("pg_dump %d+ is older than the server, 1000", problem.message)
    assert.equal("apt-get install postgresql-client-1000", problem.hint)
  end)
end)

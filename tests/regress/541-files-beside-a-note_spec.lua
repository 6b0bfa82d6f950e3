-- A backup writes the archive's note first. A file that somebody else had made under the archive's name meanwhile was
-- taken for the archive, because the note beside it was the run's own: the run was done, and there was no backup. The
-- file must be what the note says, now.

local archive_file = require "o2x.effects.archive.file"
local crypto = require "o2x.base.crypto"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local raised = require "tests.support.raised"

describe("an archive's file", function()
  local folder, path
  before_each(function()
    folder = fs.temp_folder()
    path = folder .. "/a.dump"
    local note = { format = "o2x archive 1", database = "d", run = "R-1", tables = {}, bytes = 7 }
    note.sha256 = crypto.sha256 "archive"
    fs.write(path .. ".json", json.encode(note))
  end)
  after_each(function() fs.remove_tree(folder) end)

  local function read() return archive_file.file.read({ run_id = "R-1" }, { path = path, database = "d" }) end

  it("is the run's own if it is what the note says", function()
    assert.is_nil(read())
    fs.write(path, "archive")
    assert.equal("R-1", read().run)
  end)

  for what, text in pairs { ["of another size"] = "theirs and longer", ["of the same size"] = "theirs!" } do
    it("is somebody else's if it is another one " .. what, function()
      fs.write(path, text)
      local err = raised(read)
      assert.equal("conflict", err.kind)
      assert.matches("the file already exists", err.message)
    end)
  end
end)

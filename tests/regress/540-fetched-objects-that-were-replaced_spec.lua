-- An object of S3 that somebody replaced while it was fetched was taken for the one that the run had seen: a file of
-- the run's own may be cut short, so the value that was read back was not compared. Its size is, now.

local api = require "tests.support.api"
local fs = require "o2x.base.fs"
local raised = require "tests.support.raised"

describe("an object that is fetched", function()
  local folder
  before_each(function()
    folder = fs.temp_folder()
    fs.mkdir(folder .. "/R-1")
  end)
  after_each(function() fs.remove_tree(folder) end)

  -- Fetches an object that had one text when it was looked at, and another one when it came.
  local function fetch(seen, came)
    local store = {
      head = function(_, _, key)
        return key == "T-1/x.dump" and { size = #seen, metadata = {}, modified = "then" } or nil
      end,
      get_file = function(_, _, _, path) fs.write(path, came) end,
    }
    local s3 =
      api("s3", { clients = { ["aws.s3"] = store }, scope = { s3 = { "data/T-1/" } }, config = { state = folder } })
    return s3.fetch "s3://data/T-1/x.dump"
  end

  it("is refused if another one came, and nothing of it stays", function()
    local err = raised(fetch, "seen", "another one")
    assert.equal("conflict", err.kind)
    assert.matches("replaced while it was fetched: 11 bytes came, not 4", err.message)
    assert.is_false(fs.exists(folder .. "/R-1/s3.dump"))
  end)

  it("is there if it came as it was seen", function() assert.equal("seen", fs.read(fetch("seen", "seen"))) end)
end)

local archive = require "o2x.client.pg.archive"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"

describe("an archive", function()
  local place
  before_each(function() place = folder { ["broken.dump"] = "PGDMP and nothing after it", ["text"] = "abc" } end)
  after_each(function() place:close() end)

  local function refused(fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    return err
  end

  it("that is damaged is bad input, with its path", function()
    for _, read in ipairs { archive.header, archive.contents } do
      local err = refused(read, place:at "broken.dump")
      assert.equal("input", err.kind)
      assert.equal(place:at "broken.dump", err.where)
      assert.matches("damaged", err.message)
    end
  end)

  it(
    "that is missing is bad input as well",
    function() assert.equal("input", refused(archive.header, place:at "nosuch.dump").kind) end
  )

  it("of a server that is not there says so, and is for its owner only", function()
    local options = { host = "127.0.0.1", port = 1, user = "admin", dbname = "x" }
    local err = refused(archive.dump, options, place:at "new.dump")
    assert.equal("unreachable", err.kind)
    assert.matches("^pg_dump: ", err.message)
    assert.is_true(fs.private(place:at "new.dump"))
  end)
end)

describe("archive.sha256", function()
  it("is that of the file", function()
    local place <close> = folder { ["a b"] = "abc" }
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", archive.sha256(place:at "a b"))
  end)

  it("fails for a file that is not there", function()
    local ok, err = pcall(archive.sha256, "/nosuch")
    assert.is_false(ok)
    assert.equal("/nosuch", err.where)
  end)
end)

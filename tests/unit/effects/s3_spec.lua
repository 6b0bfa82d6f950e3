local api = require "tests.support.api"
local crypto = require "o2x.base.crypto"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"

local SCOPE <const> = { s3 = { "data/T-1/" } }

-- A store of these objects: "bucket/key" → { text, metadata }
local function store(objects)
  return {
    head = function(_, bucket, key)
      local found = objects[bucket .. "/" .. key]
      return found and { size = #found.text, metadata = found.metadata or {}, modified = "then" }
    end,
    put_file = function(_, bucket, key, path, _, metadata)
      objects[bucket .. "/" .. key] = { text = fs.read(path), metadata = metadata }
    end,
    get_file = function(_, bucket, key, path) fs.write(path, objects[bucket .. "/" .. key].text) end,
    delete = function(_, bucket, key) objects[bucket .. "/" .. key] = nil end,
    list = function(_, bucket, prefix)
      local list = {}
      for name, found in pairs(objects) do
        local key = name:match("^" .. bucket .. "/(.*)$")
        if key and key:sub(1, #prefix) == prefix then
          list[#list + 1] = { key = key, size = #found.text, modified = "then" }
        end
      end
      return list
    end,
  }
end

describe("o2x.s3", function()
  local place
  before_each(
    function() place = folder { ["a.dump"] = "the contents", ["a.dump.json"] = "{}", ["runs/R-1/.keep"] = "" } end
  )
  after_each(function() place:close() end)

  local function open(objects)
    return api("s3", { clients = { s3 = store(objects) }, scope = SCOPE, config = { state = place:at "runs" } })
  end

  local function made() return { path = place:at "a.dump", sha256 = crypto.sha256 "the contents", bytes = 12 } end

  it("sends an archive with its note, and reads it back", function()
    local objects = {}
    local s3, ctx = open(objects)
    s3.upload(made(), "s3://data/T-1/a.dump")
    assert.equal("the contents", objects["data/T-1/a.dump"].text)
    assert.equal("{}", objects["data/T-1/a.dump.json"].text)
    assert.equal("R-1", objects["data/T-1/a.dump"].metadata["o2x-run"])
    assert.same({ "created s3://data/T-1/a.dump" }, ctx.done)
    assert.is_false(fs.exists(place:at "a.dump.back"))
  end)

  it("does not trust an upload that reads back otherwise", function()
    local objects = {}
    local archive = made()
    archive.sha256 = crypto.sha256 "other"
    local ok, err = pcall((open(objects)).upload, archive, "s3://data/T-1/a.dump")
    assert.is_false(ok)
    assert.equal("failed", err.kind)
  end)

  it("never writes over an object of somebody else", function()
    local objects = { ["data/T-1/a.dump"] = { text = "old" } }
    local ok, err = pcall((open(objects)).upload, made(), "s3://data/T-1/a.dump")
    assert.is_false(ok)
    assert.equal("conflict", err.kind)
    assert.equal("old", objects["data/T-1/a.dump"].text)
  end)

  it("stays below the tenant's prefix", function()
    for url, kind in pairs {
      ["s3://data/T-2/a.dump"] = "refused",
      ["s3://data/T-1/../T-2/a.dump"] = "refused",
      ["s3://other/T-1/a.dump"] = "refused",
      ["s3://data/T-1/"] = "input",
      ["s3://data/a//x"] = "input",
      ["https://data/T-1/a"] = "input",
    } do
      local ok, err = pcall((open {}).check, url)
      assert.is_false(ok, url)
      assert.equal(kind, err.kind, url)
    end
    open({}).check "s3://data/T-1/a.dump"
  end)

  it("fetches an archive into the run's own folder, and removes it again", function()
    local s3 = open { ["data/T-1/a.dump"] = { text = "the contents" }, ["data/T-1/a.dump.json"] = { text = "{}" } }
    local path = s3.fetch "s3://data/T-1/a.dump"
    assert.equal(place:at "runs/R-1/s3.dump", path)
    assert.equal("the contents", fs.read(path))
    assert.equal("{}", fs.read(path .. ".json"))
    s3.drop_own()
    assert.is_false(fs.exists(path))
    assert.is_false(fs.exists(path .. ".json"))
  end)

  it("says that the object does not exist", function()
    local ok, err = pcall((open {}).fetch, "s3://data/T-1/nosuch.dump")
    assert.is_false(ok)
    assert.equal("input", err.kind)
  end)

  it("lists the tenant's objects of an ending", function()
    local s3 = open {
      ["data/T-1/a.dump"] = { text = "x" },
      ["data/T-1/a.dump.json"] = { text = "{}" },
      ["data/T-2/b.dump"] = { text = "x" },
    }
    assert.same({ { url = "s3://data/T-1/a.dump", size = 1, modified = "then" } }, s3.list ".dump")
  end)
end)

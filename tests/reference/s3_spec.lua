-- S3: what o2x uploads is what botocore downloads, and the reverse, whatever the key. moto holds the objects.

local crypto = require "o2x.base.crypto"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local moto = require "tests.support.moto"
local proc = require "o2x.base.proc"
local reference = require "tests.support.reference"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"

local PYTHON <const> = reference.find("aws", "bin/python3")

local KEYS <const> = {
  "plain",
  "with space",
  "plus+sign",
  "\u{fc}mlaut",
  "per%cent",
  "per%20cent",
  "am&p",
  "quote'\"",
  "tilde~",
  "semi;colon=",
  "question?x#y",
  "double//slash",
  "*star(x)!",
  "back\\slash",
  "<angle>",
  "dots/../..",
}

describe("S3", function()
  if not PYTHON then return pending "moto is not there: run vendor/reference aws" end

  local server, place, client, theirs, alike = nil, nil, nil, nil, 0

  setup(function()
    server, place = moto.start(), folder()
    server:create_bucket "bucket"
    client = s3.new {
      endpoint = server.url,
      region = "us-east-1",
      access_key = "AKIAMOTO",
      secret_key = secret.new("secret-of-moto", "moto"),
      pause = 0.01,
    }
    for i, key in ipairs(KEYS) do
      local path = place:write("body" .. i, key)
      client:put_file("bucket", "ours/" .. key, path, crypto.sha256(key), { run = "ours" })
    end
    local result = proc.run {
      argv = { PYTHON, "tests/reference/s3_objects.py", server.url, "bucket" },
      stdin = json.encode(json.array(KEYS)),
      timeout = 120,
    }
    assert.equal(0, result.code, result.stderr)
    theirs = json.decode(result.stdout)
  end)

  teardown(function()
    server:stop()
    place:close()
  end)

  for _, key in ipairs(KEYS) do
    it("has the same object for both: " .. key, function()
      assert.same({ content = key, run = "ours" }, theirs["ours/" .. key])
      local found = client:head("bucket", "theirs/" .. key)
      assert.same({ #key, "theirs" }, { found.size, found.metadata.run })
      client:get_file("bucket", "theirs/" .. key, place:at "got")
      assert.equal(key, fs.read(place:at "got"))
      alike = alike + 1
    end)
  end

  it("lists the same objects, and deletes them", function()
    local listed = {}
    for _, one in ipairs(client:list("bucket", "theirs/")) do
      listed[one.key] = one.size
    end
    for _, key in ipairs(KEYS) do
      assert.equal(#key, listed["theirs/" .. key], key)
      client:delete("bucket", "theirs/" .. key)
      assert.is_nil(client:head("bucket", "theirs/" .. key))
    end
    assert.same({}, client:list("bucket", "theirs/"))
    alike = alike + 1
  end)

  it("is counted", function() print(("s3: %d cases, %d alike, 0 different on purpose"):format(#KEYS + 1, alike)) end)
end)

-- The client of S3 against the lab's own.

local crypto = require "o2x.base.crypto"
local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"

describe("S3", function()
  local lab, client, place

  setup(function()
    lab = small_lab.start { "aws" }
    require("lab.s3").seed(lab, { "backups" })
    client = s3.new {
      region = "us-east-1",
      access_key = lab.env.AWS_ACCESS_KEY_ID,
      secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
      endpoint = lab.env.AWS_ENDPOINT_URL,
      pause = 0.01,
    }
    place = folder { ["a.dump"] = "the contents" }
  end)
  teardown(function()
    place:close()
    lab.stop()
  end)

  local function put(key)
    client:put_file("backups", key, place:at "a.dump", crypto.sha256 "the contents", { tenant = "acme" })
  end

  it("gives a file back as it was, readable by its owner only", function()
    put "T-1/a b.dump"
    client:get_file("backups", "T-1/a b.dump", place:at "back.dump")
    assert.equal("the contents", fs.read(place:at "back.dump"))
    assert.is_true(fs.private(place:at "back.dump"))
    assert.is_false(fs.exists(place:at "back.dump.part"))
  end)

  it("knows an object's size and notes, and one that is not there", function()
    put "T-1/b.dump"
    local found = client:head("backups", "T-1/b.dump")
    assert.equal(12, found.size)
    assert.equal("acme", found.metadata.tenant)
    assert.is_nil(client:head("backups", "T-1/nosuch"))
  end)

  it("lists what is below a prefix", function()
    put "T-2/x.dump"
    put "T-2/y.dump"
    put "T-20/z.dump"
    local keys = {}
    for i, object in ipairs(client:list("backups", "T-2/")) do
      keys[i] = object.key
    end
    assert.same({ "T-2/x.dump", "T-2/y.dump" }, keys)
  end)

  it("deletes an object, and does not mind that it is gone", function()
    put "T-3/x.dump"
    client:delete("backups", "T-3/x.dump")
    client:delete("backups", "T-3/x.dump")
    assert.is_nil(client:head("backups", "T-3/x.dump"))
  end)

  it("takes no upload whose contents are others", function()
    assert.is_false((pcall(client.put_file, client, "backups", "T-4/x", place:at "a.dump", crypto.sha256 "other")))
    assert.is_nil(client:head("backups", "T-4/x"))
  end)

  it("says that a bucket or the keys are wrong", function()
    local ok, err = pcall(client.list, client, "nosuch", "")
    assert.is_false(ok)
    assert.matches("^S3: ", err.message)
    local wrong =
      s3.new { region = "us-east-1", access_key = "AKIA", secret_key = "x", endpoint = lab.env.AWS_ENDPOINT_URL }
    ok, err = pcall(wrong.list, wrong, "backups", "")
    assert.is_false(ok)
    assert.equal("unauthorised", err.kind)
  end)
end)

-- A bucket that is not in the configured region could not be used: S3's answer, which names the region, was an error.

local folder = require "tests.support.folder"
local fs = require "o2x.base.fs"
local httpd = require "lab.httpd"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"

local LIST <const> = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
local WRONG <const> = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>"
  .. "<Region>eu-west-3</Region></Error>"

describe("a bucket of another region", function()
  local server, regions, answer

  setup(function()
    server = httpd.serve {
      handler = function(request)
        local region = request.headers.authorization:match "Credential=[^/]+/%d+/([^/]+)/"
        regions[#regions + 1] = region
        if region ~= "eu-west-3" then return answer(request) end
        return 200, {}, request.method == "GET" and (request.query["list-type"] and LIST or "content") or ""
      end,
    }
  end)
  teardown(function() server:stop() end)

  local function client()
    regions = {}
    return s3.new {
      endpoint = ("http://127.0.0.1:%d"):format(server.port),
      region = "us-east-1",
      access_key = "a",
      secret_key = secret.new("secret-key", "k"),
      pause = 0.001,
    }
  end

  local ANSWERS <const> = {
    ["by a header"] = function() return 301, { ["x-amz-bucket-region"] = "eu-west-3" }, "" end,
    ["by an element"] = function(request) return 400, {}, request.method ~= "HEAD" and WRONG or "" end,
  }

  for how, each in pairs(ANSWERS) do
    it("is asked there, once it is told " .. how, function()
      local place <close> = folder()
      answer = each
      local one = client()
      assert.same({}, one:list("bucket", "a/"))
      one:delete("bucket", "a/b")
      assert.same({ "us-east-1", "eu-west-3", "eu-west-3" }, regions)
      client():get_file("bucket", "a/b", place:at "b")
      assert.equal("content", fs.read(place:at "b"))
      assert.same({ "us-east-1", "eu-west-3" }, regions)
    end)
  end

  it("that is nowhere is refused once", function()
    answer = function() return 301, { ["x-amz-bucket-region"] = "mars-1" }, "" end
    assert.is_false((pcall(function() client():list("bucket", "a/") end)))
    assert.same({ "us-east-1", "mars-1" }, regions)
  end)
end)

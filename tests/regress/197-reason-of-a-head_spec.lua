-- S3 answers HEAD without a body: whatever was wrong with the keys was "HTTP 400, no reason given".

local httpd = require "lab.httpd"
local s3 = require "o2x.client.aws.s3"
local secret = require "o2x.base.secret"

describe("a look at an object that S3 refuses", function()
  it("is refused with S3's reason", function()
    local server = httpd.serve {
      handler = function(request)
        local body = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
        return 400, {}, request.method == "GET" and body or ""
      end,
    }
    local client = s3.new {
      endpoint = ("http://127.0.0.1:%d"):format(server.port),
      region = "us-east-1",
      access_key = "a",
      secret_key = secret.new("secret-key", "k"),
      pause = 0.001,
    }
    local ok, err = pcall(client.head, client, "bucket", "a/b")
    server:stop()
    assert.is_false(ok)
    assert.equal("ExpiredToken", err.code)
    assert.matches("the keys have expired", err.message, 1, true)
  end)
end)

local aws_sources = require "tests.support.aws_sources"
local secret = require "o2x.base.secret"
local sts = require "o2x.client.aws.sts"

describe("STS", function()
  local sources

  setup(function() sources = aws_sources.start() end)
  teardown(function() sources:stop() end)

  local function options(keys)
    return {
      endpoint = sources.url .. "/sts/",
      region = "eu-west-3",
      credentials = keys and { get = function() return keys end },
    }
  end

  local KEYS <const> = { access_key = "AKIABASE", secret_key = secret.new("secret-of-base", "k") }

  it("gives keys of a role", function()
    local role = { arn = "arn:aws:iam::1:role/a", session = "s", external_id = "x y/z", seconds = 900 }
    local keys = sts.assume_role(options(KEYS), role, "a test")
    assert.equal(sources.given[#sources.given], keys.access_key)
    assert.is_true(secret.equal(keys.session_token, "token/of+" .. keys.access_key))
    assert.is_true(keys.expires > 0)
  end)

  it("gives keys for a token, without a signature", function()
    local role = { arn = "arn:aws:iam::1:role/a", session = "s" }
    local token = secret.new("aaa.bbb.ccc-ddd", "token")
    local keys = sts.assume_role_with_web_identity(options(), role, token, "a test")
    assert.equal(sources.given[#sources.given], keys.access_key)
  end)

  it("refuses in one line", function()
    local ok, err = pcall(sts.assume_role, options(KEYS), { arn = "arn:denied", session = "s" }, "a test")
    assert.is_false(ok)
    assert.equal("AWS credentials from a test: STS: not allowed to assume (AccessDenied)", err.message)
    assert.equal("unauthorised", err.kind)
  end)
end)

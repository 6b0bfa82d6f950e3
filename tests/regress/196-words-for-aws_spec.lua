-- A wrong clock and expired keys were answered with "check AWS_ACCESS_KEY_ID and its permissions"; keys that expired in
-- a long run ended it.

local aws = require "o2x.client.aws.support"

local function answer(status, code, message)
  local body = "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>"
  return { status = status, headers = {}, body = body:format(code, message or "no") }
end

local function refusal(code, message, credentials)
  local _, err = pcall(aws.fail, "s3", "S3", "GET", answer(403, code, message), nil, credentials)
  return err
end

local CREDENTIALS <const> = {
  hint = function() return "aws sso login --profile dev" end,
  describe = function() return "the login of profile dev" end,
}

describe("an answer of AWS", function()
  it("about the clock says so", function()
    for _, case in ipairs {
      { "RequestTimeTooSkewed" },
      { "RequestExpired" },
      { "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z" },
      { "SignatureDoesNotMatch", "Signature not yet current: 20260101T000000Z is still later" },
    } do
      local err = refusal(case[1], case[2])
      assert.equal("unauthorised", err.kind)
      assert.matches("this machine's clock and AWS's differ too much", err.message, 1, true)
      assert.matches("timedatectl", err.hint, 1, true)
    end
  end)

  it("about expired keys says how to get others", function()
    local err = refusal("ExpiredToken", "no", CREDENTIALS)
    assert.matches("the keys have expired", err.message, 1, true)
    assert.equal("aws sso login --profile dev", err.hint)
    assert.matches("o2x config explain", refusal("ExpiredTokenException", "no").hint, 1, true)
  end)

  it(
    "about keys names where they are from",
    function()
      assert.matches("the login of profile dev", refusal("InvalidAccessKeyId", "no", CREDENTIALS).hint, 1, true)
    end
  )

  it("about expired keys is asked for again with fresh ones, once", function()
    local asked, renewed = 0, 0
    local credentials = {
      expire = function()
        renewed = renewed + 1
        return true
      end,
    }
    local response = aws.send(function()
      asked = asked + 1
      return answer(403, "ExpiredToken")
    end, 0, credentials)
    assert.same({ 403, 2, 1 }, { response.status, asked, renewed })
  end)
end)

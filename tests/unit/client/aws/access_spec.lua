local access = require "o2x.client.aws.access"

describe("the access to AWS", function()
  it("is what the configuration says", function()
    local aws = {
      access_key_id = "AKIA",
      secret_access_key = "s",
      session_token = "t",
      endpoint = "http://127.0.0.1:1",
      region = "eu-west-1",
    }
    assert.same({
      access_key = "AKIA",
      secret_key = "s",
      session_token = "t",
      endpoint = "http://127.0.0.1:1",
      region = "eu-west-1",
    }, access.of { aws = aws })
  end)

  it("that is not configured says which variables to set", function()
    local ok, err = pcall(access.of, { aws = { region = "us-east-1" } })
    assert.is_false(ok)
    assert.equal("input", err.kind)
    assert.matches("AWS_ACCESS_KEY_ID", tostring(err) .. tostring(err.hint))
  end)
end)

local aws_sources = require "tests.support.aws_sources"

describe("keys for a web identity", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  it("are fetched with the token that the file has at that time", function()
    local case = {
      env = { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token", AWS_ROLE_ARN = "arn:r", AWS_ROLE_SESSION_NAME = "job" },
      files = { token = "one.two.three" },
    }
    sources:with(case, function(who, _, place)
      local first = who:get().access_key
      who:expire()
      assert.equal(first, who:get().access_key)
      place:write("token", "four.five.six")
      who:expire()
      assert.not_equal(first, who:get().access_key)
    end)
  end)

  it("need a token", function()
    local err = sources:refusal {
      env = { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token", AWS_ROLE_ARN = "arn:r" },
      files = { token = "" },
    }
    assert.matches("/token is empty", err.message, 1, true)
  end)

  it("take the token without the line end that an editor adds, and nothing else", function()
    local function case(token)
      return {
        env = { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token", AWS_ROLE_ARN = "arn:r", AWS_ROLE_SESSION_NAME = "job" },
        files = { token = token },
      }
    end
    assert.equal(sources:with(case "one.two.three").access_key, sources:with(case "one.two.three\r\n").access_key)
    for _, text in ipairs { "one.two.three\nfour", "<html>", "one two" } do
      assert.matches("holds something else than a token", sources:refusal(case(text)).message, 1, true)
    end
  end)

  it("need a role", function()
    local err = sources:refusal { env = { AWS_WEB_IDENTITY_TOKEN_FILE = "HOME/token" }, files = { token = "a.b.c" } }
    assert.equal("AWS_WEB_IDENTITY_TOKEN_FILE is set, but no role", err.message)
    assert.equal("set AWS_ROLE_ARN", err.hint)
  end)
end)

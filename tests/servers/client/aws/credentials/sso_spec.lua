local aws_sources = require "tests.support.aws_sources"

describe("keys of a login", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  local CONFIG <const> = "[sso-session corp]\nsso_start_url = https://corp/start\nsso_region = eu-central-1\n"
    .. "[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Admin\n"

  local function case(token, more)
    return { env = { AWS_PROFILE = "dev" }, config = CONFIG .. (more or ""), login = token and { corp = token } }
  end

  local function token(expires, text)
    return ('{"accessToken": "%s", "expiresAt": "%s"}'):format(text or "login-token", expires)
  end

  it("are exchanged for the token of the session", function()
    local keys = sources:with(case(token "2099-01-01T00:00:00Z"))
    assert.equal(sources.given[#sources.given], keys.access_key)
    assert.equal("GET /sso/federation/credentials?role_name=Admin&account_id=1", sources.asked[#sources.asked])
  end)

  it("that is missing, expired or revoked are refused with the command that logs in", function()
    for message, wrong in pairs {
      ["nobody has logged in"] = case(),
      ["the login expired at 2020-01-01T00:00:00Z"] = case(token "2020-01-01T00:00:00Z"),
      ["Session token not found or invalid"] = case(token("2099-01-01T00:00:00Z", "revoked-token")),
      ["holds no token"] = case '{"expiresAt": "2099-01-01T00:00:00Z"}',
    } do
      local err = sources:refusal(wrong)
      assert.matches(message, err.message, 1, true)
      assert.equal("aws sso login --profile dev", err.hint)
    end
  end)

  it("of a profile that contradicts its session are refused", function()
    local err = sources:refusal(case(token "2099-01-01T00:00:00Z", "sso_region = us-east-1\n"))
    assert.matches("sso_region of profile dev is not that of sso_session corp", err.message, 1, true)
  end)
end)

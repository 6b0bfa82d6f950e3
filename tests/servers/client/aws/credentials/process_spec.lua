local aws_sources = require "tests.support.aws_sources"
local secret = require "o2x.base.secret"

describe("keys by a program", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  local EXPIRED <const> = '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "some-secret", '
    .. '"Expiration": "2020-01-01T00:00:00Z"}'

  local function case(document, command)
    return {
      env = { AWS_PROFILE = "a" },
      config = ("[profile a]\ncredential_process = %s\n"):format(command or "/bin/cat 'HOME/the keys'"),
      files = { ["the keys"] = document },
      set = { ["aws.credential_processes"] = "/bin/cat,/usr/bin/cat,/bin/false,/usr/bin/false" },
    }
  end

  it("are what it prints", function()
    local keys = sources:with(
      case '{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "se\\/cret-key", "SessionToken": "tok"}'
    )
    assert.equal("AKIA", keys.access_key)
    assert.is_true(secret.equal(keys.secret_key, "se/cret-key"))
    assert.is_true(secret.equal(keys.session_token, "tok"))
  end)

  it("may depend on the variables of AWS's own tools", function()
    local one = case("", "/bin/sh HOME/program")
    one.set["aws.credential_processes"] = "/bin/sh,/usr/bin/sh"
    one.env.AWS_CUSTOM = "AKIACUSTOM"
    one.files.program =
      [[echo "{\"Version\": 1, \"AccessKeyId\": \"$AWS_CUSTOM\", \"SecretAccessKey\": \"some-secret\"}"]]
    assert.equal("AKIACUSTOM", sources:with(one).access_key)
  end)

  it("are refused when the program fails, or prints something else", function()
    for message, wrong in pairs {
      ["the program failed"] = case("", "false"),
      ["the answer is not JSON"] = case "keys",
      ["the answer's Version is not 1"] = case '{"Version": 2}',
      ["no access key in the answer"] = case '{"Version": 1}',
      ["they expired at 2020-01-01T00:00:00Z"] = case(EXPIRED),
      ["credential_process of profile a is no command"] = case("", "/bin/cat 'x"),
    } do
      assert.matches(message, sources:refusal(wrong).message, 1, true)
    end
  end)

  it("are refused when the configuration does not list the program", function()
    local wrong = case "{}"
    wrong.set = {}
    local err = sources:refusal(wrong)
    assert.matches("aws.credential_processes", err.hint, 1, true)
  end)
end)

local aws_sources = require "tests.support.aws_sources"
local container = require "o2x.client.aws.credentials.container"

describe("keys of a container", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  local function case(path, more)
    local env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "URL/agent" .. path }
    for name, text in pairs(more or {}) do
      env[name] = text
    end
    return { env = env, files = { token = "pod-token" } }
  end

  it("are asked for with the token, which a file may hold", function()
    local none = sources:with(case "/x").access_key
    local plain = sources:with(case("/x", { AWS_CONTAINER_AUTHORIZATION_TOKEN = "pod-token" })).access_key
    local file = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "HOME/token", AWS_CONTAINER_AUTHORIZATION_TOKEN = "x" }
    assert.not_equal(none, plain)
    assert.equal(plain, sources:with(case("/x", file)).access_key)
    local edited = case("/x", file)
    edited.files.token = "pod-token\n"
    assert.equal(plain, sources:with(edited).access_key)
  end)

  it("are asked for again while the agent is busy", function()
    sources.busy = 1
    assert.is_string(sources:with(case "/busy").access_key)
  end)

  it(
    "that the agent refuses are refused",
    function() assert.matches("the agent answered HTTP 403", sources:refusal(case "/refused").message, 1, true) end
  )

  it("come from an agent of AWS, from this machine, or by https", function()
    for url, fine in pairs {
      ["http://169.254.170.23/v1/credentials"] = true,
      ["http://[fd00:ec2::23]/v1/credentials"] = true,
      ["http://127.0.0.1:1/x"] = true,
      ["https://keys.example.com/x"] = true,
      ["http://169.254.169.254/x"] = false,
      ["http://keys.example.com/x"] = false,
      ["http://169.254.170.2.example.com/x"] = false,
      ["http://169.254.170.2@example.com/x"] = false,
      ["ftp://127.0.0.1/x"] = false,
    } do
      assert.equal(fine, (pcall(container.find, { process_env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = url } })), url)
    end
    assert.is_table(container.find { process_env = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/v2/x" } })
  end)
end)

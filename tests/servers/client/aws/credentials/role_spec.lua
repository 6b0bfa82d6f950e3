local aws_sources = require "tests.support.aws_sources"

describe("keys of a role", function()
  local sources <const> = aws_sources.start()
  teardown(function() sources:stop() end)

  local BASE <const> = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret-of-base\n"

  it("come over several roles, each asked for with the keys of the one before", function()
    local case = {
      env = { AWS_PROFILE = "two" },
      config = "[profile two]\nrole_arn = arn:two\nsource_profile = one\n"
        .. "[profile one]\nrole_arn = arn:one\nsource_profile = base\n",
      credentials = BASE,
    }
    assert.equal(sources:with(case).access_key, sources.given[2])
    assert.equal(2, #sources.given)
  end)

  it("depend on all that the profile says", function()
    local seen = {}
    for _, more in ipairs { "", "external_id = x\n", "role_session_name = n\n", "duration_seconds = 900\n" } do
      local case = {
        env = { AWS_PROFILE = "a" },
        config = "[profile a]\nrole_arn = arn:a\nsource_profile = base\n" .. more,
        credentials = BASE,
      }
      local id = sources:with(case).access_key
      assert.is_nil(seen[id], more)
      seen[id] = true
    end
  end)
end)

-- AWS_PROFILE and the files that it leads to were passed over in silence: only keys in variables counted.

local aws_sources = require "tests.support.aws_sources"

describe("a profile of AWS", function()
  it("gives the keys and the region", function()
    local sources <close> = aws_sources.start()
    local case = {
      env = { AWS_PROFILE = "prod" },
      config = "[profile prod]\nregion = eu-west-3\n",
      credentials = "[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = secret-of-prod\n",
    }
    sources:with(case, function(who)
      assert.equal("AKIAPROD", who:get().access_key)
      assert.equal("eu-west-3", who.source.region)
    end)
  end)
end)

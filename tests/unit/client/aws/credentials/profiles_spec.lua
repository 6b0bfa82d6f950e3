local folder = require "tests.support.folder"
local profiles = require "o2x.client.aws.credentials.profiles"

local function load(config, credentials, paths)
  local place <close> = folder { [".aws/config"] = config, [".aws/credentials"] = credentials }
  return profiles.load(paths or {}, { HOME = place.path })
end

describe("profiles", function()
  it("are merged from both files; an option of the credentials file wins", function()
    local found = load("[profile a]\nx = 1\ny = 2\n", "[a]\nx = 3\n")
    assert.same({ x = "3", y = "2" }, found:get "a")
    assert.matches("/.aws/config$", found:path "a")
  end)

  it("have their names after the word profile in one file, and alone in the other", function()
    local found = load('[a]\n[profile "b c"]\n[profile d]\n[default]\n', "[profile e]\n[f]\n")
    local names = {}
    for name in pairs(found.profiles) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "b c", "d", "default", "f", "profile e" }, names)
  end)

  it("have sessions and services beside them", function()
    local found = load("[sso-session s]\nsso_region = r\n[services t]\nrds =\n  endpoint_url = u\n", "")
    assert.equal("r", found.sso_sessions.s.sso_region)
    assert.equal("u", found.services.t.rds.endpoint_url)
  end)

  it(
    "are given without blocks of options",
    function() assert.same({ region = "r" }, load("[profile a]\nregion = r\ns3 =\n  x = 1\n", ""):get "a") end
  )

  it("that are not there are refused with those that are", function()
    local ok, err = pcall(load("[profile prod]\n[default]\n", "").get, load("[profile prod]\n[default]\n", ""), "prd")
    assert.is_false(ok)
    assert.matches("AWS profile prd not found", err.message, 1, true)
    assert.matches("profiles: default, prod", err.message, 1, true)
    assert.equal("aws configure list-profiles", err.hint)
  end)
end)

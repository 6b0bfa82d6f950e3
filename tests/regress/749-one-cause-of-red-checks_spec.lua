-- With the database down, the smoke test advised a new password; with a sealed Vault or a broken way to the services
-- each check waited again for what had just been silent.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"

-- What is broken; the check that says so, with what; how many others say that they were not tried, and why.
local ROWS <const> = {
  {
    { "postgres", "down" },
    "Database connectivity",
    "refuses connections",
    8,
    "not tried: the database does not answer",
  },
  { { "vault", "sealed" }, "Vault secrets accessible", "is sealed", 8, "not tried: Vault does not answer" },
  {
    { "ingress", "503", "times=1000" },
    "GraphQL endpoint responding",
    "503",
    6,
    "not tried: the GraphQL endpoint does not answer",
  },
}

describe("smoke", function()
  local lab
  setup(function()
    lab = labs.start()
    ok(lab:o2x { "run", "onboard", "newclient" })
  end)
  teardown(function() lab:stop() end)

  for _, row in ipairs(ROWS) do
    it("names one cause: " .. table.concat(row[1], " "), function()
      lab:o2x { "lab", "fault", table.unpack(row[1]) }
      local result = lab:o2x { "smoke", "newclient", "--json", "--set=retry.seconds=2" }
      lab:o2x { "lab", "fault", row[1][1], "off" }
      assert.equal(1, result.code, result.stderr)
      local causes, untried = {}, 0
      for _, one in ipairs(json.decode(result.stdout).result) do
        if not one.ok and one.found == row[5] then
          untried = untried + 1
        elseif not one.ok and not one.found:find "^not tried" then
          causes[#causes + 1] = one.check
          assert.matches(row[3], one.found, 1, true)
        end
      end
      assert.same({ row[2] }, causes, result.stdout)
      assert.equal(row[4], untried)
      assert.is_nil(result.stderr:find("admin=reset", 1, true), result.stderr)
    end)
  end
end)

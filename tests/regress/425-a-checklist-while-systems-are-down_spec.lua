-- A checklist that was printed while systems were down was empty: it ended at the first thing that could not be read,
-- or was refused because the registry did not answer. Now it goes on, and its boxes say that nobody could look.

local json = require "o2x.base.json"
local labs = require "tests.support.lab"

-- Where nothing listens.
local NOWHERE <const> = "http://127.0.0.1:1"

-- Words of the command; the fewest boxes; a command that must be there.
local CASES <const> = {
  { { "onboard", "urbanos" }, 100, "kubectl apply .*kind: PersistentVolumeClaim" },
  { { "onboard", "newclient" }, 80, "TENANT_ID=.*psql .*enginedevdb" },
  { { "cache-clear", "urbanos" }, 1, "redis%-cli .*TIDLT\\%-100005:%*.* unlink" },
  { { "backup", "urbanos", "to=/tmp/urbanos.dump" }, 1, "pg_dump .*coredb%-urbanos" },
  { { "maintenance", "urbanos", "mode=on" }, 2, "kubectl apply .*urbanos%-maintenance" },
}

-- Lines that are there twice, whichever steps they are about.
local function said_again(problems)
  local list, seen = {}, {}
  for _, line in ipairs(problems) do
    local text = line:match "^.-: (.*)$" or line
    if seen[text] then list[#list + 1] = line end
    seen[text] = true
  end
  return list
end

-- Variables that a command uses and that no line before it sets.
local function never_set(script)
  local list, set = {}, {}
  for line in script:gmatch "[^\n]+" do
    for name in line:gmatch "\\getenv [%u%d_]+ ([%u%d_]+)" do
      if not set[name] then list[#list + 1] = name end
    end
    local name = line:match "^([%u%d_]+)=%$%(" or line:match "^IFS= read %-rsp '[^']*' ([%u%d_]+)"
    if name then set[name] = true end
  end
  return list
end

describe("a checklist while no system answers", function()
  local lab, env
  setup(function()
    lab = labs.start()
    env = { PGPORT = "1", VAULT_ADDR = NOWHERE, O2X_BROKER_URL = NOWHERE, AWS_ENDPOINT_URL = NOWHERE }
    env.REDIS_URL = "redis://127.0.0.1:1/0"
    lab:o2x { "lab", "fault", "k8s", "503", "times=100000" }
  end)
  teardown(function() lab:stop() end)

  for _, case in ipairs(CASES) do
    local words = table.concat(case[1], " ")
    it("has the commands all the same: " .. words, function()
      local result = lab:o2x({ "guide", "--json", table.unpack(case[1]) }, { env = env, timeout = 120 })
      assert.equal(0, result.code, result.stderr)
      local list, commands = json.decode(result.stdout), {}
      for _, item in ipairs(list.items) do
        table.move(item.commands, 1, #item.commands, #commands + 1, commands)
      end
      assert.is_true(#list.items >= case[2], #list.items .. " boxes")
      assert.matches(case[3], table.concat(commands, "\n"))
      assert.is_true(#list.problems > 0)
      assert.same({}, said_again(list.problems))
      assert.same({}, never_set(table.concat(list.before, "\n") .. "\n" .. table.concat(commands, "\n")))
      assert.is_nil(table.concat(commands, "\n"):find('INSERT INTO [^\n]*"tenant" [^\n]*\nVALUES'))
    end)
  end
end)

-- What the library says to a user began with a line of the library: "stdlib/smoke.lua:422: 2 of 14 checks failed".

local labs = require "tests.support.lab"

local TENANT <const>, SOON <const> = "urbanos", "--set=retry.seconds=1"

local BROKEN <const> = {
  { "k8s", "503", "times=9999" },
  { "k8s", "broken-pods" },
  { "vault", "403", "times=9999" },
  { "dns", "servfail" },
  { "broker", "500", "times=9999" },
  { "ingress", "404", "times=9999" },
  { "redis", "down" },
  { "postgres", "down" },
}

-- Those that look at all systems.
local LOOKS <const> = { "run smoke", "plan adopt" }

-- All that can be refused while all is well.
local REFUSED <const> = {
  "run logs services=nosuch",
  "run logs",
  "plan backup",
  "plan cache-clear",
  "plan cache-clear part=cache pattern=x:*",
  "plan cache-clear pattern=TIDLT-000001:*",
  "plan deploy image=v3.0.1",
  "plan deploy chart=9.9.9",
  "plan maintenance mode=on",
  "plan maintenance mode=off",
  "plan migrations-repair",
  "plan restart services=all",
  "plan restart",
  "plan restore at=2020-01-01T00:00:00Z",
  "plan restore",
  "plan rollback",
  "plan rollback to=nosuch",
  "plan rollback to=3",
  "plan scale service=service-usage replicas=900",
  "plan scale service=service-usage",
  "plan scale",
  "plan vacuum",
}

local function words_of(line)
  local words = {}
  for word in line:gmatch "%S+" do
    words[#words + 1] = word
  end
  table.insert(words, 3, TENANT)
  words[#words + 1] = SOON
  return words
end

describe("what the library says", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function say_no_line(when, lines)
    for _, line in ipairs(lines) do
      local result = lab:o2x(words_of(line))
      local said = result.stdout .. result.stderr
      assert.is_nil(said:find("^o2x: [^\n]*o2x help") or said:find "%-%-set: ", said)
      local ours = said:match "[^\n]*stdlib/[%w_/-]+%.lua:%d[^\n]*"
        or said:match "[^\n]*runbooks/[%w_/-]+%.lua:%d[^\n]*"
      assert.is_nil(said:find "by somebody else while", said)
      assert.is_nil(ours, ("%s: o2x %s"):format(when, line))
    end
  end

  it("has no line of it while all is well", function() say_no_line("all is well", REFUSED) end)

  for _, fault in ipairs(BROKEN) do
    local name = table.concat(fault, " ")
    it("has no line of it with the fault " .. name, function()
      local set = lab:o2x { "lab", "fault", table.unpack(fault) }
      assert.equal(0, set.code, set.stderr)
      say_no_line(name, LOOKS)
      assert.equal(0, lab:o2x({ "lab", "fault", fault[1], "off" }).code)
    end)
  end
end)

-- o2x doctor found one cause several times: AWS's three services for keys that are wrong, Alertmanager for a Kubernetes
-- that is down, and every system for a clock.

local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local notes = require "o2x.doctor.note"
local clocks = require "o2x.doctor.clocks"
local clock = require "o2x.base.clock"

describe("one cause", function()
  local lab, before
  local function findings(env)
    local result = lab:o2x({ "doctor", "--json" }, { env = env })
    local list = {}
    for _, note in ipairs(json.decode(result.stdout)) do
      for _, one in ipairs(note.findings) do
        list[#list + 1] = note.name .. ": " .. one.text
      end
    end
    return list
  end
  setup(function()
    lab = labs.start()
    before = #findings {}
  end)
  teardown(function() lab:stop() end)

  local CAUSES <const> = {
    ["wrong keys of AWS"] = { { AWS_SECRET_ACCESS_KEY = "x" }, "AWS: .*SignatureDoesNotMatch" },
    ["no keys of AWS"] = { { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" }, "AWS: " },
    ["an AWS that is down"] = { { AWS_ENDPOINT_URL = "http://127.0.0.1:1" }, "AWS: .*127.0.0.1:1" },
    ["an unknown region"] = { { AWS_ENDPOINT_URL = "", AWS_REGION = "xx-nowhere-9" }, "AWS: .*xx%-nowhere%-9" },
    ["a PostgreSQL that is down"] = { { PGPORT = "1" }, "PostgreSQL: " },
    ["a Vault that is down"] = { { VAULT_ADDR = "http://127.0.0.1:1" }, "Vault: " },
    ["a token that Vault does not know"] = { { VAULT_TOKEN = "x" }, "Vault: " },
    ["a Redis that is down"] = { { REDIS_URL = "redis://127.0.0.1:1" }, "Redis: " },
    ["a broker that is down"] = { { O2X_BROKER_URL = "http://127.0.0.1:1" }, "Message broker: " },
  }
  for what, row in pairs(CAUSES) do
    it("is one finding: " .. what, function()
      local list = findings(row[1])
      assert.equal(before + 1, #list, table.concat(list, "\n"))
      assert.matches(row[2], table.concat(list, "\n"))
    end)
  end

  it("is one finding: an API server that is down, and what is reached through it", function()
    local path = lab.dir .. "/down"
    fs.write(path, (fs.read(lab.env.KUBECONFIG):gsub("127.0.0.1:%d+", "127.0.0.1:1")), { mode = tonumber("600", 8) })
    local list = findings { KUBECONFIG = path }
    assert.equal(before + 1, #list, table.concat(list, "\n"))
    assert.matches("Kubernetes: GET https://127.0.0.1:1", table.concat(list, "\n"), 1, true)
  end)

  it("is one finding: an AWS that denies all", function()
    lab:o2x { "lab", "fault", "aws", "403", "times=1000" }
    local list = findings {}
    lab:o2x { "lab", "fault", "aws", "off" }
    assert.equal(before + 1, #list, table.concat(list, "\n"))
    assert.matches("AWS: may not describe the database server, list hosted zones", table.concat(list, "\n"), 1, true)
  end)

  it("is one finding: this machine's clock", function()
    local seen, count = {}, 0
    local theirs = clock.now() - 3630
    for _, name in ipairs { "Vault", "Kubernetes", "Redis" } do
      local note = notes.new(name)
      clocks.compare(note, theirs, name)
      note:leave_out(seen)
      count = count + #note.findings
      assert.equal("found", note:state())
    end
    assert.equal(1, count)
  end)
end)

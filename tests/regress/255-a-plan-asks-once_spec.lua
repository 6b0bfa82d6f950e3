-- A plan of a tenant that needs no change is one look at the systems: each thing is asked once, nothing is synced, and
-- no helm is started. It asked for health and pods twice, for Vault's secrets up to four times, and synced 68 times.

local build = require "tests.support.build"
local faults = require "tests.support.faults"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"
local ok = require "tests.support.ok"
local proc = require "o2x.base.proc"

local MOST <const> = 61 -- requests of a plan of onboarding: 16 logs, 16 health endpoints, 29 others
local HELM <const> = '#!/bin/sh\necho started >>%s\nexec %s "$@"\n'

-- Runbooks, and what their plans ask twice.
local RUNBOOKS <const> = {
  ["onboard"] = "",
  ["deploy"] = "",
  ["smoke"] = "",
  ["scale status=true"] = "",
  ["cache-clear"] = "",
  -- the rights, in the tenant's namespace and in that of the alerts
  ["maintenance mode=on"] = "k8s POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
  ["diagnose"] = "vault GET /v1/secret/data/tenant/newclient/info", -- by the token of the services, too
}

describe("a plan of an onboarded tenant", function()
  local lab, env, log

  setup(function()
    lab = labs.start()
    log = fs.join(lab.dir, "helm.log")
    local bin = fs.join(lab.dir, "bin")
    fs.mkdir(bin)
    fs.write(fs.join(bin, "helm"), HELM:format(log, proc.find "helm"), { mode = tonumber("755", 8) })
    env = { PATH = bin .. ":" .. os.getenv "PATH", XDG_CACHE_HOME = fs.join(lab.dir, "cache") }
    ok(lab:o2x({ "run", "onboard", "newclient" }, { env = env }))
  end)

  teardown(function()
    lab:stop()
    faults.forget()
  end)

  local function counted() return json.decode(lab:o2x({ "lab", "requests", "--json" }).stdout) end

  -- The requests of a plan, by line.
  local function asked(words, more)
    local given = { env = {} }
    for _, list in ipairs { env, more or {} } do
      for name, value in pairs(list) do
        given.env[name] = value
      end
    end
    local argv = { "plan" }
    for word in words:gmatch "%S+" do
      argv[#argv + 1] = word
    end
    table.insert(argv, 3, "newclient")
    local before = counted()
    local result = lab:o2x(argv, given)
    local found, total = {}, 0
    for line, times in pairs(counted()) do
      times = line:find "^control " and 0 or times - (before[line] or 0)
      found[line], total = times > 0 and times or nil, total + times
    end
    return result, found, total
  end

  it("sends few requests, starts no helm and needs no sync", function()
    fs.write(log, "")
    local fault, struck = {}, function() return false end
    if not build.sanitized then
      fault, struck = faults.env("fsync", 1, "EIO", true)
    end
    local result, _, total = asked("onboard --detailed-exitcode", fault)
    assert.equal(0, result.code, result.stderr)
    assert.is_false(struck())
    assert.equal("", fs.read(log))
    assert.is_true(total <= MOST, total .. " requests")
  end)

  for words, twice in pairs(RUNBOOKS) do
    it("asks each thing once: " .. words, function()
      local result, found = asked(words)
      assert.equal(0, result.code, result.stderr)
      for line, times in pairs(found) do
        assert.equal(line == twice and 2 or 1, times, line)
      end
    end)
  end
end)

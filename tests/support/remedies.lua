--- A tenant in a lab of its own whose diagnose is pasted: the faults are made with the ordinary clients, each command
-- that ends a finding runs in a shell as it was printed, and the finding is gone. Commands that only show more run too.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local labs = require "tests.support.lab"

local M = { TENANT = "newclient", ID = "TIDLT-100008", DATABASE = "coredb-newclient" }

local TENANT <const>, DATABASE <const> = M.TENANT, M.DATABASE

--- Onboards the tenant before the tests of a describe block and stops the lab after them.
---@param heading string what the last line of the tests begins with
---@param test { setup: function, teardown: function, it: function, assert: table } the words of a spec
---@return table h sql, kubectl, name, fault, edit, vault, change_secret, patch_k8s_secret, helm_upgrade, are_ended,
--- are_shown, is_well; lab() and secrets() are known once the tests run
function M.new(heading, test)
  local it, assert, setup, teardown = test.it, test.assert, test.setup, test.teardown
  local lab, path, secrets
  local ran, looked = {}, {}

  setup(function()
    lab = labs.start()
    path = fs.folder(fs.realpath(build.o2x)) .. ":" .. os.getenv "PATH"
    secrets = fs.join(lab.env.O2X_SECRETS, TENANT .. ".yaml")
    local made = lab:o2x { "run", "onboard", TENANT }
    assert(made.code == 0, made.stderr)
  end)
  teardown(function()
    lab:stop()
    print(("%s: %d commands ended their findings, %d showed more"):format(heading, #ran, #looked))
  end)

  local function sql(text) return lab:sql(DATABASE, text) end
  local function kubectl(...) return lab:out("kubectl", ...) end
  local function name(service) return TENANT .. "-" .. service end
  local function fault(...)
    local result = lab:o2x { "lab", "fault", ... }
    assert(result.code == 0, result.stderr)
  end
  local function edit(file, from, to)
    local text = fs.read(file)
    local changed, count = text:gsub(from, to)
    assert(count > 0, file .. " has no " .. from)
    fs.write(file, changed, { mode = 384 })
  end
  local function vault(method, secret, data)
    lab:out(
      "curl",
      "-fsS",
      "-X",
      method,
      "-H",
      "X-Vault-Token: " .. lab.env.VAULT_TOKEN,
      lab.env.VAULT_ADDR .. "/v1/secret/" .. secret,
      "-d",
      json.encode { data = data }
    )
  end
  local function change_secret(secret, fields)
    local now = lab:vault(("tenant/%s/%s"):format(TENANT, secret))
    for field, value in pairs(fields) do
      now[field] = value
    end
    vault("PUT", ("data/tenant/%s/%s"):format(TENANT, secret), now)
  end
  local function patch_k8s_secret(secret, key, value)
    kubectl("patch", "secret", secret, "-p", json.encode { data = { [key] = value } })
  end
  local function helm_upgrade(service, ...)
    local chart = ("%s/core/charts/%s"):format(lab.platform, service)
    return lab:run { "helm", "upgrade", name(service), chart, "--reuse-values", ... }
  end

  local function diagnose()
    local result = lab:o2x { "run", "diagnose", TENANT, "--json" }
    assert(result.code == 0 or result.code == 2, result.stderr .. result.stdout)
    return json.decode(result.stdout).result or {}
  end

  local function shown(rows)
    local lines = {}
    for i, row in ipairs(rows) do
      lines[i] = ("%s | %s | %s | %s"):format(row.subject, row.finding, row.evidence, row.fix)
    end
    return table.concat(lines, "\n")
  end

  local function find(rows, subject, finding)
    for _, row in ipairs(rows) do
      if row.subject == subject and row.finding:find(finding) then return row end
    end
  end

  -- Runs a command as somebody who pastes it.
  local function paste(command) return lab:run({ "bash", "-c", command }, { env = { PATH = path }, timeout = 300 }) end

  -- grep finds nothing where the log has no such line.
  local function look(command)
    if command:find "^vault " then return end -- the vault command need not be installed
    local result = paste((command:gsub(" | grep ", " | grep -c ")))
    local fine = result.code == 0 or command:find(" | grep ", 1, true) and result.code == 1
    assert(fine, command .. "\n" .. result.stderr)
    looked[#looked + 1] = command
  end

  -- faults: { subject, finding (a pattern), seed (makes it), say (what the words ask people to do), after (ends a fault
  -- of the lab that no command ends) }
  local function are_ended(title, faults)
    it(title, function()
      for _, one in ipairs(faults) do
        if one.seed then one.seed() end
      end
      local rows, commands, known = diagnose(), {}, {}
      for _, one in ipairs(faults) do
        local row = find(rows, one[1], one[2]) or error(("no %s, %s in:\n%s"):format(one[1], one[2], shown(rows)))
        assert(row.mend, row.fix .. ": no command")
        if one.expect then assert.matches(one.expect, row.fix) end
        if row.look then look(row.look) end
        if one.say then one.say(row) end
        if not known[row.mend] then commands[#commands + 1] = row.mend end
        known[row.mend] = true
      end
      for _, command in ipairs(commands) do
        local result = paste(command)
        assert(result.code == 0, ("%s: exit %s\n%s"):format(command, result.code, result.stderr))
        ran[#ran + 1] = command
      end
      for _, one in ipairs(faults) do
        if one.after then one.after() end
      end
      rows = diagnose()
      for _, one in ipairs(faults) do
        assert(not find(rows, one[1], one[2]), ("%s, %s is still there:\n%s"):format(one[1], one[2], shown(rows)))
      end
    end)
  end

  -- Findings that no command ends: what they propose to look at can be looked at.
  local function are_shown(title, faults)
    it(title, function()
      for _, one in ipairs(faults) do
        one.seed()
      end
      local rows = diagnose()
      for _, one in ipairs(faults) do
        one.over()
      end
      for _, one in ipairs(faults) do
        local row = find(rows, one[1], one[2]) or error(("no %s, %s in:\n%s"):format(one[1], one[2], shown(rows)))
        look(row.look or error(row.fix .. ": nothing to look at"))
      end
    end)
  end

  return {
    sql = sql,
    kubectl = kubectl,
    name = name,
    fault = fault,
    edit = edit,
    vault = vault,
    change_secret = change_secret,
    patch_k8s_secret = patch_k8s_secret,
    helm_upgrade = helm_upgrade,
    are_ended = are_ended,
    are_shown = are_shown,
    is_well = function() assert.equal("", shown(diagnose())) end,
    lab = function() return lab end,
    secrets = function() return secrets end,
  }
end

return M

-- The rules of approvals: whom they are about, and what is wrong with a file, in one line.

local fs = require "o2x.base.fs"
local rules = require "o2x.project.approval_rules"

local TENANTS <const>, RUNBOOKS <const> = { "acme", "beta" }, { "onboard", "restore", "rollback" }

describe("the rules of approvals", function()
  local folder, path
  setup(function()
    folder = fs.temp_folder "/tmp/o2x-approvals-"
    path = folder .. "/approvals.yaml"
    fs.write(folder .. "/allowed_signers", "ann@x ssh-ed25519 AAAA\n")
  end)
  teardown(function() fs.remove_tree(folder) end)

  local function read(text)
    fs.write(path, text)
    return rules.read(path, TENANTS, RUNBOOKS)
  end

  local SIGNERS <const> = "signers: allowed_signers\n"

  it("say how many a run needs: the most of all that are about it", function()
    local found = read(SIGNERS .. [[
rules:
  - tenants: acme
    except: [rollback]
    count: 2
  - runbooks: restore
    count: 3
  - tenants: environment=production
    runbooks: [onboard]
]])
    local acme, beta = { name = "acme" }, { name = "beta", environment = "production" }
    assert.equal(2, rules.needed(found, acme, "onboard"))
    assert.equal(0, rules.needed(found, acme, "rollback"))
    assert.equal(3, rules.needed(found, acme, "restore"))
    assert.equal(1, rules.needed(found, beta, "onboard"))
    assert.equal(0, rules.needed(found, beta, "rollback"))
    assert.equal(folder .. "/allowed_signers", found.signers)
  end)

  it("say which users a signer is", function()
    local found = read(SIGNERS .. "people:\n  ann@x: [ann, aroot]\n  bob@x: bob\n")
    assert.same({ ann = "ann@x", aroot = "ann@x", bob = "bob@x" }, found.people)
    assert.equal(0, rules.needed(found, { name = "acme" }, "onboard"))
  end)

  -- By a bad file: what is said of it, and its line.
  local BAD <const> = {
    { "rules: []", "signers: expected the file", nil },
    { "signers: nosuch", "who may approve is not there", false },
    { "signers: [a]", "signers: expected the file", 1 },
    { "text", "expected a map", nil },
    { "[a]", "expected a map", nil },
    { SIGNERS .. "rule: []", "unknown field rule; did you mean rules", 2 },
    { SIGNERS .. "rules: 1", "rules: expected a list of maps", 2 },
    { SIGNERS .. "rules: [1]", "rules: expected a list of maps", 2 },
    { SIGNERS .. "rules:\n  - counts: 1", "unknown field counts; did you mean count", 3 },
    { SIGNERS .. "rules:\n  - count: 0", "count: expected a number from 1 to 20", 3 },
    { SIGNERS .. "rules:\n  - count: many", "count: expected a number from 1 to 20", 3 },
    { SIGNERS .. "rules:\n  - count: 1.5", "count: expected a number from 1 to 20", 3 },
    { SIGNERS .. "rules:\n  - tenants: acmee", "there is no tenant acmee; did you mean acme", 3 },
    { SIGNERS .. "rules:\n  - runbooks: [restor]", "runbooks: there is no runbook restor", 3 },
    { SIGNERS .. "rules:\n  - except: [[x]]", "except: expected a name, or a list of names", 3 },
    { SIGNERS .. "rules:\n  - runbooks: []", "runbooks: expected a name, or a list of names", 3 },
    { SIGNERS .. "people: ann", "people: expected a map", 2 },
    { SIGNERS .. "people:\n  ann@x: 5", "ann@x: expected a name", 3 },
  }

  for _, row in ipairs(BAD) do
    it("are bad: " .. row[1]:gsub("\n", " | "), function()
      local ok, err = pcall(read, row[1] .. "\n")
      assert.is_false(ok)
      assert.equal("input", err.kind)
      if row[3] ~= false then assert.equal(row[3] and ("%s:%d"):format(path, row[3]) or path, err.where) end
      assert.truthy(err.message:find(row[2], 1, true), err.message)
    end)
  end
end)

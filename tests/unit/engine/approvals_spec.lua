-- Signatures of a plan: which count, and which do not. ssh-keygen itself makes and reads them.

local approvals = require "o2x.engine.approvals"
local fs = require "o2x.base.fs"
local proc = require "o2x.base.proc"
local signers = require "tests.support.signers"

describe("an approval", function()
  local folder, path, found, keys, file
  setup(function()
    folder, keys = fs.temp_folder "/tmp/o2x-approvals-", {}
    local lines = {}
    for _, name in ipairs { "ann", "bob", "eve", "old", "ann2" } do
      local public
      keys[name], public = signers.key(folder, name)
      local options = name == "old" and 'valid-before="20200101" ' or ""
      local who = name:gsub("%d", "") .. "@x"
      if name ~= "eve" then lines[#lines + 1] = ("%s %s%s"):format(who, options, public) end
    end
    fs.write(folder .. "/allowed_signers", table.concat(lines, "\n") .. "\n")
    fs.write(folder .. "/approvals.yaml", "")
    found = { path = folder .. "/approvals.yaml", signers = folder .. "/allowed_signers", people = { root2 = "bob@x" } }
  end)
  teardown(function() fs.remove_tree(folder) end)

  before_each(function()
    local here = fs.temp_folder(folder .. "/plans-")
    path, file = here .. "/a.plan", { hash = ("a"):rep(64), header = { plan = {} } }
    fs.write(path, "a plan")
  end)

  local function names(users)
    local list, others = approvals.of(path, file, found, users or {})
    table.sort(list)
    return list, others
  end

  local function approve(name) return approvals.sign(path, file, keys[name]) end

  it("is the signature of one of those who may", function()
    assert.same({}, (names()))
    local made = approve "ann"
    assert.matches("^" .. path:gsub("%p", "%%%0") .. "%.approval%-%x+$", made)
    assert.same({ "ann@x" }, (names()))
    approve "bob"
    assert.same({ "ann@x", "bob@x" }, (names()))
    assert.same({ "ann@x", "bob@x" }, approvals.check(path, file, found, 2, {}))
  end)

  it("counts once a person, also by two keys", function()
    approve "ann"
    approve "ann2"
    assert.same({ "ann@x" }, (names()))
  end)

  -- By what is tried: what is done, and why it does not count.
  local ATTACKS <const> = {
    {
      "a signature of another plan",
      "no signature of this plan",
      function()
        approve "ann"
        file.hash = ("b"):rep(64)
      end,
    },
    { "a key that is not in the list", "its key is not in", function() approve "eve" end },
    { "a key whose time is over", "its key is not in", function() approve "old" end },
    { "a damaged file", "its key is not in", function() fs.write(path .. ".approval-1", "x\n") end },
    { "an empty file", "its key is not in", function() fs.write(path .. ".approval-1", "") end },
    {
      "a signature for another purpose",
      "no signature of this plan",
      function()
        fs.write(path .. ".text", ("o2x plan %s\n"):format(file.hash))
        local argv = { "ssh-keygen", "-q", "-Y", "sign", "-f", keys.ann, "-n", "git", path .. ".text" }
        assert(proc.run({ argv = argv }).code == 0)
        fs.rename(path .. ".text.sig", path .. ".approval-1")
      end,
    },
  }

  for _, row in ipairs(ATTACKS) do
    it("is not " .. row[1], function()
      row[3]()
      local list, others = names()
      assert.same({}, list)
      assert.equal(1, #others)
      assert.matches(row[2], others[1].why, 1, true)
      local ok, err = pcall(approvals.check, path, file, found, 1, {})
      assert.is_false(ok)
      assert.same({ "unapproved", 1 }, { err.kind, #err.details })
      assert.matches("0 of 1 approvals; may approve: ann@x, bob@x", err.message, 1, true)
    end)
  end

  it("is not one's own, by the signer's name or by the rules", function()
    approve "ann"
    approve "bob"
    assert.same({ "bob@x" }, (names { "ann" }))
    assert.same({ "ann@x" }, (names { "root2" }))
    local list, others = names { "ann", "root2" }
    assert.same({ {}, 2 }, { list, #others })
    assert.matches("cannot approve it", others[1].why)
    assert.same({ "ann@x", "bob@x" }, (names { "an", "annabel" }))
  end)

  it("needs a key that can sign", function()
    for _, key in ipairs { folder .. "/nosuch", folder .. "/allowed_signers" } do
      local ok, err = pcall(approvals.sign, path, file, key)
      assert.is_false(ok)
      assert.matches("ssh%-keygen does not sign", err.message)
    end
    assert.same({ "a.plan" }, fs.list(fs.folder(path)))
  end)

  it("is of a plan that was made under the same rules", function()
    file.header.plan.approvals = approvals.hashes(found)
    approvals.check_rules(path, file, found)
    assert.is_false(pcall(approvals.check_rules, path, file, nil))
    for _, name in ipairs { "signers", "path" } do
      local before = fs.read(found[name])
      fs.write(found[name], before .. "# changed\n")
      local ok, err = pcall(approvals.check_rules, path, file, found)
      assert.is_false(ok)
      assert.matches(found[name], err.message, 1, true)
      fs.write(found[name], before)
    end
    file.header.plan.approvals = nil
    assert.is_false(pcall(approvals.check_rules, path, file, found))
    approvals.check_rules(path, file, nil)
  end)
end)

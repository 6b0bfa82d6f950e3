-- Whether a run may change its tenant now.

local fs = require "o2x.base.fs"
local permission = require "o2x.engine.permission"

describe("a run", function()
  local folder, said
  setup(function()
    folder = fs.temp_folder "/tmp/o2x-permission-"
    fs.mkdir(folder .. "/tenants")
    fs.write(folder .. "/tenants/acme.yaml", "")
    fs.write(folder .. "/tenants/beta.yaml", "")
    fs.write(
      folder .. "/calendar.yaml",
      "freezes:\n  - name: for ever\n    weekly: daily\n    tenants: acme\n    ask: Ann\n"
    )
  end)
  teardown(function() fs.remove_tree(folder) end)
  before_each(function() said = {} end)

  local function run(fields)
    local this = {
      declared = { ["vault:write"] = true },
      tenant = { name = "acme" },
      config = { calendar = folder .. "/calendar.yaml", platform = folder },
      report = { message = function(_, _, _, text) said[#said + 1] = text end },
    }
    for name, value in pairs(fields or {}) do
      this[name] = value
    end
    return this
  end

  it("is refused, with the whole command that overrides it", function()
    local ok, err = pcall(permission.check, run())
    assert.is_false(ok)
    assert.same({ "frozen", { "--override-freeze", "--reason=WHY" } }, { err.kind, err.lacks })
    assert.matches("acme is frozen until .*: for ever; ask Ann", err.message)
  end)

  it("goes on where nothing closes it", function()
    assert.is_nil(permission.check(run { tenant = { name = "beta" } }))
    assert.is_nil(permission.check(run { config = { platform = folder } }))
    assert.is_nil(permission.check(run { declared = {} })) -- it only looks
    assert.is_nil(permission.check(run { arrival = {} })) -- into a lab
  end)

  it(
    "of an undo writes, whatever it declares",
    function() assert.is_false(pcall(permission.check, run { declared = {}, undo = {} })) end
  )

  it("is overridden, and says so", function()
    local config = { calendar = folder .. "/calendar.yaml", platform = folder, override_freeze = "it burns" }
    assert.same({ freeze = "for ever", reason = "it burns" }, permission.check(run { config = config }))
    assert.matches("overridden: it burns", said[1])
  end)

  it("needs a reason to be overridden", function()
    assert.is_nil(permission.override {})
    assert.is_nil(permission.override { reason = "x" })
    assert.equal("x", permission.override { override_freeze = true, reason = "x" })
    for _, reason in ipairs { false, "", "  ", "WHY" } do
      assert.is_false(pcall(permission.override, { override_freeze = true, reason = reason or nil }))
    end
  end)

  it("in a lab asks nobody", function()
    package.loaded["o2x.engine.permission"] = nil
    local of_a_lab = require "o2x.engine.permission"
    package.loaded["o2x.engine.permission"] = permission
    of_a_lab.enter_lab()
    assert.is_nil(of_a_lab.check(run()))
    assert.is_nil(of_a_lab.note(run()))
    assert.is_false(pcall(permission.check, run()))
  end)
end)

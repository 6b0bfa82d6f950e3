-- A rehearsal said "would fail: nil" of a runbook that ends with an exit code of its own, and "exit code 7" of what
-- cannot be taken back. It proposed commands of a lab that was gone a moment later, took a runbook of another folder
-- for another one, and left connections open where a later system could not be read.

local fs = require "o2x.base.fs"
local labs = require "tests.support.lab"

local FAILS <const> = [[
local runbook = require "o2x.runbook"
local pg = require "o2x.pg"
return runbook {
  name = "fails", version = "1.0.0", api = 1, summary = "fails", help = "Verify: no", params = {},
  effects = { "pg:write" },
  run = function(tenant)
    local key = { tenant_id = tenant.id, property_key = "note.fails" }
    step("Note", function()
      pg.tenant:ensure_row("core_config.tenant_property_defaults", key, { property_value = "a" })
    end)
    step("Stop", function() fail("it is broken", "mend it") end)
  end,
}
]]

describe("a rehearsal", function()
  local lab, folder
  setup(function()
    lab, folder = labs.start(), fs.temp_folder()
  end)
  teardown(function()
    lab:stop()
    fs.remove_tree(folder)
  end)

  it("of a run that fails proposes nothing of its lab, and is the same runbook", function()
    local path = fs.join(folder, "fails.lua")
    fs.write(path, FAILS)
    local result = lab:o2x { "rehearse", path, "urbanos" }
    assert.equal(1, result.code, result.stderr)
    assert.matches("would fail.*it is broken", result.stdout)
    assert.is_nil(result.stdout:find("differs from production", 1, true), result.stdout)
    assert.matches("failed  fails urbanos", result.stderr)
    for _, word in ipairs { "next:", "to go back", "done by hand", "o2x resume", "o2x show", "o2x undo" } do
      assert.is_nil(result.stderr:find(word, 1, true), result.stderr)
    end
  end)

  it("of a run that finds something says the exit code", function()
    local result = lab:o2x { "rehearse", "diagnose", "urbanos" }
    assert.is_nil(result.stdout:find("nil", 1, true), result.stdout)
    if result.code == 2 then assert.matches("end with exit code 2", result.stdout) end
  end)

  it("says what cannot be taken back", function()
    local result = lab:o2x { "rehearse", "onboard", "newclient" }
    assert.equal(0, result.code, result.stderr)
    assert.matches("undo: 6 things cannot be taken back\n  newclient%-service%-proxy: ", result.stdout)
  end)

  it("closes what it opened when a system cannot be read", function()
    for _, name in ipairs { "KUBECONFIG", "VAULT_ADDR", "PGHOST" } do
      local env = { [name] = "", HOME = folder }
      local result = lab:o2x({ "rehearse", "scale", "urbanos", "service=service-sso", "replicas=2" }, { env = env })
      assert.is_nil(result.stderr:find("internal error", 1, true), result.stderr)
    end
  end)
end)

-- An undo of a shipped runbook that forgets something: o2x prove says what is still there, in the lab of each system.

local build = require "tests.support.build"
local fs = require "o2x.base.fs"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local program = require "o2x.core.program"
local prove = require "tests.support.toy_prove"

-- What is forgotten → the run, and what the failure says.
local CAUGHT <const> = {
  ["pg.allocated"] = { { "onboard", "newclient" }, "postgres enginedevdb rows core_config.tenant" },
  ["vault.secret"] = { { "onboard", "newclient" }, "vault .*newclient.*: there, should be missing" },
  ["helm.release"] = {
    { "deploy", "urbanos", "services=service-billing", "image=2.0.0", "--confirm=urbanos" },
    "helm release default/urbanos%-service%-billing config.image.tag: 2.0.0, should be v2.5.0",
  },
  ["k8s.fields"] = { { "maintenance", "urbanos", "mode=on", "--confirm=urbanos" }, "spec.suspend" },
}

describe("o2x prove catches an undo that forgets", function()
  for kind, case in pairs(CAUGHT) do
    it(kind, function()
      local env = program.environment()
      env.PLANTED = "forgets " .. kind
      local planted = fs.join(fs.cwd(), "tests/support/planted.lua")
      local words = { "prove", "--json", "--only=undo:1", table.unpack(case[1]) }
      local result = proc.run { argv = { build.dev, planted, table.unpack(words) }, env = env, timeout = 300 }
      assert.equal(1, result.code, result.stdout .. result.stderr)
      assert.matches(case[2], prove.failures(json.decode(result.stdout)))
    end)
  end
end)

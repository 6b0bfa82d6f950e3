--- o2x new NAME

local common = require "o2x.cli.common"
local errors = require "o2x.base.error"
local fs = require "o2x.base.fs"
local out = require "o2x.report.out"

local TEMPLATE = [=[
local runbook = require "o2x.runbook"
local pg      = require "o2x.pg"

return runbook {
  name = "%s", version = "0.1.0", api = 1,
  summary = "Say in one line what it does",
  help    = [[
Why it is there; what it touches: one property of the tenant, in its database.
Verify with: o2x plan %s TENANT (nothing to do). Back: run it with the text that was there before (o2x show).]],
  params  = { text = { "string", default = "hello", help = "what the property says" } },
  effects = { "pg:write" },

  run = function(tenant, params)
    local key = { tenant_id = tenant.id, property_key = "note.%s" }
    step("Write a note", function()
      pg.tenant:ensure_row("core_config.tenant_property_defaults", key, { property_value = params.text })
    end)
    check("the note is there", function()
      return pg.tenant:one([[select property_value from core_config.tenant_property_defaults
        where tenant_id = $1 and property_key = $2]], key.tenant_id, key.property_key)
    end)
  end,
}
]=]

local function perform(options, words)
  local name = words[1]
  if not name:match("^%l[%l%d-]*$") or #name > 63 then
    errors.input(("%q is no name for a runbook: small letters, digits and hyphens"):format(out.printable(name)))
  end
  local project = common.place(options)
  local path = fs.join(project.root, "runbooks", name .. ".lua")
  if fs.exists(path) then errors.input("there is such a runbook already", "o2x info " .. name, path) end
  fs.write(path, (TEMPLATE:gsub("%%s", name)), { parents = true, mode = tonumber("644", 8) })
  out.say("made " .. path)
  out.say(
    ("next: edit it, then o2x check %s and o2x plan %s TENANT; it runs as it is, in the lab for urbanos"):format(
      name,
      name
    )
  )
end

return {
  name = "new",
  usage = "new NAME",
  least = 1,
  most = 1,
  needs = "a name",
  summary = "make a runbook to start from",
  run = perform,
}

--- o2x new NAME

local common = require "o2x.cli.common"
local errors = require "o2x.error"
local fs = require "o2x.fs"
local out = require "o2x.out"

local TEMPLATE = [[
local runbook = require "o2x.runbook"
local files   = require "o2x.files"

return runbook {
  name = "%s", version = "0.1.0", api = 1,
  summary = "Say in one line what it does",
  params  = { text = { "string", default = "hello", help = "what the note says" } },
  effects = { "files:write" },

  run = function(tenant, params)
    step("Write a note", function()
      files.ensure("docs/notes/" .. tenant.name .. ".md", params.text .. "\n")
    end)
    check("the note is there", function() return files.exists("docs/notes/" .. tenant.name .. ".md") end)
  end,
}
]]

local function perform(options, words)
  local name = words[1]
  if not name:match("^%l[%l%d-]*$") or #name > 63 then
    errors.input(("%q is no name for a runbook: small letters, digits and hyphens"):format(out.printable(name)))
  end
  local project = common.place(options)
  local path = fs.join(project.root, "runbooks", name .. ".lua")
  if fs.exists(path) then errors.input("there is such a runbook already", "o2x info " .. name, path) end
  fs.write(path, TEMPLATE:format(name), { parents = true, mode = tonumber("644", 8) })
  out.say("made " .. path)
  out.say(("next: edit it, then o2x check %s and o2x plan %s TENANT"):format(name, name))
end

return {
  name = "new", usage = "new NAME", least = 1, most = 1, needs = "a name", summary = "make a runbook to start from",
  run = perform,
}

-- Each command that a message, a hint or a help text proposes is pasted as it was printed, where its state was brought
-- about: the rows of tests/support/proposed/.

local labs = require "tests.support.lab"
local paste = require "tests.support.proposed.paste"
local rows = require "tests.support.proposed.rows"

describe("what o2x proposes", function()
  local lab

  setup(function()
    lab = labs.start()
    rows.use(lab)
    local tenant = rows.TENANT
    paste.works(lab, "o2x run onboard " .. tenant)
    paste.works(lab, ("o2x run deploy %s services=service-usage image=v2.6.0 --confirm=%s"):format(tenant, tenant))
  end)
  teardown(function() lab:stop() end)

  local done = {}
  local keys = {}
  for key in pairs(rows.ROWS) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local row = rows.ROWS[key]
    if type(row) == "function" and not done[row] then
      done[row] = true
      it("works: " .. key, function() row(lab) end)
    end
  end

  for name in pairs(rows.HELP) do
    it("works: the help of " .. name, rows.help_of(name))
  end
end)

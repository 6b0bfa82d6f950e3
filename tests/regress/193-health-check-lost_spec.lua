-- A record set with a health check, or of a weighted policy, was written over as if it had values alone, and lost the
-- rest; a weighted set whose first member had the wanted values was "unchanged".

local dns = require "o2x.effects.dns"
local record = dns.types[1]

local function context(listed)
  local client = {
    zone_of = function() return "Z", "example.com" end,
    records_of = function() return { listed } end,
    change = function() error "sent" end,
  }
  return { scope = { dns = { "example.com" } }, client = function() return client end, tenant = { name = "t" } }
end

describe("a record set that is more than its values", function()
  for policy, set in pairs { ["health check"] = false, weighted = "blue" } do
    it("is left alone: " .. policy, function()
      local listed =
        { name = "a.example.com", type = "A", ttl = 60, values = { "192.0.2.1" }, policy = policy, set = set or nil }
      local ctx, target = context(listed), { name = "a.example.com", type = "A", takeover = true }
      local desired = { type = "A", ttl = 60, values = { "192.0.2.1" } }
      local before = record.read(ctx, target)
      assert.is_false(record.equal(before, desired))
      for _, act in ipairs { record.predict, record.write } do
        local ok, err = pcall(act, ctx, target, desired, before)
        assert.is_false(ok)
        assert.matches(("A %s record set"):format(policy), err.message, 1, true)
      end
    end)
  end
end)

--- The time for runbooks: require "o2x.clock". It is noted in the journal, so that a resumed run sees the same.

local clock = require "o2x.clock"

return {
  name = "clock",
  api = function(ctx)
    local function now() return ctx:recorded("clock.now", function() return math.floor(clock.now()) end) end
    return {
      now = now,
      today = function() return clock.today(now()) end,
      iso = function(time) return clock.iso(time or now()) end,
      parse = clock.parse,
    }
  end,
}

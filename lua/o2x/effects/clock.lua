--- The time for runbooks: require "o2x.clock". The journal records it, so that a resumed run sees the same time.

local clock = require "o2x.base.clock"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

return {
  name = "clock",
  secrets = { parse = true },
  api = function(ctx)
    local function current() return math.floor(clock.now()) end
    local function now() return ctx:recorded("clock.now", current) end
    return {
      --- The time in seconds since 1970. A resumed run sees the same time.
      ---@return integer
      now = now,
      --- The date: "2026-11-23".
      ---@return string
      today = function() return clock.today(now()) end,
      --- A time as ISO 8601; default: now.
      ---@param time number?
      ---@return string
      iso = function(time) return clock.iso(time or now()) end,
      --- Times of the run itself as ISO 8601, to be written somewhere: each so many seconds after now; default: now. In
      --- a plan they are known after apply.
      ---@param ... number seconds
      ---@return string ...
      stamp = function(...)
        local start, texts = ctx:of_the_run("clock.now", current), table.pack(...)
        for i = 1, math.max(1, texts.n) do
          texts[i] = value.is_unknown(start) and start or clock.iso(start + (texts[i] or 0))
        end
        return table.unpack(texts, 1, math.max(1, texts.n))
      end,
      --- The seconds since 1970 of an ISO 8601 time, which may be a secret that a store gave.
      ---@param text string|userdata
      ---@return number
      parse = function(text)
        if secret.is(text) and secret.is_joined(text) then
          ctx:refuse("clock.parse: a secret that was joined from parts", "pass the secret as the store gave it")
        end
        return clock.parse(text)
      end,
    }
  end,
}

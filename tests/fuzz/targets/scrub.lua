-- Masking: a length, a secret of that length, a text. A secret that can be masked is not in what is left of the text.
local secret = require "o2x.base.secret"

return function(input)
  local length = input:byte(1)
  if not length or length < 6 or #input < 1 + length then return end
  local bytes, text = input:sub(2, 1 + length), input:sub(2 + length)
  local live = secret.new(bytes, "a secret")
  local clean = secret.scrub(text)
  local maskable = secret.is_maskable(live)
  secret.wipe(live)
  local visible = bytes:gsub("%z", "?")
  local is_mask = bytes:find "^[%z%*%?]+$"
  if maskable and not is_mask then assert(not clean:find(visible, 1, true), "the secret is still there") end
end

-- Masking: a length, a secret of that length, a text. The secret is not in what is left of the text.
local secret = require "o2x.base.secret"

return function(input)
  local length = input:byte(1)
  if not length or length < 6 or #input < 1 + length then return end
  local bytes, text = input:sub(2, 1 + length), input:sub(2 + length)
  local live = secret.new(bytes, "a secret")
  local clean = secret.scrub(text)
  secret.wipe(live)
  local visible = bytes:gsub("%z", "?")
  if not bytes:find "^[%z%*%?]+$" then assert(not clean:find(visible, 1, true), "the secret is still there") end
end

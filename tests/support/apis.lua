-- For specs that require modules of stdlib/ directly: what these require as "o2x.NAME", as far as it is pure.

local effects = require "o2x.effects"

for _, name in ipairs(effects.NAMES) do
  if effects.is_pure(name) then package.preload["o2x." .. name] = function() return effects.find(name).api() end end
end

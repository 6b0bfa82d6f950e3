-- o2x in the development host: build/o2x-dev scripts/o2x.lua COMMAND … It takes Lua from the checkout, so a change
-- needs no build, and unlike build/o2x it leaves a core file and lets a debugger attach.

return require "o2x.main"(table.unpack(arg, 2))

-- The program with the toy effects in it: build/o2x-dev tests/support/o2x.lua COMMAND …
package.path = (arg[1]:match("^(.*)/tests/support/o2x%.lua$") or ".") .. "/?.lua;" .. package.path
local toy = require "tests.support.toy.effects"
if os.getenv "TOY_BUG" then require("tests.support.toy.bugs").plant(toy, os.getenv "TOY_BUG") end
require("o2x.effects").add(toy)
package.preload["o2x.prove.lab"] = function() return require "tests.support.toy.lab" end
return require "o2x.main"(table.unpack(arg, 2))

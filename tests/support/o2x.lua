-- The program with the toy effects in it: build/o2x-dev tests/support/o2x.lua COMMAND …
package.path = arg[1]:match("^(.*)/tests/support/o2x%.lua$") .. "/?.lua;" .. package.path
require("o2x.effects").add(require "tests.support.toy_effects")
return require "o2x.main"(table.unpack(arg, 2))

-- The program with the toy effects in it: build/o2x-dev tests/support/o2x.lua COMMAND …
package.path = (arg[1]:match("^(.*)/tests/support/o2x%.lua$") or ".") .. "/?.lua;" .. package.path
require("o2x.effects").add(require "tests.support.toy.effects")
return require "o2x.main"(table.unpack(arg, 2))

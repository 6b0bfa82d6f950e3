-- o2x with a clock of its own that runs fast, so that its pauses and deadlines are short:
-- build/o2x-dev tests/support/hastened.lua TIMES COMMAND …

require("o2x.core.forks").hasten(tonumber(arg[2]))
return require "o2x.main"(table.unpack(arg, 3))

local holders_tests = require "tests.support.holders"

local words = { setup = setup, teardown = teardown, before_each = before_each, it = it, assert = assert }

describe("a row of o2x.lock", function() holders_tests(words) end)

-- The tables of a tenant belonged to whichever operator had come first, and the next one was refused:
-- "permission denied for table flyway_schema_history".

local two_roles = require "tests.support.two_roles"

describe(
  "two operators with roles of their own:",
  function() two_roles { setup = setup, teardown = teardown, it = it, assert = assert } end
)

-- GraphQL documents: what is let through reads the same when it is read again, and holds no mutation.
local graphql = require "o2x.effects.service.graphql"
local only = require "tests.fuzz.only"

return only(function(text)
  local written = graphql.query(text)
  assert(graphql.query(written) == written, "read again, it differs")
end)

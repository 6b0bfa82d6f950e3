-- service.query sent its POST to any path, in a plan too: a request to /api/users/create or a login, with a body that
-- only looked like GraphQL. A GET of /graphql?query=mutation… was taken for a read.

local hostile = require "tests.support.hostile"
local labs = require "tests.support.lab"

describe("a GraphQL query", function()
  local lab
  setup(function() lab = labs.start() end)
  teardown(function() lab:stop() end)

  local function refused(what, body, expect)
    it(what, function() hostile.attempt(lab, { what, body = body, mode = "plan", code = 3, expect = expect }) end)
  end

  refused(
    "does not log in",
    [[service.query { service = "urbanos-service-sso", path = "/api/auth/login", query = "{ a }",
      variables = { username = "a", password = "b" } }]],
    "no GraphQL is served at"
  )
  refused(
    "has no mutation in its path",
    [[service.query { service = "urbanos-service-proxy", path = "/graphql?query=mutation%7Ba%7D", query = "{ a }" }]],
    "no GraphQL is served at"
  )
  refused(
    "is no GET",
    [[service.call { service = "urbanos-service-proxy", path = "/graphql?query=mutation%7Ba%7D" }]],
    "carries a GraphQL document"
  )
end)

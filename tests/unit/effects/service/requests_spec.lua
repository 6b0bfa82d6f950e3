local api = require "tests.support.api"
local raised = require "tests.support.raised"
local requests = require "o2x.effects.service.requests"

local SCOPE <const> = { http = { "acme.example.com" }, headers = { ["x-tenant-id"] = "T-1" }, graphql = { "/graphql" } }

describe("a request", function()
  local ctx
  before_each(function() ctx = select(2, api("service", { scope = SCOPE })) end)

  it("is read field by field", function()
    local checked =
      requests.check(ctx, { service = "billing", path = "/x?y=1", headers = { ["X-Tenant-ID"] = "T-1" } }, "call")
    assert.same(
      { service = "billing", port = 8080, path = "/x?y=1", to = "billing /x", method = "GET", timeout = 30 },
      {
        service = checked.service,
        port = checked.port,
        path = checked.path,
        to = checked.to,
        method = checked.method,
        timeout = checked.timeout,
      }
    )
    assert.equal("billing:80 /", requests.check(ctx, { service = "billing", port = 80 }, "send").to)
    assert.equal("POST", requests.check(ctx, { service = "billing" }, "send").method)
    assert.equal(
      "https://acme.example.com/a",
      requests.check(ctx, { url = "https://acme.example.com/a?b=c" }, "call").to
    )
  end)

  it("has no fields that it does not know", function()
    for sort, given in pairs {
      call = { "json", "body", "query", "proof", "name" },
      query = { "json", "method", "extensions", "body" },
      send = { "query", "body", "proxy" },
      test = { "method", "query" },
    } do
      for _, field in ipairs(given) do
        local e = raised(requests.check, ctx, { service = "billing", [field] = "x" }, sort)
        assert.matches(("unknown field %q"):format(field), e.message)
      end
    end
    for _, given in ipairs { "x", 1, true } do
      assert.equal("input", raised(requests.check, ctx, given, "call").kind)
    end
  end)

  it("goes to one place, which is granted", function()
    for _, given in ipairs {
      {},
      { service = "a", url = "https://acme.example.com/" },
      { url = "https://acme.example.com/", path = "/x" },
      { url = "https://acme.example.com/", port = 1 },
      { url = "http://acme.example.com/" },
      { url = "https://u:p@acme.example.com/" },
      { url = "https://acme.example.com@evil.example.com/" },
      { url = "https://acme.example.com/../x" },
      { url = "https://acme.example.com//x" },
      { url = "https://acme.example.com/#x" },
      { url = "https://acme.example.com\\x" },
      { url = "HTTPS://acme.example.com/" },
      { url = "ftp://acme.example.com/" },
      { url = 7 },
      { service = 7 },
      { service = "a", path = "/../x" },
      { service = "a", timeout = 0 },
      { service = "a", timeout = 1e9 },
      { service = "a", timeout = "1" },
      { service = "a", session = { token = function() return "x" end } },
      { service = "a", session = "x" },
    } do
      assert.equal("input", raised(requests.check, ctx, given, "call").kind, given.url)
    end
    for _, url in ipairs {
      "https://evil.example.com/",
      "https://example.com/",
      "https://acme.example.com.evil.com/",
      "https://xacme.example.com/",
      "https://acme.example.com:8443/",
      "https://127.0.0.1/",
      "https://[::1]/",
      "https://2130706433/",
    } do
      assert.equal("refused", raised(requests.check, ctx, { url = url }, "call").kind, url)
    end
    requests.check(ctx, { url = "https://acme.example.com:443/" }, "call")
    requests.check(ctx, { url = "https://api.acme.example.com/graphql" }, "call")
  end)

  it("with a query only reads, and its body is made here", function()
    local given =
      { service = "a", path = "/graphql", query = "query A { b } # c", variables = { x = 1 }, operation = "A" }
    local checked = requests.check_read(ctx, given)
    assert.equal("POST", checked.method)
    assert.same({ query = "query A { b }", variables = { x = 1 }, operationName = "A" }, checked.json)
    assert.equal(
      "refused",
      raised(requests.check_read, ctx, { service = "a", path = "/graphql", query = "mutation { b }" }).kind
    )
    assert.equal(
      "input",
      raised(requests.check_read, ctx, { service = "a", path = "/graphql", query = "{ b }", variables = "x" }).kind
    )
    assert.equal("refused", raised(requests.check_read, ctx, { service = "a", method = "POST" }).kind)
    assert.equal("GET", requests.check_read(ctx, { service = "a" }).method)
  end)
end)

describe("the value in an answer", function()
  it("is found by its path", function()
    local json = require "o2x.base.json"
    local answer = { data = { list = { { id = 7 } }, none = json.null } }
    assert.equal(7, requests.pick(answer, "data.list.1.id"))
    for _, path in ipairs { "data.none", "data.list.2", "data.list.1.id.x", "x" } do
      assert.is_nil(requests.pick(answer, path))
    end
    assert.is_nil(requests.pick("text", "x"))
  end)
end)

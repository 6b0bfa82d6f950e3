local raised = require "tests.support.raised"
local rules = require "o2x.client.request_rules"
local secret = require "o2x.base.secret"

describe("a method", function()
  it("reads only if it is spelt exactly so", function()
    for _, method in ipairs { "GET", "HEAD", "OPTIONS" } do
      assert.equal(method, rules.read_method(method, "x"))
    end
    assert.equal("GET", rules.read_method(nil, "x"))
    local others = {
      "POST",
      "PUT",
      "PATCH",
      "DELETE",
      "TRACE",
      "CONNECT",
      "LIST",
      "PROPFIND",
      "get",
      "Get",
      "GET ",
      " GET",
      "GET\r\nX: y",
      "GET /x HTTP/1.1",
      "POST\0",
      "",
      "GETPOST",
      1,
      true,
      {},
    }
    for _, method in ipairs(others) do
      local e = raised(rules.read_method, method, "service.call")
      assert.equal("refused", e.kind)
      assert.matches("service.call only reads", e.message)
      assert.matches("service.send", e.hint)
    end
  end)

  it("that writes is one of four", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      assert.equal(method, rules.write_method(method, "x"))
    end
    for _, method in ipairs { "GET", "post", "POST ", "CONNECT", "TRACE", "", {} } do
      assert.equal("input", raised(rules.write_method, method, "service.send").kind)
    end
  end)
end)

describe("a path", function()
  it("is sent as it is", function()
    for _, path in ipairs {
      "/",
      "/actuator/health",
      "/a/b.c/d-e_f~g/",
      "/x?y=1&z=%2F..&w=a/../b",
      "/caf%C3%A9",
      "/a%20b",
      "/a:b@c;v=1,2",
      "/...",
      "/a..b/.well-known/x",
      "/100%25",
    } do
      assert.equal(path, rules.path(path))
    end
  end)

  it("does not lead elsewhere, however it is written", function()
    for _, path in ipairs {
      "",
      "x",
      "//evil.example.com/",
      "/a//b",
      "/..",
      "/../x",
      "/a/../b",
      "/a/..",
      "/a/./b",
      "/%2e%2e/x",
      "/%2E./x",
      "/.%2e/x",
      "/%252e%252e/x",
      "/%25%32%65./x",
      "/..%2fx",
      "/a%2Fb",
      "/a%5cb",
      "/..;/x",
      "/..;a=b/x",
      "/a/..%3b/x",
      "/a\\..\\b",
      "/a#b",
      "/a%23b",
      "/a%3Fb",
      "/a b",
      "/a\tb",
      "/a\r\nX: y",
      "/a%0d%0aX:y",
      "/a%00",
      "/a\0",
      "/%",
      "/%2",
      "/%zz",
      "/é",
      "http://x/",
      "/" .. ("a"):rep(9000),
      7,
    } do
      local e = raised(rules.path, path)
      assert.equal("input", e.kind, tostring(path))
      assert.is_nil(e.message:find "[%c]", tostring(path))
    end
  end)
end)

describe("a header", function()
  it("says nothing about who asks for whom", function()
    assert.same({ Accept = "x", ["X-Request-ID"] = 1 }, rules.headers { Accept = "x", ["X-Request-ID"] = 1 })
    assert.same({}, rules.headers(nil))
    local token = secret.new("Bearer t-1", "token")
    assert.equal(token, rules.headers({ authorization = token }).authorization)
    for _, name in ipairs {
      "Host",
      "X-HTTP-Method-Override",
      "x-http-method",
      "X-Method-Override",
      "X-Forwarded-For",
      "X-Forwarded-Host",
      "X-Forwarded-Authorization",
      "Forwarded",
      "X-Original-URL",
      "X-Rewrite-URL",
      "X-Tenant-ID",
      "Impersonate-User",
      "Content-Length",
      "Transfer-Encoding",
      "Connection",
      "Upgrade",
      "Expect",
      "Cookie",
      "Proxy-Authorization",
      "Accept\r\nX",
      "Accept ",
      "",
      1,
    } do
      assert.equal("refused", raised(rules.headers, { [name] = "x" }).kind, tostring(name))
    end
  end)

  it("holds one line of text", function()
    for _, value in ipairs { "a\r\nHost: x", "a\nb", "a\0b", ("x"):rep(9000), {}, true } do
      assert.equal("input", raised(rules.headers, { Accept = value }).kind)
    end
  end)

  it("of the platform has the value that it grants", function()
    local granted = { ["x-tenant-id"] = "TIDLT-100008", ["x-free"] = true }
    assert.same({ ["X-Tenant-ID"] = "TIDLT-100008" }, rules.headers({ ["X-Tenant-ID"] = "TIDLT-100008" }, granted))
    assert.same({ ["X-Free"] = "any" }, rules.headers({ ["X-Free"] = "any" }, granted))
    for _, value in ipairs { "TIDLT-100001", "TIDLT-100008,TIDLT-100001", "", secret.new("TIDLT-100008", "x") } do
      assert.equal("refused", raised(rules.headers, { ["X-Tenant-ID"] = value }, granted).kind)
    end
  end)
end)

describe("the path of a read", function()
  it("carries no GraphQL document", function()
    for _, path in ipairs {
      "/graphql?query=mutation%7Ba%7D",
      "/graphql?query=%7Ba%7D",
      "/api/GraphQL/?extensions=%7B%7D",
      "/graphql?documentId=1",
      "/api?x=1&query=mutation+%7Ba%7D",
      "/api?query=%6dutation%7Ba%7D",
      "/api?%71uery=%23%0Amutation%7Ba%7D",
    } do
      local e = raised(rules.read_path, path, "service.call")
      assert.equal("refused", e.kind, path)
      assert.matches("service.query", e.hint)
    end
    for _, path in ipairs { "/", "/graphql", "/graphql?", "/api/search?query=mutual", "/x?mutation=1", "/x?a=query" } do
      assert.equal(path, rules.read_path(path, "service.call"))
    end
  end)
end)

describe("the path of a GraphQL query", function()
  it("is one that the platform grants, and nothing else", function()
    assert.equal("/graphql", rules.query_path("/graphql", { "/api", "/graphql" }))
    for _, path in ipairs { "/graphql?", "/graphql/", "/", "/graphql/x" } do
      assert.equal("refused", raised(rules.query_path, path, { "/graphql" }).kind)
    end
    assert.equal("refused", raised(rules.query_path, "/graphql", nil).kind)
  end)
end)

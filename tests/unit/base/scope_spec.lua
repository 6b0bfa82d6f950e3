local scope = require "o2x.base.scope"

local function refused(check, grants, value)
  local ok, err = pcall(check, grants, value, "thing")
  assert.is_false(ok, value)
  assert.equal("refused", err.kind)
  assert.matches("^thing ", err.message)
  assert.matches("platform.lua", err.hint)
end

describe("scope.path", function()
  it("allows a granted path, and what is below a granted folder", function()
    assert.equal("a/b", scope.path({ "a/b" }, "a/b", "thing"))
    assert.equal("a/b/c", scope.path({ "a/b/" }, "a/b/c", "thing"))
  end)

  it("refuses what only begins with the same letters", function()
    refused(scope.path, { "a/b" }, "a/bc")
    refused(scope.path, { "a/b" }, "a/b/c")
  end)

  it("refuses to climb out of a folder", function() refused(scope.path, { "a/b/" }, "a/b/../c") end)
end)

describe("scope.name", function()
  it("allows exactly the granted names", function()
    assert.equal("x", scope.name({ "w", "x" }, "x", "thing"))
    refused(scope.name, { "w", "x" }, "X")
    refused(scope.name, { "w", "x" }, "xx")
  end)
end)

describe("scope.key", function()
  it("allows what begins with a granted prefix", function()
    assert.equal("T-1:x", scope.key({ "T-1:" }, "T-1:x", "thing"))
    refused(scope.key, { "T-1:" }, "T-10:x")
    refused(scope.key, { "T-1:" }, "T-1")
  end)
end)

describe("scope.domain", function()
  it("allows a granted domain and those below it", function()
    assert.equal("x.example.com", scope.domain({ "x.example.com" }, "x.example.com", "thing"))
    assert.equal("www.x.example.com", scope.domain({ "x.example.com" }, "www.x.example.com", "thing"))
    refused(scope.domain, { "x.example.com" }, "example.com")
    refused(scope.domain, { "x.example.com" }, "evilx.example.com")
  end)
end)

describe("a scope without grants", function()
  it("allows nothing", function()
    for _, check in ipairs { scope.path, scope.name, scope.key, scope.domain } do
      refused(check, nil, "x")
      refused(check, {}, "x")
    end
  end)
end)

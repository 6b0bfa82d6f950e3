local json = require "o2x.base.json"
local status = require "o2x.client.k8s.status"

local function error_of(code, body, headers)
  body = type(body) == "table" and json.encode(body) or body or ""
  return status.error("Deployment x", { status = code, headers = headers or {}, body = body }, "apply")
end

local function answer(message, causes) return { kind = "Status", message = message, details = { causes = causes } } end

describe("an error answer of the API server", function()
  it("has a kind by its status", function()
    local kinds = {
      [400] = "failed",
      [401] = "unauthorised",
      [403] = "unauthorised",
      [409] = "conflict",
      [429] = "unreachable",
      [500] = "unknown",
      [504] = "unknown",
    }
    for code, kind in pairs(kinds) do
      assert.equal(kind, error_of(code).kind, code)
    end
  end)

  it(
    "says what the server says",
    function() assert.equal("Deployment x: no such thing", error_of(404, answer "no such thing").message) end
  )

  it(
    "survives the page of a proxy",
    function() assert.matches("^Deployment x: .*502", error_of(502, "<html>Bad Gateway</html>").message) end
  )

  it("names the owner of a field in conflict", function()
    local causes = {
      { reason = "FieldManagerConflict", field = ".spec.replicas", message = 'conflict with "kubectl" using v1' },
    }
    assert.matches("%.spec%.replicas belongs to kubectl", error_of(409, answer("conflict", causes)).message)
  end)

  it("names the fields that are invalid", function()
    local causes = { { field = "spec.x", message = "must be set" }, { message = "and more" } }
    assert.matches("invalid: spec.x: must be set; and more$", error_of(422, answer("bad", causes)).message)
  end)

  it("is out of reach for a read where a write is in doubt", function()
    local response = { status = 500, headers = {}, body = "" }
    assert.equal("unreachable", status.error("Deployment x", response, "get").kind)
    assert.is_true(status.error("Deployment x", response, "get").retryable)
    assert.is_true(status.error("Deployment x", response, "request", true).retryable)
  end)

  it("may be retried where the server did nothing", function()
    assert.is_true(error_of(429).retryable)
    assert.is_true(error_of(503).retryable)
    assert.is_true(error_of(500, { kind = "Status", reason = "ServerTimeout" }).retryable)
    assert.is_nil(error_of(500).retryable)
  end)

  it("has the pause that the server asks for, within bounds", function()
    assert.equal(7, error_of(429, nil, { ["retry-after"] = "7" }).retry_after)
    assert.equal(60, error_of(429, nil, { ["retry-after"] = "3600" }).retry_after)
  end)
end)

describe("status.check", function()
  it("lets a success through", function()
    local response = { status = 201 }
    assert.equal(response, status.check("x", response, "get"))
  end)

  it(
    "raises any other",
    function() assert.is_false((pcall(status.check, "x", { status = 302, headers = {}, body = "" }, "get"))) end
  )
end)

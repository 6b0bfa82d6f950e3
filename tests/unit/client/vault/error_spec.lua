local vault_error = require "o2x.client.vault.error"

local function raised(status, body, method, headers)
  local request = { method = method or "PUT", path = "secret/x", what = "write secret/x" }
  local response = { status = status, headers = headers or {}, body = body or "" }
  local ok, err = pcall(vault_error.raise, request, response)
  assert.is_false(ok)
  return err
end

local function said(...) return { errors = { ... } } end

describe("an answer of Vault", function()
  it("is named with what was asked and its code", function()
    local err = raised(400, said "bad name")
    assert.equal("Vault: write secret/x: bad name", err.message)
    assert.same({ "vault", "PUT", 400 }, { err.module, err.op, err.code })
  end)

  it("that was not carried out may be sent again", function()
    for _, status in ipairs { 412, 429, 472, 473, 501, 503 } do
      local err = raised(status)
      assert.same({ "unreachable", true }, { err.kind, err.retryable }, status)
    end
  end)

  it("says that Vault is sealed, and what to do", function()
    local err = raised(503, said "Vault is sealed")
    assert.equal("vault operator unseal", err.hint)
  end)

  it("after a 500 tells a read from a write", function()
    assert.same({ "unreachable", true }, { raised(500, "", "GET").kind, raised(500, "", "GET").retryable })
    assert.same({ "unknown", nil }, { raised(502, "").kind, raised(502, "").retryable })
  end)

  it(
    "is a conflict where somebody else was first",
    function() assert.equal("conflict", raised(400, said "check-and-set parameter did not match").kind) end
  )

  it("is not followed elsewhere", function()
    local err = raised(307, "", "GET", { location = "https://other:8200" })
    assert.is_false(err.retryable)
    assert.matches("https://other:8200", err.message)
  end)

  it(
    "carries the pause that is asked for",
    function() assert.equal(5, raised(429, "", "GET", { ["retry-after"] = "5" }).retry_after) end
  )
end)

describe("the text of an answer", function()
  it("is on one line, without the count of errors", function()
    local response = { body = said("1 error occurred:\n\t* no\n\n", "more") }
    assert.equal("no ; more", vault_error.text_of(response))
  end)

  it("is empty for a page of somebody else", function() assert.equal("", vault_error.text_of { body = "<html>" }) end)
end)

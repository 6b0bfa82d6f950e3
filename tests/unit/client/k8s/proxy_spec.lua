local json = require "o2x.base.json"
local proxy = require "o2x.client.k8s.proxy"

-- A client that notes what it sends and gives this answer.
local function client(response)
  local this = { sent = {}, placed = {} }
  function this.place(_, kind, name, namespace, read)
    table.insert(this.placed, { kind, name, namespace, read })
    return {}, "/api/v1/namespaces/prod/services/" .. name, kind .. " " .. name
  end
  function this.send(_, method, url, o)
    table.insert(this.sent, { method = method, url = url, o = o })
    return response or { status = 200, headers = {}, body = "" }
  end
  this.request = proxy.request
  return this
end

local function refused(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("input", err.kind)
end

describe("a request to a service", function()
  it("goes through the API server", function()
    local this = client()
    this:request("billing", 8080, { path = "/health?x=1" })
    assert.equal("GET", this.sent[1].method)
    assert.equal("/api/v1/namespaces/prod/services/billing:8080/proxy/health?x=1", this.sent[1].url)
  end)

  it("gives the service's answer, whatever its status", function()
    local response = { status = 500, headers = { ["content-type"] = "application/json" }, body = '{"ok":false}' }
    assert.same({ ok = false }, client(response):request("billing", 80, {}).json)
  end)

  it("raises what the API server itself refuses", function()
    local body = json.encode { kind = "Status", apiVersion = "v1", message = "no endpoints" }
    local this = client { status = 503, headers = {}, body = body }
    local ok, err = pcall(this.request, this, "billing", 80, {})
    assert.is_false(ok)
    assert.matches("no endpoints", err.message)
  end)

  it("tells a service that does not answer from an API server that does not", function()
    for message, behind in pairs {
      ['no endpoints available for service "billing:80"'] = true,
      ['no service port "80" found for service "billing"'] = true,
      ["error trying to reach service: dial tcp 10.0.0.7:80: connect: connection refused"] = true,
      ["etcdserver: request timed out"] = false,
      ["the server is currently unable to handle the request"] = false,
    } do
      local body = json.encode { kind = "Status", apiVersion = "v1", message = message }
      local this = client { status = 503, headers = {}, body = body }
      local _, err = pcall(this.request, this, "billing", 80, {})
      assert.equal("unreachable", err.kind)
      assert.equal(behind, err.behind == true, message)
    end
  end)

  it("cannot leave the service by its path", function()
    for _, path in ipairs { "/../x", "/a/../../x", "/%2e%2E/x", "/a%2F..", "x", "/a b", "/a\nb" } do
      local this = client()
      refused(this.request, this, "billing", 80, { path = path })
      assert.same({}, this.sent)
    end
  end)

  it("cannot pass for another user, nor hide in the port", function()
    local this = client()
    refused(this.request, this, "billing", 80, { headers = { ["Impersonate-User"] = "admin" } })
    refused(this.request, this, "billing", "80/x", {})
  end)

  it("hands a token on by the header of authenticating proxies", function()
    local this = client()
    this:request("billing", 80, { headers = { Authorization = "Bearer x" } })
    assert.same({ ["X-Forwarded-Authorization"] = "Bearer x" }, this.sent[1].o.headers)
  end)

  it("that changes something needs more than the right to look", function()
    local this = client()
    this:request("billing", 80, { method = "POST" })
    this:request("billing", 80, { method = "GET" })
    this:request("billing", 80, { method = "POST", shared = true })
    assert.same({ false, true, true }, { this.placed[1][4], this.placed[2][4], this.placed[3][4] })
  end)
end)

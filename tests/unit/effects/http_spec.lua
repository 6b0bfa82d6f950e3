local api = require "tests.support.api"
local raw_server = require "tests.support.raw_server"

local function refused(kind, request)
  local http = api("http", { scope = { http = { "acme.example.com" } } })
  local ok, err = pcall(http.request, request)
  assert.is_false(ok)
  assert.equal(kind, err.kind)
  return err
end

describe("o2x.http", function()
  it("looks at a granted host", function()
    local server <close> = raw_server.serve(
      function(request, send)
        send(
          ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\nX-Asked: %s\r\n\r\nhere"):format(
            request:match "^%S+ %S+"
          )
        )
      end
    )
    local http = api("http", { scope = { http = { "127.0.0.1", "127.0.0.1:" .. server.port } } })
    local answer = http.request { url = ("http://127.0.0.1:%d/x"):format(server.port), method = "GET" }
    assert.same({ 200, "here", "GET /x" }, { answer.status, answer.body, answer.headers["x-asked"] })
  end)

  it("changes nothing", function()
    for _, method in ipairs { "POST", "PUT", "DELETE", "PATCH" } do
      refused("refused", { method = method, url = "https://acme.example.com" })
    end
  end)

  it("goes to no other host", function()
    refused("refused", { url = "https://other.example.com" })
    refused("refused", { url = "https://acme.example.com.evil.org" })
  end)

  it("takes no URL that is none, and no other fields", function()
    refused("input", { url = "file:///etc/passwd" })
    refused("input", { url = "acme.example.com" })
    assert.matches("body", refused("input", { url = "https://acme.example.com", body = "x" }).message)
  end)
end)

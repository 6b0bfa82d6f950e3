-- Each request had an empty header "Expect:", which some servers refuse.

local http = require "o2x.client.http"
local httpd = require "lab.httpd"
local json = require "o2x.base.json"

describe("a request", function()
  it("has no header Expect, with a body or without", function()
    local function names(req) return 200, {}, json.encode(req.headers) end
    local server <close> = httpd.serve { handler = names }
    local url = ("http://127.0.0.1:%d/"):format(server.port)
    for _, request in ipairs {
      { method = "GET" },
      { method = "DELETE" },
      { method = "POST" },
      { method = "PUT", body = "text" },
      { method = "POST", body = ("x"):rep(3 << 20) },
      { method = "PATCH", json = {} },
    } do
      request.url = url
      local headers = json.decode(http.request(request).body)
      assert.is_nil(headers.expect, request.method)
      assert.is_string(headers.host)
    end
  end)
end)

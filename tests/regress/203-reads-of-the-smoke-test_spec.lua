-- A single 503, 429 or lost answer of a service failed the smoke test: its PDF, its queries, its login.

local http = require "o2x.client.http"
local json = require "o2x.base.json"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"

local HOST <const> = "https://api.t1.example.com"

describe("what the smoke test reads from a service", function()
  -- Each path answers so twice, then well.
  local function with_service(mood, body)
    local asked = {}
    small_lab.with({}, nil, function(lab)
      local server <close> = setmetatable({
        lab.serve("service", function(req)
          asked[req.path] = (asked[req.path] or 0) + 1
          if asked[req.path] > 2 then
            local answer = req.path:find "pdf" and "%PDF-1.7" or json.encode { data = { a = 1 }, token = "t-123456" }
            return 200, { ["Content-Type"] = "application/json" }, answer
          end
          if mood == "drop" then return req:drop() end
          return mood, {}, "not now"
        end, { tls = lab.certificate("service", { "api.t1.example.com" }) }),
      }, { __close = function(held) held[1]:stop() end })
      local run = small_run.new {
        modules = { (require "o2x.effects.service"), (require "o2x.effects.http") },
        clients = {},
        scope = { http = { "api.t1.example.com" }, graphql = { "/graphql" } },
        config = { https = { connect_to = "127.0.0.1:" .. server[1].port, ca = lab.ca } },
      }
      run.first_pause = 0
      body(run, asked)
    end)
  end

  for _, mood in ipairs { 429, 503, 502, 500, "drop" } do
    it("is asked for again after " .. mood, function()
      with_service(mood, function(run, asked)
        local service = run.api.service
        assert.equal("%PDF-1.7", service.call({ url = HOST .. "/invoices/1.pdf" }).body)
        assert.equal(1, service.query({ url = HOST .. "/graphql", query = "query { a }" }).json.data.a)
        assert.equal(200, run.api.http.request({ url = HOST .. "/x" }).status)
        service.session({ url = HOST .. "/login", json = { user = "a" }, token = "token" }).login()
        assert.same({ ["/invoices/1.pdf"] = 3, ["/graphql"] = 3, ["/x"] = 3, ["/login"] = 3 }, asked)
      end)
    end)
  end

  it("is given as it is where it stays so, and at once where it is asked for once", function()
    with_service(503, function(run, asked)
      run.retry_seconds = 0
      assert.equal(503, run.api.service.call({ url = HOST .. "/a" }).status)
      assert.equal(503, run.api.http.request({ url = HOST .. "/b", once = true }).status)
      assert.same({ ["/a"] = 1, ["/b"] = 1 }, asked)
    end)
  end)

  it("is no mutation: that one is sent once", function()
    with_service(500, function(run, asked)
      local send = run.api.service.send
      assert.is_false((pcall(send, { url = HOST .. "/orders", json = {} })))
      assert.same({ ["/orders"] = 1 }, asked)
      assert.is_true(http.is_read { method = "POST", reads = true } and not http.is_read { method = "POST" })
    end)
  end)
end)

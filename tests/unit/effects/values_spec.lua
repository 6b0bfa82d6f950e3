-- The apis that neither read nor write a system, as scripts get them.
local raised = require "tests.support.raised"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

local function api(name, ctx) return require("o2x.effects." .. name).api(ctx) end

describe("apis of values", function()
  it("write what is unknown as such", function()
    assert.is_true(value.is_unknown(api("json").encode { a = { value.unknown } }))
    assert.equal("a: (known after apply)\n", api("yaml").encode { a = value.unknown })
    local doc = api("helm_values").parse("tenantId: x  # c\n", "v.yaml")
    assert.equal("tenantId: (known after apply)  # c\n", doc:set("tenantId", value.unknown):text())
    assert.is_true(value.is_unknown(api("crypto").bcrypt(value.unknown)))
  end)

  it("keep arrays and orders", function()
    local json, yaml = api "json", api "yaml"
    assert.equal('{"a":[]}', json.encode { a = json.array {} })
    assert.equal("b: 1\na: 2\n", yaml.encode(yaml.ordered { { "b", 1 }, { "a", 2 } }))
    assert.equal("refused", raised(json.encode, { secret.new("hunter2-hunter2", "s") }).kind)
    assert.equal("refused", raised(yaml.encode, { secret.new("hunter2-hunter2", "s") }).kind)
  end)

  it("give a resumed run the time that it saw", function()
    local journal = {}
    local ctx = {
      recorded = function(_, name, fn)
        journal[name] = journal[name] or fn()
        return journal[name]
      end,
    }
    journal["clock.now"] = 1771027200
    local clock = api("clock", ctx)
    assert.equal(1771027200, clock.now())
    assert.equal("2026-02-14", clock.today())
    assert.equal("2026-02-14T00:00:00Z", clock.iso())
  end)
end)

describe("o2x.http", function()
  local server = require "tests.support.raw_server"

  local function client(hosts)
    local ctx = { scope = { http = hosts }, config = {} }
    function ctx:refuse(message, hint)
      require("o2x.base.error").raise { kind = "refused", message = message, hint = hint }
    end
    function ctx:ask(_, fn) return fn() end
    return api("http", ctx)
  end

  it("asks a granted host", function()
    local seen
    local held <close> = server.serve(function(request, send)
      seen = request:match "^[^\r]*"
      send "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\nX-A: b\r\n\r\nno"
    end)
    local host = "localhost:" .. held.port
    local response = client({ "localhost", host }).request { url = ("http://%s/x?y=1"):format(host) }
    assert.equal("GET /x?y=1 HTTP/1.1", seen)
    assert.same({ 503, "no", "b" }, { response.status, response.body, response.headers["x-a"] })
  end)

  it("refuses other hosts and all that writes", function()
    local http = client { "newclient.embrix.com" }
    for _, url in ipairs {
      "http://newclient-sbx.embrix.com/",
      "http://127.0.0.1/",
      "http://embrix.com/",
      "http://xnewclient.embrix.com/",
      "http://newclient.embrix.com.evil.com/",
    } do
      assert.equal("refused", raised(http.request, { url = url }).kind, url)
    end
    for _, url in ipairs {
      "http://newclient.embrix.com@evil.com/",
      "ftp://newclient.embrix.com/",
      "file:///etc/passwd",
      "",
      "//x",
    } do
      assert.equal("input", raised(http.request, { url = url }).kind, url)
    end
    assert.equal("refused", raised(http.request, { method = "POST", url = "http://newclient.embrix.com/" }).kind)
    assert.equal("input", raised(http.request, { url = "http://newclient.embrix.com/", body = "x" }).kind)
  end)
end)

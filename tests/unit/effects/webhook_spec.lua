local api = require "tests.support.api"
local raw_server = require "tests.support.raw_server"
local secret = require "o2x.base.secret"

describe("o2x.webhook", function()
  -- Sends a message to a server that gives this status; -> the requests
  local function send(status, title, body)
    local requests = {}
    local server <close> = raw_server.serve(function(request, answer)
      requests[#requests + 1] = request
      answer(("HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"):format(status))
    end)
    local webhook =
      api("webhook", { config = { webhook = { url = ("http://127.0.0.1:%d/hook"):format(server.port) } } })
    webhook.send(title or "chat", body or { text = "hello" })
    return requests
  end

  local function refused(kind, fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.equal(kind, err.kind)
    return err
  end

  it("sends a message with the key of its effect", function()
    local request = send(200)[1]
    assert.matches("^POST /hook ", request)
    assert.matches("[Ii]dempotency%-[Kk]ey: R%-1/1", request)
  end)

  it("says what the address answers, and whether to send again", function()
    assert.is_true(refused("unreachable", send, 429).retryable)
    assert.is_nil(refused("unknown", send, 503).retryable) -- the gate asks, and sends it with the same key
    assert.is_false(refused("failed", send, 404).retryable)
  end)

  it("sends no secret, and nothing that is no message", function()
    refused("refused", send, 200, "chat", { text = secret.new("sesame-sesame", "x") })
    refused("input", send, 200, "chat", "text")
  end)

  it("needs an address", function()
    local err = refused("input", api("webhook", { config = { webhook = {} } }).send, "chat", { text = "x" })
    assert.matches("O2X_WEBHOOK_URL", err.hint)
  end)
end)

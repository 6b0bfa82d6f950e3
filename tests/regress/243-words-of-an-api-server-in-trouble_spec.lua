-- helm passes on what a restarting API server, its etcd, or a proxy before it says; half of these words failed a run.

local retry_rules = require "o2x.base.retry_rules"

local TROUBLE <const> = {
  "read tcp 10.0.0.1:1->10.0.0.2:443: use of closed network connection",
  "http: server closed idle connection",
  "stream error: stream ID 7; INTERNAL_ERROR; received from peer",
  "rpc error: code = Unavailable desc = transport is closing",
  "rpc error: code = Unavailable desc = keepalive ping failed",
  "lookup api.example on 10.0.0.10:53: server misbehaving",
  "502 Bad Gateway",
  "503 Service Unavailable",
  "apiserver not ready",
  "storage is (re)initializing",
  "etcdserver: leader changed",
  "net/http: TLS handshake timeout",
  "http2: server sent GOAWAY and closed the connection",
}
local MISTAKES <const> =
  { "release: already exists", "YAML parse error on app/templates/a.yaml", "no matches for kind" }

describe("what helm passes on", function()
  it("from an API server in trouble is asked about again", function()
    for _, text in ipairs(TROUBLE) do
      local rule = retry_rules.find("helm", { text = text })
      assert.equal("ask", rule and rule.verdict, text)
    end
  end)

  it("of a mistake is not", function()
    for _, text in ipairs(MISTAKES) do
      assert.is_nil(retry_rules.find("helm", { text = text }), text)
    end
  end)
end)

describe("an object that was made anew meanwhile", function()
  it("is read again", function()
    local text =
      "Operation cannot be fulfilled on pods: StorageError: invalid object, Code: 4, Precondition failed: UID"
    assert.equal("later", retry_rules.find("kubernetes", { status = 409, text = text }).verdict)
    assert.equal("never", retry_rules.find("kubernetes", { status = 409, text = "pods x already exists" }).verdict)
  end)
end)

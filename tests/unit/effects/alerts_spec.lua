local api = require "tests.support.api"

local WHERE <const> = { service = "alertmanager", port = 9093, namespace = "monitoring" }
local SCOPE <const> = { k8s = { label = { "tenant", "acme" } } }

-- Alertmanager behind the cluster's proxy, with these silences.
local function alertmanager(silences)
  local self = { silences = silences or {}, asked = {} }
  function self.request(_, service, port, o)
    assert.same({ "alertmanager", 9093, "monitoring", true }, { service, port, o.namespace, o.shared })
    table.insert(self.asked, (o.method or "GET") .. " " .. o.path)
    if o.method == "POST" then
      o.json.id, o.json.status = o.json.id or "new", { state = "active" }
      self.silences = { o.json }
    elseif o.method == "DELETE" then
      self.silences = {}
    end
    return { status = self.status or 200, headers = {}, json = self.silences, body = "no" }
  end
  return self
end

local function open(server) return api("alerts", { clients = { k8s = server }, scope = SCOPE }) end

local WANTED <const> = { until_time = "2026-02-10T12:00:00Z", comment = "maintenance" }

local function ours(fields)
  local silence = {
    id = "s-1",
    createdBy = "o2x",
    endsAt = "2026-02-10T12:00:00.000Z",
    comment = "maintenance",
    status = { state = "active" },
    matchers = { { name = "tenant", value = "acme", isRegex = false } },
  }
  for name, value in pairs(fields or {}) do
    silence[name] = value
  end
  return silence
end

describe("o2x.alerts", function()
  it("silences the tenant's label, exactly and nothing else", function()
    local server = alertmanager()
    assert.equal("created", open(server).silence(WHERE, WANTED))
    assert.same({ { name = "tenant", value = "acme", isRegex = false, isEqual = true } }, server.silences[1].matchers)
    assert.equal("2026-02-10T12:00:00Z", server.silences[1].endsAt)
  end)

  it(
    "leaves a silence alone that is as it should be",
    function() assert.equal("unchanged", open(alertmanager { ours() }).silence(WHERE, WANTED)) end
  )

  it("moves the end of one that is there", function()
    local server = alertmanager { ours { endsAt = "2026-02-10T11:00:00Z" } }
    assert.equal("changed", open(server).silence(WHERE, WANTED))
    assert.equal("s-1", server.silences[1].id)
  end)

  it("does not take those of others, of another tenant, or those that are over for its own", function()
    local others = {
      ours { createdBy = "ops" },
      ours { status = { state = "expired" } },
      ours { matchers = { { name = "tenant", value = "other" } } },
      ours { matchers = { { name = "tenant", value = "acme", isRegex = true } } },
      ours { matchers = { { name = "tenant", value = "acme" }, { name = "alertname", value = "x" } } },
    }
    for i, silence in ipairs(others) do
      assert.equal("created", open(alertmanager { silence }).silence(WHERE, WANTED), i)
    end
  end)

  it("ends its own silence", function()
    local server = alertmanager { ours() }
    assert.equal("deleted", open(server).unsilence(WHERE))
    assert.equal("DELETE /api/v2/silence/s-1", server.asked[3])
    assert.equal("unchanged", open(server).unsilence(WHERE))
  end)

  it("says that Alertmanager does not answer as it should", function()
    local server = alertmanager()
    server.status = 503
    local ok, err = pcall(open(server).silence, WHERE, WANTED)
    assert.is_false(ok)
    assert.equal("unreachable", err.kind)
    assert.matches("^Alertmanager answered 503: not available", err.message)
  end)

  it("silences nobody's alerts where the grants name no label", function()
    local alerts = api("alerts", { clients = { k8s = alertmanager() }, scope = { k8s = {} } })
    local ok, err = pcall(alerts.silence, WHERE, WANTED)
    assert.is_false(ok)
    assert.equal("refused", err.kind)
  end)
end)

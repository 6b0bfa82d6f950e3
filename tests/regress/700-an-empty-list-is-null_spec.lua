-- The API server writes null for the items of an empty list of names (PartialObjectMetadataList); its other lists have
-- []. o2x took that for something else answering there, so the first release of a cluster could not be installed. The
-- lab's simulator had [], which hid it.

local body = require "lab.k8s.body"
local k8s = require "o2x.client.k8s"
local kinds = require "lab.k8s.kinds"
local raw_server = require "tests.support.raw_server"

local POD <const> = {
  kind = "Pod",
  plural = "pods",
  group = "",
  version = "v1",
  api_version = "v1",
  base = "/api/v1",
  namespaced = true,
}

local ANSWER <const> = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"

local function listed(text)
  local server <close> = raw_server.serve(function(_, send) send(ANSWER:format(#text, text)) end)
  local url = "http://127.0.0.1:" .. server.port
  local client = k8s.new {
    config = { server = url, namespace = "n", credentials = function() return {} end, refresh = function() end },
  }
  function client.kinds()
    return { need = function() return POD end }
  end
  return client:list "Pod"
end

describe("a list whose items are null", function()
  it("is empty", function()
    local text = '{"kind":"%s","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":null}'
    assert.same({}, (listed(text:format "PartialObjectMetadataList")))
    assert.same({}, (listed(text:format "PodList")))
  end)

  it("is none if it does not say that it is a list", function()
    for _, text in ipairs {
      "{}",
      '{"items":null}',
      '{"kind":"Status","items":null}',
      '{"kind":"PodList","items":{"a":1}}',
    } do
      local ok, problem = pcall(listed, text)
      assert.is_false(ok, text)
      assert.matches("items: expected a list", tostring(problem))
    end
  end)

  it("is what the lab answers, too, of names alone", function()
    local kind = kinds.of("v1", "Secret")
    local _, _, names = body.list(kind, {}, {}, { partial = true }, 0)
    assert.matches('"items":null', names)
    local _, _, whole = body.list(kind, {}, {}, {}, 0)
    assert.matches('"items":%[%]', whole)
  end)
end)

local errors = require "o2x.base.error"
local http = require "o2x.client.http"
local json = require "o2x.base.json"
local watch = require "o2x.client.k8s.watch"

local RESOURCE <const> = { plural = "pods", kind = "Pod", api_version = "v1", namespaced = true }

local function pod(name, version) return { metadata = { name = name, resourceVersion = version } } end

describe("a watch", function()
  local stream, lists, asked

  before_each(function()
    stream, lists, asked = http.stream, 0, {}
  end)
  after_each(function() http.stream = stream end)

  -- Streams of events, one after the other; a number is a stream that is refused with that status.
  local function streams(list)
    local at = 0
    http.stream = function(options)
      at = at + 1
      asked[at] = options.query.resourceVersion
      local events = list[math.min(at, #list)]
      if type(events) == "table" and errors.is(events) then error(events, 0) end
      local i = 0
      return setmetatable({
        status = type(events) == "number" and events or 200,
        headers = {},
        rest = function() return "" end,
        close = function() end,
        lines = function()
          return function()
            i = i + 1
            return events[i] and (type(events[i]) == "string" and events[i] or json.encode(events[i]))
          end
        end,
      }, { __close = function() end })
    end
  end

  local function client()
    return {
      namespace = "prod",
      grants = { selector = function() end },
      config = { refresh = function() return false end },
      list = function()
        lists = lists + 1
        return { pod("a", "1") }, tostring(lists * 10)
      end,
      request_options = function(_, _, _, o) return o end,
      collection = function() return "/pods" end,
    }
  end

  local function names(items)
    local list = {}
    for name in pairs(items) do
      list[#list + 1] = name
    end
    table.sort(list)
    return table.concat(list, " ")
  end

  it("shows what is there first", function()
    streams {}
    assert.equal("a", watch.run(client(), RESOURCE, {}, function(items) return names(items) end))
  end)

  it("follows changes until it has what it looks for", function()
    streams { { { type = "ADDED", object = pod("b", "11") }, { type = "DELETED", object = pod("a", "12") } } }
    local found = watch.run(
      client(),
      RESOURCE,
      {},
      function(items) return names(items) == "b" and names(items) or nil end
    )
    assert.equal("b", found)
    assert.same({ "10" }, asked)
  end)

  it("goes on from the last version when the connection ends, also within a line", function()
    streams {
      { { type = "ADDED", object = pod("b", "11") }, '{"type":"ADD' },
      { { type = "ADDED", object = pod("c", "13") } },
    }
    watch.run(client(), RESOURCE, {}, function(items) return items.c end)
    assert.same({ "10", "11" }, asked)
    assert.equal(1, lists)
  end)

  it("lists again when its version has expired", function()
    streams { { { type = "ERROR", object = { code = 410 } } }, 410, { { type = "ADDED", object = pod("b", "31") } } }
    watch.run(client(), RESOURCE, {}, function(items) return items.b end)
    assert.equal(3, lists)
    assert.same({ "10", "20", "30" }, asked)
  end)

  it("survives a server that is away for a moment", function()
    local away = errors.new { kind = "unreachable", retryable = true, message = "no answer" }
    streams { away, { { type = "ADDED", object = pod("b", "11") } } }
    assert.equal("b", watch.run(client(), RESOURCE, {}, function(items) return items.b and items.b.metadata.name end))
  end)

  it("ends with an error that is final", function()
    streams { 403 }
    local ok, err = pcall(watch.run, client(), RESOURCE, {}, function() end)
    assert.is_false(ok)
    assert.equal("unauthorised", err.kind)
  end)

  it("gives up in time", function()
    streams { {} }
    local ok, err = pcall(watch.run, client(), RESOURCE, { seconds = 0.01 }, function() end)
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
  end)
end)

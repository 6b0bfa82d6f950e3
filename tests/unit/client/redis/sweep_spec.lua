local sweep = require "o2x.client.redis.sweep"

-- A server of these keys, which gives them in pages; -> the client, and the keys that are left
local function server(keys, page)
  local left = {}
  for _, key in ipairs(keys) do
    left[key] = true
  end
  local this = { core = {}, commands = {} }
  function this.ping() end
  function this.close() this.closed = true end
  function this.check_key() end
  function this.pipeline(_, list)
    local answers = {}
    for i, command in ipairs(list) do
      table.insert(this.commands, command[1])
      if command[1] == "SCAN" then
        this.pattern = command[4]
        local from, found = tonumber(command[2]), {}
        for at = from + 1, math.min(from + page, #keys) do
          found[#found + 1] = keys[at]
        end
        answers[i] = { from + page < #keys and tostring(from + page) or "0", found }
      else
        local removed = 0
        for at = 2, #command do
          if left[command[at]] then removed = removed + 1 end
          left[command[at]] = nil
        end
        answers[i] = removed
      end
    end
    if this.after then this:after() end
    return answers
  end
  return this, left
end

describe("sweep.pattern", function()
  it("takes a prefix as it is written", function()
    assert.equal("T\\-1:*", sweep.pattern "T-1:")
    assert.equal("a\\*\\?\\[b\\]\\\\:*", sweep.pattern [[a*?[b]\:]])
    assert.equal("x:h?llo", sweep.pattern("x:", "h?llo"))
  end)
end)

describe("sweep.count", function()
  it("counts the keys of all pages", function()
    local seen = {}
    local client = server({ "a:1", "a:2", "a:3" }, 2)
    assert.equal(3, sweep.count(client, "a:", { seen = function(key) seen[#seen + 1] = key end }))
    assert.same({ "a:1", "a:2", "a:3" }, seen)
    assert.equal("a:*", client.pattern)
  end)
end)

describe("sweep.unlink", function()
  it("removes the keys of all pages, without blocking the server", function()
    local client, left = server({ "a:1", "a:2", "a:3" }, 2)
    assert.equal(3, sweep.unlink(client, "a:", {}))
    assert.is_nil(next(left))
    for _, command in ipairs(client.commands) do
      assert.is_true(command == "SCAN" or command == "UNLINK", command)
    end
  end)

  it("counts what was really removed", function()
    local client = server({ "a:1", "a:1" }, 1)
    assert.equal(1, sweep.unlink(client, "a:", {}))
  end)

  it("removes nothing that has not the prefix, whatever the server says", function()
    local client, left = server({ "b:1" }, 10)
    local ok, err = pcall(sweep.unlink, client, "a:", {})
    assert.is_false(ok)
    assert.equal("refused", err.kind)
    assert.is_true(left["b:1"])
  end)

  it("begins anew when the connection was another one in between", function()
    local client = server({ "a:1", "a:2" }, 1)
    function client:after() self.core = {} end
    local ok, err = pcall(sweep.unlink, client, "a:", {})
    assert.is_false(ok)
    assert.is_true(err.retryable)
  end)
end)

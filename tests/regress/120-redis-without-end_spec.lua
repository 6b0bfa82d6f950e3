-- A line of Redis that did not end was searched again from its start after each read, for minutes; a scan whose cursor
-- was new each time went on for a million pages.

local limits = require "o2x.base.limits"
local with_server = require "tests.support.redis_answers"

local function ping(client) return client:ping() end

describe("Redis", function()
  for what, mark in pairs { ["a text"] = "+", ["an error"] = "-", ["a number"] = ":", ["a length"] = "$" } do
    it("does not send a line without an end: " .. what, function()
      local ok, err = with_server(function() return mark .. ("1"):rep(200000) end, ping)
      assert.is_false(ok)
      assert.truthy(tostring(err):find("64 KiB", 1, true) or tostring(err):find("length", 1, true), tostring(err))
    end)
  end

  it("may send a long text", function()
    local text = ("x"):rep(300000)
    local ok, value = with_server(
      function() return ("$%d\r\n%s\r\n"):format(#text, text) end,
      function(client) return client:command "GET" end
    )
    assert.is_true(ok)
    assert.equal(text, value)
  end)

  it("does not announce a list that nobody can hold", function()
    local ok, err = with_server(function() return "*2147483647\r\n" end, ping)
    assert.is_false(ok)
    assert.matches("a reply that is too large", tostring(err))
  end)

  it("is asked whether it is there, and answers that", function()
    for _, answer in ipairs { ":7\r\n", "$-1\r\n", "+PANG\r\n", "*0\r\n" } do
      local ok, err = with_server(function() return answer end, ping)
      assert.is_false(ok)
      assert.matches("unexpected answer to PING", tostring(err))
    end
  end)

  -- A scan of so many pages, with a database of so many keys.
  local function scan(pages, keys)
    local number = 0
    return with_server(function(command)
      if command == "PING" then return "+PONG\r\n" end
      if command == "TIME" then return "*2\r\n$1\r\n7\r\n$1\r\n1\r\n" end
      if command == "INFO" then
        local text = ("# Keyspace\r\ndb0:keys=%d,expires=0\r\n"):format(keys)
        return ("$%d\r\n%s\r\n"):format(#text, text)
      end
      number = number + 1
      local cursor = number == pages and "0" or tostring(number)
      return ("*2\r\n$%d\r\n%s\r\n*0\r\n"):format(#cursor, cursor)
    end, function(client) return client:count "a:" end)
  end

  it("is not scanned for longer than its number of keys explains", function()
    local ok, err = scan(nil, 1000)
    assert.is_false(ok)
    assert.matches("the scan of Redis does not end: it has visited", tostring(err))
  end)

  it("is scanned to its end when it has many keys", function()
    local ok, count = scan(1500, 1000000)
    assert.is_true(ok, tostring(count))
    assert.equal(0, count)
  end)

  after_each(function() limits.use() end)
end)

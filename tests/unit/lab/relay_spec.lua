-- What the relays read: statements and commands, however the bytes are cut into portions.

local postgres = require "lab.relay.postgres"
local redis = require "lab.relay.redis"

local function message(kind, payload) return kind .. string.pack(">I4", #payload + 4) .. payload end
local PARAMETERS <const> = "user\0admin\0database\0orders\0\0"
local STARTUP <const> = string.pack(">I4I4", 8 + #PARAMETERS, 196608) .. PARAMETERS

-- Says the bytes in portions. -> what was passed on, whether the connection broke, the texts that were looked at
local function say(protocol, bytes, size, kind_of)
  local texts, passed = {}, {}
  local talk = protocol.new(function(text)
    texts[#texts + 1] = text
    return kind_of and kind_of(text) and { kind = kind_of(text) }
  end, function() end)
  for at = 1, #bytes, size do
    local out, breaks = talk:up(bytes:sub(at, at + size - 1))
    passed[#passed + 1] = out
    if breaks then return table.concat(passed), true, texts, talk end
  end
  return table.concat(passed), false, texts, talk
end

describe("a relay of PostgreSQL", function()
  local extended = message("P", "s1\0select $1\0\0\0")
    .. message("B", "\0s1\0\0\0\0\0\0\0")
    .. message("E", "\0\0\0\0\0")
    .. message("S", "")
  local bytes = STARTUP .. message("p", "password\0") .. message("Q", "begin\0") .. extended .. message("Q", "commit\0")

  for _, size in ipairs { 1, 3, 7, 1000 } do
    it("passes everything on, in portions of " .. size, function()
      local passed, breaks, texts = say(postgres, bytes, size)
      assert.equal(bytes, passed)
      assert.is_false(breaks)
      assert.same({ "connect admin orders", "begin", "select $1", "commit" }, texts)
    end)

    it("breaks before a statement, in portions of " .. size, function()
      local passed, breaks = say(postgres, bytes, size, function(text) return text == "commit" and "cut" end)
      assert.is_true(breaks)
      assert.equal(bytes:sub(1, -#message("Q", "commit\0") - 1), passed)
    end)

    it("breaks when the server is done with a statement, in portions of " .. size, function()
      local passed, _, _, talk = say(postgres, bytes, size, function(text) return text == "commit" and "cut-after" end)
      assert.equal(bytes, passed)
      local answers = message("Z", "I"):rep(3) .. message("C", "COMMIT\0") .. message("Z", "I")
      for at = 1, #answers, size do
        local out, breaks = talk:down(answers:sub(at, at + size - 1))
        assert.equal("", out)
        -- done as soon as the type and length of the last message are there
        assert.equal(at + size - 1 >= #answers - 1, breaks)
      end
    end)
  end

  it("answers itself that there is no encryption", function()
    local said
    local talk = postgres.new(function() end, function(text) said = text end)
    assert.equal("", (talk:up(string.pack(">I4I4", 8, 80877103))))
    assert.equal("N", said)
    assert.equal(STARTUP, (talk:up(STARTUP)))
  end)
end)

describe("a relay of Redis", function()
  local function command(...)
    local parts = { ("*%d\r\n"):format(select("#", ...)) }
    for _, word in ipairs { ... } do
      parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
    end
    return table.concat(parts)
  end
  local bytes = command("SET", "a", "x\r\ny") .. "PING\r\n" .. command("GET", "a")

  for _, size in ipairs { 1, 4, 1000 } do
    it("passes everything on, in portions of " .. size, function()
      local passed, breaks, texts = say(redis, bytes, size)
      assert.equal(bytes, passed)
      assert.is_false(breaks)
      assert.same({ "SET a x\r\ny", "PING", "GET a" }, texts)
    end)

    it("has the server refuse a command in its place, in portions of " .. size, function()
      local passed = say(redis, bytes, size, function(text) return text == "PING" and "READONLY" end)
      assert.truthy(passed:find("EVAL.*READONLY"))
      assert.is_nil(passed:find("PING", 1, true))
      assert.equal(command("GET", "a"), passed:sub(-#command("GET", "a")))
    end)
  end
end)

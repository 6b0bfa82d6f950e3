local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

local function refusal(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("json.decode", function()
  it("reads each kind of value", function()
    local v = json.decode '{"a": [1, 2.5, "x", true, null], "b": {}, "c": -0.5e1}'
    assert.same({ 1, 2.5, "x", true }, { v.a[1], v.a[2], v.a[3], v.a[4] })
    assert.equal(json.null, v.a[5])
    assert.is_true(json.is_array(v.a))
    assert.is_false(json.is_array(v.b))
    assert.equal(-5.0, v.c)
  end)

  it("keeps integers exact to 64 bit", function()
    for _, text in ipairs { "9007199254740993", "9223372036854775807", "-9223372036854775808", "0", "-1" } do
      local n = json.decode("[" .. text .. "]")[1]
      assert.equal("integer", math.type(n))
      assert.equal(text, ("%d"):format(n))
    end
    local v = json.decode '{"1":[{"n 7":9007199254740993,"s":"12 \\" 13"}],"x":9007199254740995}'
    assert.equal(9007199254740993, v["1"][1]["n 7"])
    assert.equal(9007199254740995, v.x)
    assert.equal("float", math.type(json.decode "1.0"))
  end)

  it("reads escapes and UTF-8", function()
    assert.equal('"\\/\b\f\n\r\té€😀', json.decode [["\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00"]])
    assert.equal("\\u0000", json.decode [["\\u0000"]])
  end)

  local bad = {
    ["1e999"] = "a number too large",
    ["[1," .. ("9"):rep(400) .. "]"] = "1:4: a number too large",
    ['"\\uZZZZ"'] = "1:2: not JSON: \\u needs four hexadecimal digits",
    ['"\\u00"'] = "\\u needs four hexadecimal digits",
    ['"\\x"'] = "no such escape",
    ['{"a"'] = "the text ends too early",
    ['{"a":1,}'] = "not JSON",
    ['{"a" 1}'] = "not JSON",
    ["{1:2}"] = "not JSON",
    ["[1 2]"] = "not JSON",
    ["]"] = "not JSON",
    ["[1,\n 01]"] = "2:2: not a number",
    ["[1.]"] = "not a number",
    ["[1.5e]"] = "not",
    ["[-]"] = "not",
    ["+1"] = "not JSON",
    ["1 2"] = "1:3: something after the value",
    ["{} x"] = "something after the value",
    ['"a\nb"'] = "a control character in a string",
    ["[1,\0 2]"] = "a control character",
    ['"\xff"'] = "not UTF-8",
    ['"\xc0\x80"'] = "not UTF-8",
    ['"\xed\xa0\x80"'] = "not UTF-8",
    ['"abc'] = "a string without an end",
    ["[1,]"] = "not JSON",
    ["{a:1}"] = "not JSON",
    ["nul"] = "not JSON",
    ["truex"] = "something after",
    ["[NaN]"] = "not JSON",
    [""] = "1:1",
    ["["] = "the text ends too early",
  }
  for text, message in pairs(bad) do
    it(("refuses %q"):format(text), function()
      local said = refusal(json.decode, text, "x.json")
      assert.is_truthy(said:find(message, 1, true), said)
      assert.is_truthy(said:find("x.json:", 1, true), said)
    end)
  end

  -- text, what a server may mean by it, what is said of it in a file that somebody wrote
  local LENIENT = {
    { "[9223372036854775808]", { 2.0 ^ 63 }, "1:2: an integer that does not fit 64 bits" },
    { "[-9223372036854775809]", { -2.0 ^ 63 }, "an integer that does not fit 64 bits" },
    { "[18446744073709551616]", { 2.0 ^ 64 }, "an integer that does not fit 64 bits" },
    { "[1" .. ("0"):rep(300) .. "]", { 1e300 }, "an integer that does not fit 64 bits" },
    { '{"a":1,"b":2,\n"a":3}', { a = 3, b = 2 }, '2:4: the key "a" stands twice' },
    { '{"\\u0061":1,"a":2}', { a = 2 }, 'the key "a" stands twice' },
    { '["a\\u0000b"]', { "a\0b" }, "1:4: \\u0000 in a string" },
    { '{"a\\u0000b":1}', { ["a\0b"] = 1 }, "\\u0000 in a string" },
    { '["\\ud800"]', { "\u{fffd}" }, "half of a character" },
    { '["\\udc00x\\ud83d\\ude00\\ud83d\\u0041"]', { "\u{fffd}x😀\u{fffd}A" }, "half of a character" },
  }
  for _, case in ipairs(LENIENT) do
    it("takes from a server, and not from a file, " .. case[1]:sub(1, 40), function()
      local value = json.decode(case[1])
      for key, item in pairs(case[2]) do
        assert.equal(item, value[key])
        assert.equal(math.type(item), math.type(value[key]))
      end
      local said = refusal(json.decode, case[1], "x.json", { exact = true })
      assert.is_truthy(said:find(case[3], 1, true), said)
      local secret_value = json.decode_secret(secret.new(case[1], "x"), "")
      for key, item in pairs(case[2]) do
        if type(item) == "string" then assert.is_true(secret.equal(secret_value[key], item)) end
      end
    end)
  end

  it("reads a text that begins with a byte order mark", function()
    assert.equal(1, json.decode("\xef\xbb\xbf[1]")[1])
    assert.equal(1, json.decode("\xef\xbb\xbf\r\n[1]\r\n", "x", { exact = true })[1])
  end)

  it("writes a NUL so that it comes back", function()
    assert.equal([["a\u0000b"]], json.encode "a\0b")
    assert.equal("a\0b", json.decode(json.encode "a\0b"))
  end)

  it("refuses deep nesting in bounded time", function()
    assert.is_truthy(json.decode(("["):rep(256) .. ("]"):rep(256)))
    assert.is_truthy(refusal(json.decode, ("["):rep(257) .. ("]"):rep(257)):find("deeper than 256", 1, true))
    local start = os.clock()
    refusal(json.decode, ('{"a":'):rep(100000))
    assert.is_true(os.clock() - start < 5)
  end)
end)

describe("json.encode", function()
  it(
    "sorts keys and keeps integers",
    function()
      assert.equal(
        '{"a":9223372036854775807,"b":[1,2.5,"x",false,null],"ba":{},"c":[]}',
        json.encode { c = json.array {}, b = { 1, 2.5, "x", false, json.null }, a = math.maxinteger, ba = {} }
      )
    end
  )

  it("writes whole floats as integers and other floats so that they come back", function()
    assert.equal("[2,0,-3,0.1,1e+300]", json.encode { 4 / 2, -0.0, -3.0, 0.1, 1e300 })
    for _, n in ipairs { 1 / 3, 2 ^ 70, 5e-324, math.pi, 123456789.123456789 } do
      assert.equal(n, json.decode(json.encode(n)))
    end
  end)

  it("writes each float as C does with the fewest digits that give it again", function()
    local function of_c(float)
      local text = ("%.15g"):format(float)
      return tonumber(text) == float and text or ("%.17g"):format(float)
    end
    local floats = { 0.0001, 0.00009, 0.000001, 0.1 + 0.2, 1 / 3, 123456.789, 999999999.999999, 1e9 + 0.5, 5e-324 }
    for digits = 1, 17 do
      floats[#floats + 1] = 1 + 10.0 ^ -digits
      floats[#floats + 1] = -(10.0 ^ -digits)
      floats[#floats + 1] = 123456789 / 10.0 ^ digits
    end
    for _, float in ipairs(floats) do
      local text = float == math.floor(float) and ("%d"):format(float) or of_c(float)
      assert.equal(text, (json.encode(json.array { float }):sub(2, -2)))
    end
  end)

  it("escapes at each place of a text", function()
    for byte = 0, 127 do
      for length = 0, 17 do
        local text = ("x"):rep(length) .. string.char(byte) .. ("é "):rep(3)
        local json_text = json.encode(text)
        assert.equal(text, json.decode(json_text))
        assert.is_nil(json_text:find "[\0-\31]")
        local stands = byte >= 32 and byte ~= 34 and byte ~= 92
        assert.equal(stands, json_text == '"' .. text .. '"')
      end
    end
  end)

  it(
    "escapes",
    function() assert.equal([["\"\\/\b\f\n\r\t\u0001\u001fé]] .. '\127"', json.encode '"\\/\b\f\n\r\t\1\31é\127') end
  )

  it(
    "keeps an empty array empty and an array",
    function() assert.equal('{"a":[],"b":{}}', json.encode(json.decode '{"a":[],"b":{}}')) end
  )

  it(
    "is pretty on demand",
    function()
      assert.equal(
        '{\n  "a": [\n    1\n  ],\n  "b": {},\n  "c": []\n}',
        json.pretty { a = { 1 }, b = {}, c = json.array {} }
      )
    end
  )

  it("refuses what has no JSON, and says where", function()
    local cycle = {}
    cycle.a = cycle
    local bad = {
      { { x = { 1, 0 / 0 } }, "not finite as JSON, at x[2]" },
      { math.huge, "not finite as JSON" },
      { { a = print }, "function as JSON, at a" },
      { { 1, 2, x = 3 }, "neither a list nor a record" },
      { { [1] = 1, [3] = 3 }, "neither a list nor a record" },
      { { [10] = 1 }, "neither" },
      { { [true] = 1 }, "neither" },
      { json.array { a = 1 }, "neither" },
      { "\xff", "not UTF-8" },
      { { ["\xff"] = 1 }, "not UTF-8" },
      { cycle, "deeper than 256" },
      { coroutine.create(print), "thread" },
    }
    for _, case in ipairs(bad) do
      local said = refusal(json.encode, case[1])
      assert.is_truthy(said:find(case[2], 1, true), said)
    end
  end)

  it("brings random values back", function()
    math.randomseed(7)
    local function random(depth)
      local kind = math.random(depth > 4 and 5 or 7)
      if kind == 1 then return math.random(0) end
      if kind == 2 then return math.random() * 10 ^ math.random(-300, 300) end
      if kind == 3 then return math.random(2) == 1 end
      if kind == 4 then return json.null end
      if kind == 5 then
        local chars = {}
        for i = 1, math.random(0, 8) do
          chars[i] = utf8.char(math.random(1, 0xd7ff))
        end
        return table.concat(chars)
      end
      local t = kind == 6 and json.array {} or {}
      for i = 1, math.random(0, 5) do
        t[kind == 6 and i or "k" .. math.random(100)] = random(depth + 1)
      end
      return t
    end
    for _ = 1, 500 do
      local text = json.encode(random(1))
      assert.equal(text, json.encode(json.decode(text)))
      assert.equal(text, json.encode(json.decode(json.pretty(json.decode(text)))))
    end
  end)

  it("survives damaged texts", function()
    math.randomseed(11)
    local whole = json.encode { a = { 1, 2.5, 'x\n"é', json.null }, b = { c = { d = json.array {} } }, e = true }
    for _ = 1, 3000 do
      local at = math.random(#whole)
      local text = whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + math.random(0, 2))
      local ok, value = pcall(json.decode, text)
      if ok then json.encode(value) end
    end
  end)
end)

describe("json and secrets", function()
  it("refuses a secret, and says where it is without saying it", function()
    local said = refusal(json.encode, { auth = { token = secret.new("hunter2-hunter2", "token") } })
    assert.is_truthy(said:find("a secret as JSON, at auth.token", 1, true), said)
    assert.is_nil(said:find("hunter2", 1, true))
  end)

  it("opens secrets into a secret", function()
    local s = json.encode_secret { a = secret.new('q"uote', "a"), b = 1 }
    assert.is_true(secret.is(s))
    assert.is_true(secret.equal(s, '{"a":"q\\"uote","b":1}'))
  end)

  it("makes secrets of the strings below a prefix", function()
    local answer = secret.new(
      '{"data":{"metadata":{"version":3},"data":{"api_key":"sk_live_1","n":{"x":"deep"},"l":["e"],"i":5}},'
        .. '"database":"plain"}',
      "answer"
    )
    local v = json.decode_secret(answer, "data.data", "stripe")
    assert.equal(3, v.data.metadata.version)
    assert.equal("plain", v.database)
    assert.is_true(secret.equal(v.data.data.i, "5"))
    assert.is_true(secret.equal(v.data.data.api_key, "sk_live_1"))
    assert.equal("‹secret stripe/api_key›", tostring(v.data.data.api_key))
    assert.is_true(secret.equal(v.data.data.n.x, "deep"))
    assert.equal("‹secret stripe/n/x›", tostring(v.data.data.n.x))
    assert.is_true(secret.is(v.data.data.l[1]))
  end)

  -- name of the case → JSON of a value; the text of its leaves
  local LEAVES = {
    { "an integer", "7", { "7" } },
    { "zero", "0", { "0" } },
    { "a negative integer", "-12", { "-12" } },
    { "an integer beyond 64 bits", "123456789012345678901234567890", { "123456789012345678901234567890" } },
    { "a float", "3.250", { "3.250" } },
    { "an exponent", "1E+400", { "1E+400" } },
    { "true", "true", { "true" } },
    { "false", "false", { "false" } },
    { "an empty string", '""', { "" } },
    { "a string of digits", '"0012"', { "0012" } },
    { "a string that looks like a boolean", '"true"', { "true" } },
    { "a list", '[1,"b",true,[2.5]]', { "1", "b", "true", "2.5" } },
    { "a map", '{"a":1,"b":{"c":"d","e":false}}', { "1", "d", "false" } },
    { "an empty list", "[]", {} },
  }

  local function leaves(node, found)
    if type(node) ~= "table" then
      assert.is_true(secret.is(node))
      found[#found + 1] = node
    else
      for _, key in ipairs(#node > 0 and { table.unpack({ 1, 2, 3, 4 }, 1, #node) } or { "a", "b", "c", "e" }) do
        if node[key] ~= nil then leaves(node[key], found) end
      end
    end
    return found
  end

  for _, case in ipairs(LEAVES) do
    it("makes secrets of " .. case[1] .. ", and writes back what it was", function()
      local text = ('{"data":{"value":%s}}'):format(case[2])
      local decoded = json.decode_secret(secret.new(text, "answer"), "data")
      local found = leaves(decoded.data.value, {})
      assert.equal(#case[3], #found)
      for i, leaf in ipairs(found) do
        assert.is_true(secret.equal(leaf, case[3][i]))
      end
      assert.is_true(secret.equal(json.encode_secret(decoded), text))
    end)
  end

  it("leaves null as it is, because nothing is no secret", function()
    local v = json.decode_secret(secret.new('{"a":null}', "answer"), "")
    assert.equal(json.null, v.a)
  end)

  it("makes every string a secret with an empty prefix", function()
    local v = json.decode_secret(secret.new('["a",{"b":"c"}]', "x"), "")
    assert.is_true(secret.is(v[1]) and secret.is(v[2].b))
  end)

  it("does not tell the text of a secret that is not JSON", function()
    local said = refusal(json.decode_secret, secret.new("hunter2-hunter2", "x"), "")
    assert.is_nil(said:find("hunter2", 1, true))
  end)
end)

describe("json.read", function()
  it("leaves out what is null, at every depth; items of lists stay", function()
    assert.same({ b = { d = 1 } }, json.read '{"a":null,"b":{"c":null,"d":1}}')
    local list = json.read '{"a":[1,null,{"b":null}]}'
    assert.equal(json.null, list.a[2])
    assert.same({}, list.a[3])
    assert.is_nil(json.read "null")
    assert.equal(7, json.read "7")
  end)
end)

local json = require "o2x.base.json"
local ordered = require "o2x.base.ordered"
local secret = require "o2x.base.secret"
local task = require "o2x.base.task"
local yaml = require "o2x.base.yaml"

local function refusal(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return tostring(err)
end

local function refused(text, message)
  local said = refusal(yaml.decode, text, "v.yaml")
  assert.is_truthy(said:find(message, 1, true), said)
end

describe("yaml.decode", function()
  -- What Helm 3.22 gives for `{{ .Values | toJson }}`.
  local scalars = {
    ["yes"] = "true",
    ["No"] = "false",
    ["on"] = "true",
    ["OFF"] = "false",
    ["y"] = "true",
    ["N"] = "false",
    ["True"] = "true",
    ["yEs"] = '"yEs"',
    ["~"] = "null",
    ["null"] = "null",
    ["Null"] = "null",
    ["nUll"] = '"nUll"',
    [""] = "null",
    ["0777"] = "511",
    ["0o17"] = "15",
    ["0x1F"] = "31",
    ["0b101"] = "5",
    ["-0777"] = "-511",
    ["08"] = "8",
    ["0"] = "0",
    ["-0"] = "0",
    ["1e3"] = "1000",
    ["1."] = "1",
    [".5"] = "0.5",
    ["-.5"] = "-0.5",
    ["+12"] = "12",
    ["1_000"] = "1000",
    ["12e03"] = "12000",
    ["1.5"] = "1.5",
    ["6379"] = "6379",
    ['"6379"'] = '"6379"',
    ["'yes'"] = '"yes"',
    ["1:30"] = '"1:30"',
    ["12:30:45"] = '"12:30:45"',
    ["2026-02-14"] = '"2026-02-14"',
    ["v2.5.0"] = '"v2.5.0"',
    ["1.2.3"] = '"1.2.3"',
    ["."] = '"."',
    ["-"] = "[null]",
    ["+"] = '"+"',
    ["0x"] = '"0x"',
    ["0xg"] = '"0xg"',
    ["1e"] = '"1e"',
    ["_1"] = '"_1"',
    ["2Gi"] = '"2Gi"',
    ["1000m"] = '"1000m"',
    ["1e400"] = '"1e400"',
    ["9223372036854775807"] = "9223372036854775807",
    ["-9223372036854775808"] = "-9223372036854775808",
    ["!!str 123"] = '"123"',
    ["!!int '12'"] = "12",
    ["!!float 1"] = "1",
    ["! 12"] = '"12"',
    ["http://a-b/c?d=e&f#g"] = '"http://a-b/c?d=e&f#g"',
  }
  for text, expected in pairs(scalars) do
    it(("reads %q"):format(text), function() assert.equal(expected, json.encode(yaml.decode(text))) end)
  end

  it("tells integers from floats", function()
    assert.equal("integer", math.type(yaml.decode "0777"))
    assert.equal("float", math.type(yaml.decode "1e3"))
  end)

  it("reads collections, anchors and merge keys", function()
    local text = [[
base: &base {cpu: 1, memory: 2Gi, deep: {a: 1}}
other: &other
  cpu: 9
  x: why
one:
  <<: *base
  cpu: 2
late:
  cpu: 2
  <<: *base
two:
  <<: [*base, *other]
list:
- *base
- plain
  over lines
- |
  kept
   as it is
- >-
  folded
  text
8080: port
on: key
empty: {}
none: []
]]
    local v = yaml.decode(text)
    assert.equal('{"cpu":2,"deep":{"a":1},"memory":"2Gi"}', json.encode(v.one))
    assert.equal('{"cpu":1,"deep":{"a":1},"memory":"2Gi","x":"why"}', json.encode(v.two))
    assert.equal(1, v.late.cpu)
    assert.equal('["plain over lines","kept\\n as it is\\n","folded text"]', json.encode { table.unpack(v.list, 2) })
    assert.equal("port", v["8080"])
    assert.equal("key", v["true"])
    assert.equal('{"e":{},"n":[]}', json.encode { e = v.empty, n = v.none })
    assert.not_equal(v.base, v.list[1])
  end)

  it("keeps the order of keys on demand", function()
    local v = yaml.decode("b: 1\na: 2\nc: {z: 1, x: 2}\n", "x", { ordered = true })
    assert.same({ "b", "a", "c" }, yaml.keys(v))
    assert.equal("b: 1\na: 2\nc:\n  z: 1\n  x: 2\n", yaml.encode(v))
    v.a = nil
    v.B, v.A = 1, 1
    assert.same({ "b", "c", "A", "B" }, yaml.keys(v))
  end)

  it("reads several documents", function()
    assert.equal('[1,{"a":2}]', json.encode(yaml.decode_all "---\n1\n---\n---\na: 2\n...\n"))
    assert.equal(json.null, yaml.decode "# nothing\n")
    refused("a: 1\n---\nb: 2\n", "v.yaml:3:1: expected one document")
  end)

  it(
    "reads a byte order mark and CRLF",
    function() assert.equal('{"a":"b","c":1}', json.encode(yaml.decode "\xef\xbb\xbfa: b\r\nc: 1\r\n")) end
  )

  it("refuses with file, line and column", function()
    refused("a: 1\n\tb: 2\n", "v.yaml:2:1: a tab; YAML is indented with spaces")
    refused("a:\n\t- b\n", "v.yaml:2:1: a tab")
    refused("a: 1\nb: 2\na: 3\n", 'v.yaml:3:1: duplicate key "a"')
    refused('1: a\n"1": b\n', "duplicate key")
    refused("a: *x\n", "v.yaml:1:4: no anchor &x")
    refused("&a [*a]\n", "v.yaml:1:5: the alias *a refers to a node that contains it")
    refused("&a {b: {c: *a}}\n", "refers to a node that contains it")
    refused("a: [1, 2\n", "v.yaml:2:1: ")
    refused("a: b: c\n", "v.yaml:1:5: ")
    refused('a: "x\n', "v.yaml:")
    assert.equal(2.0 ^ 63, yaml.decode("a: 9223372036854775808\n").a)
    local _, err = pcall(yaml.decode, "b: 1\na: 9223372036854775808\n", "x.yaml", { exact = true })
    assert.matches("x.yaml:2:4: .*does not fit in 64 bits", tostring(err))
    refused("a: .inf\n", "not finite")
    refused("a: !custom 1\n", "unknown tag !custom")
    refused("a: !!int x\n", "not a valid !!int")
    refused("? [a]\n: b\n", "a key must be a scalar")
    refused("~: b\n", "a key must not be null")
    refused("a: \xff\n", "v.yaml:1:4: ")
    refused("a: \0\n", "v.yaml:1:4: ")
    refused("a: b\n<<: 1\n", "<< needs")
  end)

  it("refuses hostile texts in bounded time", function()
    local bomb = { "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" }
    for i = 1, 9 do
      bomb[#bomb + 1] = ("a%d: &a%d [%s]\n"):format(i, i, ("*a" .. i - 1):rep(10, ","))
    end
    local deep = {}
    for i = 0, 9999 do
      deep[i + 1] = (" "):rep(i % 500) .. "- "
    end
    local texts = {
      { table.concat(bomb), "aliases expand to more than" },
      { ("["):rep(10000), "deeper than 64" },
      { ("{a: "):rep(10000), "deeper than 64" },
      { ("- "):rep(10000), "deeper than 64" },
      { ("? "):rep(10000), "deeper than 64" },
      { ("["):rep(80000), "deeper than 64" },
      { "a: &x 1\nb: [" .. ("*x,"):rep(1001) .. "]", "more than 1000 aliases" },
      { ("a"):rep(2 ^ 20 + 1), "larger than 1 MB" },
      { ("x: &a [*b, *a]\n"):rep(10), "alias" },
    }
    for _, case in ipairs(texts) do
      local start = os.clock()
      refused(case[1], case[2])
      assert.is_true(os.clock() - start < 5, case[2])
      task.sleep(0) -- the host ends what never waits
    end
    for _, text in ipairs {
      table.concat(deep, "\n"),
      ("a: b\n"):rep(200000),
      ("&a "):rep(100000),
      '"' .. ("\\"):rep(999999),
    } do
      local start = os.clock()
      pcall(yaml.decode, text)
      assert.is_true(os.clock() - start < 10)
      task.sleep(0)
    end
  end)

  it("survives damaged texts", function()
    math.randomseed(3)
    local whole = 'app:\n  envMap:\n  - name: &n X\n    value: "6379"  # c\n  - {name: *n, value: [1, 2]}\n'
      .. "  text: |\n    a\n    b\n  <<: {a: 1}\nz: !!str 1\n"
    for i = 1, 3000 do
      if i % 100 == 0 then task.sleep(0) end -- the host ends what never waits
      local at = math.random(#whole)
      local text = whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + math.random(0, 3))
      local ok, v = pcall(yaml.decode, text)
      if ok and not tostring(text):find "[\x80-\xff]" then
        assert.equal(json.encode(v), json.encode(yaml.decode(yaml.encode(v))))
      end
    end
  end)
end)

describe("yaml.encode", function()
  it("writes the guide's layout", function()
    local text = [[
app:
  env: production
  envMap:
  - name: LOGS_DIR
    value: /logs
  - name: REDIS_PORT
    value: "6379"
  - name: AMQ_BROKER_URL
    value: ssl://b-xxxxx.mq.us-east-1.amazonaws.com:61617
  - name: VAULT_API
    value: http://newclient-vault-interface/
  postgres:
    secret: pg-secret
    url: jdbc:postgresql://x.us-east-1.rds.amazonaws.com:5432/coredb-newclient?stringtype=unspecified&sslmode=require
  spring:
    port: 8080
fullnameOverride: newclient-service-transactional
image:
  pullPolicy: Always
  tag: v2.5.0
resources:
  limits:
    cpu: 2000m
]]
    assert.equal(text, yaml.encode(yaml.decode(text)))
  end)

  it("quotes what would be read as something else, and only that", function()
    local quoted = {
      "6379",
      "true",
      "null",
      "~",
      "",
      "0777",
      "08",
      "1e3",
      "no",
      "y",
      "1:30",
      "2026-02-14",
      " a",
      "a ",
      "- a",
      "-",
      "?",
      "a: b",
      "a #b",
      "a:",
      "#a",
      "&a",
      "*a",
      "!a",
      "|",
      ">",
      "%a",
      "@a",
      "`a",
      "{a",
      "[a",
      "'a",
      '"a',
      "---",
      "--- a",
      "...",
      "<<",
      "=",
      ",a",
      "a\nb\tc",
      "\1",
      "a\u{85}b",
      "\u{feff}",
      "a\u{2028}",
      "? a",
      ": a",
      ".inf",
      "a\0b",
    }
    for _, s in ipairs(quoted) do
      local text = yaml.encode(s)
      assert.is_truthy(text:find "^[\"']", text)
      assert.equal(s, yaml.decode(text))
    end
    for _, s in ipairs {
      "a",
      "v2.5.0",
      "-a",
      "?a",
      ":a",
      "a:b",
      "a#b",
      "http://x/?a=b&c",
      "/logs",
      "2Gi",
      "a, b",
      "a 'b'",
      "é",
      "x]",
      "--a",
      "jdbc:postgresql://h:5432/db?x=y",
      "yEs",
      "TIDLT-100008",
      ".",
      "a\u{a0}b",
    } do
      assert.equal(s .. "\n", yaml.encode(s))
    end
    assert.equal("'say \"x\": y'\n", yaml.encode 'say "x": y')
  end)

  it("writes lines as lines", function()
    assert.equal(
      "a: |\n  x\n  y\n\n  z\nb: |-\n  x\n  y\nc: |+\n  x\n  y\n\n",
      yaml.encode { a = "x\ny\n\nz\n", b = "x\ny", c = "x\ny\n\n" }
    )
    assert.equal(
      "- |\n  x\n  y\n- - a\n  - b\n- k:\n  - z: 1\n    zz: 2\n",
      yaml.encode { "x\ny\n", { "a", "b" }, { k = { { z = 1, zz = 2 } } } }
    )
  end)

  it(
    "keeps an order that is given",
    function()
      assert.equal(
        "name: x\nvalue: 1\nalpha: []\nbeta: {}\n",
        yaml.encode(ordered.new { { "name", "x" }, { "value", 1 }, { "alpha", json.array {} }, { "beta", {} } })
      )
    end
  )

  it("refuses what has no YAML, and says where", function()
    local cycle = {}
    cycle.a = cycle
    for _, case in ipairs {
      { { a = { print } }, "function as YAML, at a[1]" },
      { { 1, x = 2 }, "neither a list nor a record" },
      { 0 / 0, "not finite" },
      { "\xff", "not UTF-8" },
      { cycle, "deeper than 64" },
      { { [2] = 1 }, "neither" },
    } do
      local said = refusal(yaml.encode, case[1])
      assert.is_truthy(said:find(case[2], 1, true), said)
    end
    local said = refusal(yaml.encode, { a = secret.new("hunter2-hunter2", "s") })
    assert.is_truthy(said:find("a secret as YAML, at a", 1, true), said)
    assert.is_nil(said:find("hunter2", 1, true))
  end)

  it("brings random values back", function()
    math.randomseed(5)
    local atoms = {
      "a",
      " ",
      "\n",
      ":",
      "#",
      "-",
      "'",
      '"',
      "\\",
      "1",
      "\t",
      "é",
      "\u{85}",
      "{",
      ",",
      "]",
      "x: y",
      "no",
      "\r",
      "\1",
      "|",
      "\u{feff}",
      "!",
    }
    local function text()
      local parts = {}
      for i = 1, math.random(0, 6) do
        parts[i] = atoms[math.random(#atoms)]
      end
      return table.concat(parts)
    end
    local function random(depth)
      local kind = math.random(depth > 4 and 4 or 8)
      if kind == 1 then return math.random(0) end
      if kind == 2 then return math.random() * 10 ^ math.random(-300, 300) end
      if kind == 3 then return ({ true, false, json.null })[math.random(3)] end
      if kind <= 5 then return text() end
      local t = kind == 6 and json.array {} or {}
      for i = 1, math.random(0, 5) do
        t[kind == 6 and i or text()] = random(depth + 1)
      end
      return t
    end
    for _ = 1, 2000 do
      local v = random(1)
      local encoded = yaml.encode(v)
      local ok, again = pcall(yaml.decode, encoded)
      assert.is_true(ok, encoded .. "\n" .. tostring(again))
      assert.equal(json.encode(v), json.encode(again), encoded)
    end
  end)
end)

describe("yaml.read", function()
  it("leaves out what is null", function()
    assert.same({ b = { c = "d" } }, yaml.read("a: ~\nb: {c: d, e: null}\n", "x"))
    assert.is_nil(yaml.read("", "x"))
  end)
end)

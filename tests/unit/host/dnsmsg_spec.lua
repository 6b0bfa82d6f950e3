-- Answers of name servers are bytes from anybody: whatever they hold, reading them ends, in a table or in words.
local dns = require "o2x.client.dns"
local message = require "o2x.core.dnsmsg"
local wire = require "lab.dns_wire"

local function name(text)
  local parts = {}
  for label in text:gmatch("[^.]+") do
    parts[#parts + 1] = string.pack("s1", label)
  end
  return table.concat(parts) .. "\0"
end

local function header(questions, answers, flags)
  return string.pack(">I2I2I2I2I2I2", 7, flags or 0x8180, questions, answers, 0, 0)
end

local QUESTION <const> = name("a.example") .. string.pack(">I2I2", 1, 1)

local function record(owner, kind, data, length)
  return owner .. string.pack(">I2I2I4I2", kind, 1, 60, length or #data) .. data
end

local function parse_one(kind, data, length)
  local parsed, problem = dns.parse(header(1, 1) .. QUESTION .. record("\xC0\x0C", kind, data, length))
  return parsed and parsed.records[1], problem
end

describe("a DNS message", function()
  it("is read, record type by record type", function()
    assert.equal("192.0.2.1", parse_one(1, "\192\0\2\1").value)
    assert.equal("2001:db8::1", parse_one(28, "\x20\x01\x0d\xb8" .. ("\0"):rep(11) .. "\1").value)
    assert.equal("b.example.", parse_one(5, name("b.example")).value)
    assert.equal("x.a.example.", parse_one(2, "\1x\xC0\x0C").value)
    assert.equal(".", parse_one(12, "\0").value)
    local mx = parse_one(15, "\0\10" .. name("mail.example"))
    assert.same({ "10 mail.example.", 10, "mail.example." }, { mx.value, mx.preference, mx.exchange })
    local srv = parse_one(33, "\0\1\0\2\x1f\x90" .. name("s.example"))
    assert.same({ "1 2 8080 s.example.", 8080 }, { srv.value, srv.port })
    local txt = parse_one(16, '\5say "\4one\\\0')
    assert.same({ '"say \\"" "one\\\\" ""', 'say "one\\' }, { txt.value, txt.text })
    local caa = parse_one(257, "\0\5issueletsencrypt.org")
    assert.same({ '0 issue "letsencrypt.org"', "issue" }, { caa.value, caa.tag })
    local soa =
      parse_one(6, name("ns.example") .. name("me.example") .. string.pack(">I4I4I4I4I4", 4294967295, 2, 3, 4, 5))
    assert.same({ "ns.example. me.example. 4294967295 2 3 4 5", 4294967295 }, { soa.value, soa.serial })
    local unknown = parse_one(99, "\1\255")
    assert.same({ "TYPE99", "\\# 2 01FF" }, { unknown.type, unknown.value })
    assert.equal("a\\.b\\032\\255.example.", parse_one(5, "\5a.b \255\7example\0").value)
  end)

  it("has its head read", function()
    local parsed = dns.parse(header(1, 0, 0x8583) .. QUESTION)
    assert.same(
      { 7, true, true, false, "NXDOMAIN", "a.example." },
      { parsed.id, parsed.response, parsed.authoritative, parsed.truncated, parsed.rcode, parsed.questions[1].name }
    )
  end)

  it("is refused in words when it is not sound", function()
    local cases = {
      ["\xC0\x2B"] = "does not point back", -- to itself: the record's data begins at 43
      ["\xC0\xFF"] = "does not point back",
      ["\1x\xC0\x2B"] = "does not point back",
      ["\xC0"] = "does not point back",
      ["\x80x\0"] = "unknown kind",
      ["\x40x\0"] = "unknown kind",
      ["\63abc"] = "past its end",
      ["\3abc"] = "past its end",
    }
    for data, words in pairs(cases) do
      local parsed, problem = parse_one(5, data)
      assert.is_nil(parsed)
      assert.truthy(problem:find(words, 1, true), ("%q: %s"):format(data, problem))
    end
    local long = ("\63" .. ("x"):rep(63)):rep(4)
    assert.truthy(select(2, parse_one(5, long .. "\0")):find("longer than 255", 1, true))
    assert.truthy(select(2, parse_one(1, "\1\2\3")):find("past", 1, true))
    assert.truthy(select(2, parse_one(1, "\1\2\3\4\5")):find("length of a record is wrong", 1, true))
    assert.truthy(select(2, parse_one(16, "\5abc")):find("past", 1, true))
    assert.truthy(select(2, parse_one(257, "\0\200issue")):find("past", 1, true))
    assert.truthy(select(2, parse_one(6, name("a") .. name("b") .. "\0\0")):find("past", 1, true))
    assert.truthy(select(2, parse_one(1, "\1\2\3\4", 65535)):find("past the end", 1, true))
  end)

  it("does not read on and on when pointers lead from one to the next", function()
    -- Each label points to the one before: allowed, until the name is too long.
    local chain, at = { name("x") }, 12 + #QUESTION + 12
    local body = "\1a\0"
    local positions = { at }
    for _ = 1, 200 do
      positions[#positions + 1] = at + #body
      body = body .. "\1b" .. string.pack(">I2", 0xC000 | positions[#positions - 1])
    end
    local parsed, problem = dns.parse(
      header(1, 2)
        .. QUESTION
        .. record("\xC0\x0C", 99, body)
        .. record(string.pack(">I2", 0xC000 | positions[#positions]), 1, "\1\2\3\4")
    )
    assert.is_nil(parsed)
    assert.truthy(problem:find("longer than 255", 1, true), problem)
    assert.equal(1, #chain)
  end)

  it("may be cut anywhere", function()
    local whole = header(1, 2)
      .. QUESTION
      .. record("\xC0\x0C", 16, "\3abc\2de")
      .. record("\xC0\x0C", 33, "\0\1\0\2\0\3\xC0\x0C")
    assert.truthy(message.parse(whole))
    for length = 0, #whole - 1 do
      local parsed, problem, code = message.parse(whole:sub(1, length))
      assert.same({ nil, "malformed" }, { parsed, code })
      assert.truthy(problem:find("^malformed DNS message: "))
    end
    assert.is_nil((message.parse(header(65535, 65535))))
  end)

  it("may be changed anywhere", function()
    math.randomseed(20261123)
    local whole = header(1, 6)
      .. QUESTION
      .. record("\xC0\x0C", 5, "\1b\xC0\x0C")
      .. record("\xC0\x27", 16, "\3abc\2de")
      .. record("\xC0\x0C", 33, "\0\1\0\2\0\3\xC0\x27")
      .. record("\xC0\x0C", 6, "\1m\xC0\x0C\1r\xC0\x0C" .. ("\1"):rep(20))
      .. record("\xC0\x0C", 257, "\0\5issuex")
      .. record("\xC0\x0C", 15, "\0\1\xC0\x0C")
    assert.truthy(message.parse(whole))
    for _ = 1, 20000 do
      local bytes = { whole:byte(1, -1) }
      for _ = 1, math.random(4) do
        bytes[math.random(#bytes)] = math.random(0, 255)
      end
      local parsed, problem = message.parse(string.char(table.unpack(bytes)))
      assert.truthy(parsed or problem)
    end
  end)

  it("is written as it is read", function()
    local query = dns.parse(string.pack(">I2I2I2I2I2I2", 9, 0x0100, 1, 0, 0, 0) .. QUESTION)
    local values = {
      A = "192.0.2.1",
      AAAA = "2001:db8::1",
      CNAME = "b.example.",
      MX = "10 mail.example.",
      SRV = "1 2 8080 s.example.",
      TXT = '"say \\"hi\\"" "x"',
      CAA = '0 issue "le.org"',
      SOA = "ns.example. me.example. 1 2 3 4 5",
      NS = "a\\.b.example.",
      PTR = ".",
    }
    for kind, text in pairs(values) do
      local bytes = wire.encode(query, {
        rcode = "NOERROR",
        authoritative = true,
        answers = { { name = "a.example.", type = kind, ttl = 60, values = { text } } },
      }, 512)
      local answer = assert(dns.parse(bytes))
      assert.same(
        { 9, true, kind, 60, text },
        { answer.id, answer.authoritative, answer.records[1].type, answer.records[1].ttl, answer.records[1].value }
      )
    end
    local long = wire.encode(query, {
      rcode = "NOERROR",
      answers = { { name = "a.example.", type = "TXT", ttl = 1, values = { '"' .. ("x"):rep(600) .. '"' } } },
    }, 512)
    assert.same({ true, 0 }, { dns.parse(long).truncated, #dns.parse(long).records })
  end)

  it("has values that Route 53 would take, or not", function()
    for kind, texts in pairs {
      A = { "1.2.3", "1.2.3.4.5", "1.2.3.256", "a.b.c.d", "" },
      AAAA = { "1::2::3", ":::", "12345::", "1:2:3", "g::1", "" },
      MX = { "mail", "x mail." },
      TXT = { "bare", '"open' },
      SRV = { "1 2 s." },
      CAA = { "issue x" },
    } do
      for _, text in ipairs(texts) do
        assert.is_false(wire.valid(kind, text), kind .. " " .. text)
      end
    end
  end)
end)

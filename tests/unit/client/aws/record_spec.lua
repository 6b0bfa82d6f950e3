local record = require "o2x.client.aws.record"

describe("a name as Route 53 writes it", function()
  it("has one canonical form", function()
    for text, expected in pairs {
      ["WWW.Example.COM."] = "www.example.com",
      ["\\052.example.com."] = "*.example.com",
      ["a\\100b.example.com"] = "a@b.example.com",
      ["a\\056b.example.com"] = "a\\056b.example.com",
      ["a\\134b"] = "a\\134b",
      ["a\\999"] = "a\\999",
      [""] = "",
    } do
      assert.equal(expected, record.name(text), text)
    end
  end)
end)

describe("a value", function()
  local LONG <const> = ("k"):rep(600)

  it("has one canonical form", function()
    for _, case in ipairs {
      { "CNAME", "LB.Example.com.", "lb.example.com" },
      { "MX", "10  Mail.Example.com.", "10 mail.example.com" },
      { "A", "192.0.2.1", "192.0.2.1" },
      { "TXT", "plain", '"plain"' },
      { "TXT", "", '""' },
      { "TXT", 'say "hi"\\', '"say \\"hi\\"\\\\"' },
      { "TXT", "gr\u{fc}n\n", '"gr\\303\\274n\\012"' },
      { "TXT", '"a"   "b"', '"a" "b"' },
      { "TXT", '"\\141\\"\\;"', '"a\\";"' },
      { "TXT", LONG, ('"%s" "%s" "%s"'):format(("k"):rep(255), ("k"):rep(255), ("k"):rep(90)) },
      { "TXT", '"open', '"open' },
    } do
      assert.equal(case[3], record.value(case[1], case[2]), case[2])
      assert.equal(case[3], record.value(case[1], case[3]))
    end
  end)

  it("is the same however it is written", function()
    for _, case in ipairs {
      { "TXT", { LONG }, { '"' .. ("k"):rep(200) .. '" "' .. ("k"):rep(200) .. '" "' .. ("k"):rep(200) .. '"' } },
      { "TXT", { "a", "b" }, { '"b"', '"\\141"' } },
      { "CNAME", { "A.b." }, { "a.B" } },
      { "AAAA", { "2001:DB8::1" }, { "2001:0db8:0:0:0:0:0:1" } },
      { "A", { "192.0.2.1", "192.0.2.2" }, { "192.0.2.2", "192.0.2.1" } },
    } do
      assert.is_true(record.same_values(table.unpack(case)), case[2][1])
    end
  end)

  it("is another where it means something else", function()
    for _, case in ipairs {
      { "TXT", { "a b" }, { '"a" "b"' } },
      { "TXT", { "A" }, { "a" } },
      { "A", { "192.0.2.1" }, { "192.0.2.1", "192.0.2.2" } },
      { "A", { "192.0.2.1", "192.0.2.1" }, { "192.0.2.1", "192.0.2.2" } },
      { "AAAA", { "2001:db8::1" }, { "2001:db8::2" } },
    } do
      assert.is_false(record.same_values(table.unpack(case)), case[2][1])
    end
  end)
end)

describe("what Route 53 would refuse", function()
  local function problem(more)
    local all = { name = "a.example.com", type = "TXT", ttl = 300, values = { "x" } }
    for key, value in pairs(more) do
      all[key] = value
    end
    return record.problem(all)
  end

  it("is none of an ordinary record", function()
    assert.is_nil(problem {})
    assert.is_nil(problem { ttl = 0 })
    assert.is_nil(problem { ttl = 300.0 })
    assert.is_nil(problem { values = { ("x"):rep(1000) } })
    assert.is_nil(problem { name = ("x"):rep(63) .. ".example.com" })
  end)

  it("is said before anything is sent", function()
    for expected, more in pairs {
      ["ttl must be a whole number"] = { ttl = 1.5 },
      ["from 0 to 2147483647"] = { ttl = -1 },
      ["seconds from 0"] = { ttl = 2147483648 },
      ["number of seconds"] = { ttl = "soon" },
      ["has 64 bytes, at most 63"] = { name = ("x"):rep(64) .. ".example.com" },
      ["the name has 300 bytes"] = { name = ("x."):rep(150) },
      ["an empty label"] = { name = "a..example.com" },
      ["a CNAME has one value"] = { type = "CNAME", values = { "a.b", "c.d" } },
      ["values[2] is the same as values[1]"] = { values = { "x", '"x"' } },
      ["values[1]: a string of 256 bytes"] = { values = { '"' .. ("x"):rep(256) .. '"' } },
      ["values[1]: a text in quotation marks that does not end"] = { values = { '"x' } },
      ["something between two"] = { values = { '"x" y "z"' } },
      ["values[1]: 4001 characters"] = { values = { ("x"):rep(4001) } },
    } do
      assert.matches(expected, problem(more) or "none", 1, true)
    end
  end)
end)

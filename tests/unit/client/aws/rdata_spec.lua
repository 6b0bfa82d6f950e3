local rdata = require "o2x.client.aws.rdata"

describe("a value of a record", function()
  it("is taken as Route 53 takes it", function()
    for _, case in ipairs {
      { "A", "192.0.2.1", "0.0.0.0", "255.255.255.255" },
      { "AAAA", "2001:db8::1", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "fe80::c000:201" },
      { "CNAME", "www.example.com", "_x.acm-validations.aws", "x", "a-1.b_2.example.com", "*.example.com" },
      { "NS", "ns-1.awsdns-01.org" },
      { "PTR", "host.example.com" },
      { "MX", "10 mail.example.com", "0 .", "65535 m" },
      { "SRV", "10 5 443 www.example.com", "0 0 0 ." },
      { "CAA", '0 issue "ca.example.com"', '0 iodef "mailto:x@example.com"', '128 issuewild ";"', '0 issue ""' },
      { "TXT", '"anything"' },
      { "SOA", "ns. x. 1 2 3 4 5" },
    } do
      for i = 2, #case do
        assert.is_nil(rdata.problem(case[1], case[i]), case[i])
      end
    end
  end)

  it("is refused with an example of what is expected", function()
    for kind, case in pairs {
      A = {
        "192%.0%.2%.1",
        "300.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "",
        "192.0.2.01",
        "www.example.com",
        "1.2.3.4:80",
        "::1",
      },
      AAAA = {
        "2001:db8::1",
        "192.0.2.1",
        "::ffff:192.0.2.1",
        "fe80::1%eth0",
        "1::2::3",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "12345::",
        "[::1]",
        "",
        ":1",
        "1:",
      },
      CNAME = { "www%.example", "https://x.example.com", "x.example.com/y", "a b", "", "x:80", "a..b", "x@y" },
      MX = { "10 mail", "mail.example.com", "70000 m", "-1 m", "10", "10 m n", "", "1.5 m" },
      SRV = { "10 5 443", "1 2 x.example.com", "1 2 99999 x", "" },
      CAA = { '0 issue "', 'issue "ca"', '256 issue "ca"', "0 issue a b", "", '0 issue "a" "b"' },
    } do
      for i = 2, #case do
        assert.matches(case[1], rdata.problem(kind, case[i]) or "taken", nil, case[i])
      end
    end
  end)

  it("has one canonical form, whoever wrote it", function()
    for _, case in ipairs {
      { "A", " 192.0.2.1 ", "192.0.2.1" },
      { "AAAA", "2001:DB8::1\n", "2001:db8::1" },
      { "CNAME", " Www.Example.com. ", "www.example.com" },
      { "CNAME", "\\052.example.com", "*.example.com" },
      { "MX", "010  Mail.Example.com.", "10 mail.example.com" },
      { "MX", "0 .", "0 ." },
      { "MX", "", "" },
      { "SRV", " 1 02 443\tA.example.com. ", "1 2 443 a.example.com" },
      { "CAA", "0  Issue  ca.example.com", '0 issue "ca.example.com"' },
      { "CAA", '00 issue "a; b=c"', '0 issue "a; b=c"' },
      { "CAA", "nonsense", "nonsense" },
      { "PTR", ".", "." },
    } do
      assert.equal(case[3], rdata.canonical(case[1], case[2]))
      assert.equal(case[3], rdata.canonical(case[1], case[3]))
    end
  end)
end)

describe("a type of records", function()
  it("is one that o2x writes, or not", function()
    for _, kind in ipairs(rdata.TYPES) do
      assert.is_true(rdata.supports(kind))
    end
    for _, kind in ipairs { "HTTPS", "ANY", "a", "", "A AAAA" } do
      assert.is_false(rdata.supports(kind))
    end
  end)
end)

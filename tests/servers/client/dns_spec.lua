-- Look-ups against the lab's name server, which dig asks as well.
local dns = require "o2x.client.dns"
local listen = require "o2x.core.listen"
local small_lab = require "tests.support.small_lab"
local task = require "o2x.base.task"
local udp = require "o2x.core.udp"
local zones = require "lab.dns_zones"

local SEED <const> = {
  { name = "a.embrix.com", type = "A", values = { "192.0.2.2", "192.0.2.1" } },
  { name = "six.embrix.com", type = "AAAA", values = { "2001:db8::1" } },
  { name = "alias.embrix.com", type = "CNAME", values = { "a.embrix.com" } },
  { name = "loop.embrix.com", type = "CNAME", values = { "pool.embrix.com" } },
  { name = "pool.embrix.com", type = "CNAME", values = { "loop.embrix.com" } },
  { name = "*.wild.embrix.com", type = "CNAME", values = { "lb-1.us-east-1.elb.amazonaws.com" } },
  { name = "own.wild.embrix.com", type = "A", values = { "192.0.2.3" } },
  { name = "deep.empty.embrix.com", type = "A", values = { "192.0.2.4" } },
  { name = "t.embrix.com", type = "TXT", values = { '"one" "two"' } },
  { name = "m.embrix.com", type = "MX", values = { "10 mail.embrix.com" } },
  { name = "s.embrix.com", type = "SRV", values = { "1 2 8080 a.embrix.com" } },
  { name = "c.embrix.com", type = "CAA", values = { '0 issue "letsencrypt.org"' } },
}

describe("DNS", function()
  local lab, server

  local function case(name, body)
    it(name, function()
      small_lab.with({ "dns" }, function(fresh)
        local store = zones.open(fresh)
        local many = { table.unpack(SEED) }
        local values = {}
        for i = 1, 60 do
          values[i] = ("192.0.2.%d"):format(i)
        end
        many[#many + 1] = { name = "many.embrix.com", type = "A", values = values }
        store:seed(store:create("embrix.com", "test"), many)
      end, function(started)
        lab, server = started, started.env.O2X_LAB_DNS
        body()
      end)
    end)
  end

  local function values(name, kind, more)
    local question = { name = name, type = kind, servers = { server } }
    for key, value in pairs(more or {}) do
      question[key] = value
    end
    return dns.values(question)
  end

  local function problem_of(question)
    local ok, problem = pcall(dns.query, question)
    assert.is_false(ok)
    return problem
  end

  local function dig(...)
    local host, port = server:match("^(.*):(%d+)$")
    local result = lab.run("dig", "+tries=1", "+time=3", "@" .. host, "-p", port, ...)
    return (result.stdout:gsub("%s+$", ""))
  end

  case("gives the records of every usual type", function()
    assert.same({ "192.0.2.1", "192.0.2.2" }, (values("a.embrix.com", "A")))
    assert.same({ "192.0.2.1", "192.0.2.2" }, (values("A.EMBRIX.com.", "a")))
    assert.same({ "2001:db8::1" }, (values("six.embrix.com", "AAAA")))
    assert.same({ '"one" "two"' }, (values("t.embrix.com", "TXT")))
    assert.same({ "10 mail.embrix.com." }, (values("m.embrix.com", "MX")))
    assert.same({ "1 2 8080 a.embrix.com." }, (values("s.embrix.com", "SRV")))
    assert.same({ '0 issue "letsencrypt.org"' }, (values("c.embrix.com", "CAA")))
    assert.equal(4, #values("embrix.com", "NS"))
    assert.truthy(
      values("embrix.com", "SOA")[1]:find("^ns%-2048%.awsdns%-64%.com%. awsdns%-hostmaster%.amazon%.com%. 1 ")
    )
  end)

  case("tells what is not there from who does not answer", function()
    assert.same({ {}, "NXDOMAIN" }, { values("nosuch.embrix.com", "A") })
    assert.same({ {}, "NODATA" }, { values("a.embrix.com", "MX") })
    assert.same({ {}, "NODATA" }, { values("empty.embrix.com", "A") })
    local denied = dns.query { name = "nosuch.embrix.com", servers = { server } }
    assert.same({ "NXDOMAIN", true, "SOA" }, { denied.rcode, denied.authoritative, denied.authority[1].type })
    local ok, refused = pcall(values, "example.org", "A")
    assert.same({ false, "REFUSED" }, { ok, refused.code })
    local silent <close> = udp.bind("127.0.0.1", 0)
    local problem =
      problem_of { name = "a.embrix.com", servers = { "127.0.0.1:" .. silent:port() }, timeout = 0.1, tries = 1 }
    assert.same({ "timeout", "TIMEOUT", true }, { problem.kind, problem.code, problem.retryable })
    assert.equal(
      "unreachable",
      problem_of({ name = "a.embrix.com", servers = { "127.0.0.1:1" }, timeout = 60, tries = 1 }).kind
    )
    assert.equal("input", problem_of({ name = ("x"):rep(64) .. ".com", servers = { server } }).kind)
    assert.equal("input", problem_of({ name = "a.embrix.com", type = "NOSUCH", servers = { server } }).kind)
  end)

  case("follows aliases and wildcards as RFC 1034 and 4592 say", function()
    assert.same({ "192.0.2.1", "192.0.2.2" }, (values("alias.embrix.com", "A")))
    assert.same({ "lb-1.us-east-1.elb.amazonaws.com." }, (values("x.wild.embrix.com", "CNAME")))
    assert.same({ "lb-1.us-east-1.elb.amazonaws.com." }, (values("x.y.wild.embrix.com", "CNAME")))
    assert.same({ "127.0.0.1" }, (values("x.wild.embrix.com", "A")))
    assert.same({}, (values("own.wild.embrix.com", "CNAME")))
    assert.same({ {}, "NXDOMAIN" }, { values("x.own.wild.embrix.com", "A") })
    assert.same({ {}, "NODATA" }, { values("wild.embrix.com", "A") })
    assert.same({}, (values("loop.embrix.com", "A")))
  end)

  case("goes over TCP when it is told to or must", function()
    assert.same({ "192.0.2.1", "192.0.2.2" }, (values("a.embrix.com", "A", { tcp = true })))
    assert.equal(60, #values("many.embrix.com", "A"))
    assert.equal(60, #values("many.embrix.com", "A", { tcp = true }))
    assert.truthy(dig("+ignore", "+noedns", "many.embrix.com"):find("flags: qr aa tc", 1, true))
  end)

  case("answers dig", function()
    assert.equal("192.0.2.2\n192.0.2.1", dig("+short", "a.embrix.com"))
    assert.equal("192.0.2.2\n192.0.2.1", dig("+short", "+tcp", "a.embrix.com"))
    assert.truthy(dig("nosuch.embrix.com"):find("status: NXDOMAIN", 1, true))
    assert.truthy(dig("a.embrix.com", "SOA"):find("AUTHORITY: 1", 1, true))
    assert.equal("a.embrix.com.\n192.0.2.2\n192.0.2.1", dig("+short", "alias.embrix.com"))
  end)

  case("fails as it is told to", function()
    local fault = lab.instances[1].fault
    assert.is_true(fault("servfail"))
    local ok, problem = pcall(values, "a.embrix.com", "A")
    assert.same({ false, "SERVFAIL", true }, { ok, problem.code, problem.retryable })
    fault("silent")
    assert.equal("timeout", problem_of({ name = "a.embrix.com", servers = { server }, timeout = 0.1, tries = 1 }).kind)
    fault("off")
    assert.same({ "192.0.2.1", "192.0.2.2" }, (values("a.embrix.com", "A")))
    assert.is_false(fault("nosuch"))
  end)

  case(
    "asks every server on its own",
    function()
      assert.same({ [server] = { "192.0.2.1", "192.0.2.2" } }, dns.authoritative("a.embrix.com", "A", { server }))
    end
  )

  case("serves many at a time, and outlives clients that misbehave", function()
    local names = {}
    for i = 1, 100 do
      names[i] = i % 2 == 0 and "a.embrix.com" or ("h%d.wild.embrix.com"):format(i)
    end
    local found = task.each(
      names,
      function(name) return (values(name, "A", { tcp = #name % 3 == 0 })) end,
      { limit = 20 }
    )
    assert.equal(100, #found)
    local host, port = server:match("^(.*):(%d+)$")
    local odd <close> = udp.bind("127.0.0.1", 0)
    local to = string.pack("=I2>I2BBBBI8", 2, tonumber(port), 127, 0, 0, 1, 0)
    for _, bytes in ipairs { "", "x", ("\255"):rep(600), ("\0"):rep(12), ("\0\0\0\0\255\255"):rep(5) } do
      assert.is_true(odd:send(bytes, to))
    end
    assert.equal("127.0.0.1", host)
    assert.same({ "192.0.2.1", "192.0.2.2" }, (values("a.embrix.com", "A")))
  end)

  it("finds a host as other programs of the system do", function()
    local found = {}
    for _, address in ipairs(dns.addresses("localhost")) do
      found[address] = true
    end
    assert.is_true(found["127.0.0.1"] or found["::1"])
  end)

  it("can be given up", function()
    local silent <close> = udp.bind("127.0.0.1", 0)
    local asking = task.spawn(dns.query, { name = "a.example", servers = { "127.0.0.1:" .. silent:port() } })
    task.sleep(0.02)
    asking:cancel()
    assert.is_false((pcall(asking.join, asking)))
    local listener <close> = listen.open("127.0.0.1", 0)
    assert.is_false(
      (
        pcall(
          task.timeout,
          0.05,
          dns.query,
          { name = "a.example", servers = { "127.0.0.1:" .. listener:port() }, tcp = true }
        )
      )
    )
  end)
end)

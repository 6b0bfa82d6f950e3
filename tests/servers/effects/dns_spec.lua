-- The effect type dns.record on the lab's Route 53 and name server, through a gate in miniature.
local dns_module = require "o2x.effects.dns"
local fs = require "o2x.base.fs"
local faults = require "lab.faults"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local store = require "o2x.engine.store"
local zones = require "lab.dns_zones"

local BALANCER <const> = "lb-1.us-east-1.elb.amazonaws.com"
local record = dns_module.types[1]

describe("a DNS record", function()
  local lab, ctx, dns, client

  local function new_context()
    client = route53.new {
      access_key = lab.env.AWS_ACCESS_KEY_ID,
      secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
      endpoint = lab.env.AWS_ENDPOINT_URL,
      pause = 0.01,
    }
    local new = {
      run_id = "run",
      mode = "apply",
      tenant = { name = "newclient" },
      scope = { dns = { "newclient.embrix.com" } },
      config = { state = fs.join(lab.dir, "runs"), dns = { servers = { lab.env.O2X_LAB_DNS } } },
      client = function() return client end,
      waiting = function() end,
      look = function() end,
      progress = function() end,
      ask = function(_, _, fn, ...) return fn(...) end,
      once = function(_, _, fn, ...) return fn(...) end,
      run_store = function(self) return store.open(self.config.state) end,
      writes = 0,
    }
    function new:effect(_, target, desired)
      local before = record.read(self, target)
      if record.equal(before, desired) then return before, "unchanged" end
      if self.mode == "plan" then return record.predict(self, target, desired, before), "planned" end
      self.writes = self.writes + 1
      record.write(self, target, desired, before)
      local after = record.read(self, target)
      assert.is_true(record.equal(after, desired))
      return after, before and "changed" or "created"
    end
    return new
  end

  local function case(name, body)
    it(name, function()
      small_lab.with(
        { "aws", "dns" },
        function(fresh)
          fresh.seed = {
            dns = {
              { name = "taken.newclient.embrix.com", type = "CNAME", values = { "other.example.com" } },
              { name = "old.newclient.embrix.com", type = "A", values = { "192.0.2.9" }, ttl = 60 },
              { name = "embrix.com", type = "TXT", values = { '"v=spf1 -all"' } },
            },
          }
        end,
        function(started)
          lab = started
          ctx = new_context()
          dns = dns_module.api(ctx)
          body()
        end
      )
    end)
  end

  local function problem_of(fn, ...)
    local ok, problem = pcall(fn, ...)
    assert.is_false(ok)
    return problem
  end

  local function cname(name, more)
    local given = { name = name, type = "CNAME", ttl = 300, values = { BALANCER } }
    for key, each in pairs(more or {}) do
      given[key] = each
    end
    return given
  end

  case("is made once, and every name server answers it afterwards", function()
    assert.same({}, (dns.lookup("newclient.embrix.com", "CNAME")))
    for _, name in ipairs { "newclient.embrix.com", "api.newclient.embrix.com", "*.newclient.embrix.com" } do
      assert.same({ type = "CNAME", ttl = 300, values = { BALANCER } }, dns.ensure_record(cname(name)))
      for _, values in pairs(dns.authoritative(name, "CNAME")) do
        assert.same({ BALANCER }, values)
      end
    end
    assert.equal(3, ctx.writes)
    dns.ensure_record(cname("NewClient.Embrix.com.", { values = { BALANCER:upper() .. "." } }))
    dns.ensure_record(cname("*.newclient.embrix.com"))
    assert.equal(3, ctx.writes)
    assert.same({ BALANCER }, (dns.lookup("anything.newclient.embrix.com", "CNAME")))
    assert.equal("NXDOMAIN", select(2, dns.lookup("nosuch.embrix.com", "A")))
  end)

  case("is given another time to live without more ado", function()
    dns.ensure_record { name = "old.newclient.embrix.com", type = "A", ttl = 120, values = { "192.0.2.9" } }
    assert.equal(120, client:records_of(client:zone("embrix.com"), "old.newclient.embrix.com")[1].ttl)
  end)

  case("of somebody else is refused, in a plan and in a run, and taken over only when told to", function()
    local taken = cname("taken.newclient.embrix.com")
    local problem = problem_of(dns.ensure_record, taken)
    assert.equal("conflict", problem.kind)
    assert.equal(
      "taken.newclient.embrix.com already exists: CNAME other.example.com, not CNAME " .. BALANCER,
      problem.message
    )
    assert.truthy(problem.hint:find("takeover=true", 1, true))
    assert.equal("conflict", problem_of(dns.ensure_record, cname("old.newclient.embrix.com")).kind)
    ctx.mode = "plan"
    assert.equal("conflict", problem_of(dns.ensure_record, taken).kind)
    ctx.mode = "apply"
    dns.ensure_record(cname("taken.newclient.embrix.com", { takeover = true }))
    dns.ensure_record(cname("old.newclient.embrix.com", { takeover = true }))
    assert.same({ BALANCER }, dns.lookup("old.newclient.embrix.com", "CNAME"))
  end)

  case("that an earlier run of this tenant left, and no other's, is changed without more ado", function()
    local runs, new = store.open(ctx.config.state), "lb-2.us-east-1.elb.amazonaws.com"
    local function leave(tenant, key, values)
      local _, journal = runs:create(
        runs:new_id(),
        { t = "begin", tenant = tenant, runbook = { name = "onboard" } },
        {}
      )
      local effect = { t = "intent", path = "", kind = "dns.record", key = key, effect = "e" .. #values[1], slot = "s" }
      journal:append(effect)
      journal:append {
        t = "result",
        path = "",
        effect = effect.effect,
        outcome = "created",
        after = { type = "CNAME", ttl = 60, values = values },
      }
      journal:close()
    end
    leave("other", "taken.newclient.embrix.com CNAME", { "other.example.com" })
    leave("newclient", "taken.newclient.embrix.com CNAME", { "another.example.com" })
    leave("newclient", "api.newclient.embrix.com CNAME", { "other.example.com" })
    assert.equal(
      "conflict",
      problem_of(dns.ensure_record, cname("taken.newclient.embrix.com", { values = { new } })).kind
    )
    leave("newclient", "taken.newclient.embrix.com CNAME", { "other.example.com" })
    dns.ensure_record(cname("taken.newclient.embrix.com", { values = { new } }))
    assert.same({ new }, (dns.lookup("taken.newclient.embrix.com", "CNAME")))
  end)

  case("that is more than its values is refused, whatever it holds and even for a takeover", function()
    local zone = zones.open(lab):holding "embrix.com."
    local name = "special.newclient.embrix.com"
    for word, fields in pairs {
      alias = { alias = "lb.example.com.", values = {} },
      weighted = { set = "blue", policy = "Weight", extra = { { "Weight", 1 } }, ttl = 300, values = { "192.0.2.1" } },
    } do
      fields.name, fields.type = name .. ".", "A"
      fields.extra = fields.extra or { { "AliasTarget", { "DNSName", "lb.example.com." } } }
      zone.records[#zone.records + 1] = fields
      for _, mode in ipairs { "plan", "apply" } do
        ctx.mode = mode
        for _, given in ipairs {
          { name = name, type = "A", values = { "192.0.2.1" }, takeover = true },
          { name = name, type = "CNAME", values = { "x.example.com" }, takeover = true },
        } do
          local problem = problem_of(dns.ensure_record, given)
          assert.equal("refused", problem.kind)
          assert.matches(word == "alias" and "A alias of lb.example.com" or "A weighted record set", problem.message)
        end
      end
      assert.equal(fields, table.remove(zone.records))
    end
  end)

  case("that Route 53 would refuse is refused in a plan", function()
    ctx.mode = "plan"
    for expected, given in pairs {
      ["ttl must be"] = { type = "A", values = { "192.0.2.1" }, ttl = -1 },
      ["the same as values"] = { type = "TXT", values = { "x", "x" } },
      ["a string of 300 bytes"] = { type = "TXT", values = { '"' .. ("x"):rep(300) .. '"' } },
    } do
      given.name = "newclient.embrix.com"
      local problem = problem_of(dns.ensure_record, given)
      assert.equal("input", problem.kind)
      assert.matches(expected, problem.message, 1, true)
    end
    ctx.scope.dns = { "embrix.com" }
    assert.matches("which cannot be a CNAME", problem_of(dns.ensure_record, cname "embrix.com").message, 1, true)
  end)

  case("outside the tenant's own domain is refused", function()
    for _, name in ipairs {
      "embrix.com",
      "newclient-sbx.embrix.com",
      "xnewclient.embrix.com",
      "newclient.embrix.com.evil.org",
      "urbanos.embrix.com",
      "..newclient.embrix.com",
      "a b.newclient.embrix.com",
      "a\0.newclient.embrix.com",
      "",
    } do
      assert.equal("refused", problem_of(dns.ensure_record, cname(name)).kind, name)
    end
    assert.equal(0, ctx.writes)
    assert.equal("input", problem_of(dns.ensure_record, { name = "newclient.embrix.com" }).kind)
    assert.equal(
      "input",
      problem_of(dns.ensure_record, { name = "newclient.embrix.com", type = "NOSUCH", values = { "x" } }).kind
    )
  end)

  case("whose request's answer was lost is found by the probe, not sent again", function()
    local target, desired =
      { name = "newclient.embrix.com", type = "CNAME" }, { type = "CNAME", ttl = 300, values = { BALANCER } }
    assert.equal("absent", record.probe(ctx, target, desired))
    faults.add(lab.faults.rules, "aws", "drop-after", { match = "CREATE" })
    assert.equal("unknown", problem_of(record.write, ctx, target, desired, nil).kind)
    assert.equal("done", record.probe(ctx, target, desired))
    assert.same({ BALANCER }, (dns.lookup("newclient.embrix.com", "CNAME")))
    assert.equal("absent", record.probe(ctx, target, nil))
  end)

  case("is taken away again", function()
    local target = { name = "newclient.embrix.com", type = "CNAME" }
    dns.ensure_record(cname(target.name))
    record.write(ctx, target, nil, record.read(ctx, target))
    assert.is_nil(record.read(ctx, target))
    assert.same({}, (dns.lookup(target.name, "CNAME")))
    record.write(ctx, target, nil, nil)
  end)

  case("may hold text", function()
    dns.ensure_record { name = "_x.newclient.embrix.com", type = "TXT", values = { 'say "hi"', '"a" "b"' } }
    dns.ensure_record { name = "_x.newclient.embrix.com", type = "TXT", values = { '"say \\"hi\\""', '"a" "b"' } }
    assert.equal(1, ctx.writes)
    assert.same({ '"a" "b"', '"say \\"hi\\""' }, (dns.lookup("_x.newclient.embrix.com", "TXT")))
  end)

  case("may hold a long text, which is split, and bytes of any kind", function()
    local long = "v=DKIM1; p=" .. ("k"):rep(400)
    local given = { name = "_k.newclient.embrix.com", type = "TXT", values = { long, "gr\u{fc}n" } }
    dns.ensure_record(given)
    dns.ensure_record(given)
    local halves = ('"%s" "%s"'):format(long:sub(1, 100), long:sub(101, 300)) .. (' "%s"'):format(long:sub(301))
    given.values = { '"gr\\303\\274n"', halves }
    dns.ensure_record(given)
    assert.equal(1, ctx.writes)
    for _, values in pairs(dns.authoritative(given.name, "TXT")) do
      assert.same({ '"gr\\303\\274n"', ('"%s" "%s"'):format(long:sub(1, 255), long:sub(256)) }, values)
    end
    record.write(ctx, { name = given.name, type = "TXT" }, nil, record.read(ctx, { name = given.name, type = "TXT" }))
    assert.same({}, (dns.lookup(given.name, "TXT")))
  end)
end)

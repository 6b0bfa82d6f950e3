-- Undo of DNS records: dig is asked before, after the run, after the undo, and after the undo of the undo.

local dns_module = require "o2x.effects.dns"
local fs = require "o2x.base.fs"
local route53 = require "o2x.client.aws.route53"
local secret = require "o2x.base.secret"
local small_lab = require "tests.support.small_lab"
local small_run = require "tests.support.small_run"
local taken_back = require "tests.support.taken_back"

local NAMES <const> = { "newclient.embrix.com", "old.newclient.embrix.com", "many.newclient.embrix.com" }

local SEED <const> = {
  { name = "old.newclient.embrix.com", type = "A", values = { "192.0.2.9" }, ttl = 60 },
  { name = "many.newclient.embrix.com", type = "A", values = { "192.0.2.1", "192.0.2.2" }, ttl = 120 },
}

local function with_lab(body)
  small_lab.with({ "aws", "dns" }, function(fresh) fresh.seed = { dns = SEED } end, function(lab)
    local client = route53.new {
      access_key = lab.env.AWS_ACCESS_KEY_ID,
      secret_key = secret.new(lab.env.AWS_SECRET_ACCESS_KEY, "aws"),
      endpoint = lab.env.AWS_ENDPOINT_URL,
      pause = 0.01,
    }
    local count = 0
    local function run()
      count = count + 1
      local made = small_run.new {
        modules = { dns_module },
        clients = setmetatable({}, { __index = function() return client end }),
        scope = { dns = { "newclient.embrix.com" } },
        config = { state = fs.join(lab.dir, "runs"), dns = { servers = { lab.env.O2X_LAB_DNS } } },
        id = "R-" .. count,
      }
      made.ctx.tenant = { name = "newclient" }
      made.retry_seconds, made.first_pause = 5, 0.01
      return made
    end
    local host, port = lab.env.O2X_LAB_DNS:match "^(.*):(%d+)$"
    local function look()
      local parts = {}
      for i, name in ipairs(NAMES) do
        local answer = lab.run("dig", "@" .. host, "-p", port, "+norecurse", "+noall", "+answer", name, "A")
        local alias = lab.run("dig", "@" .. host, "-p", port, "+norecurse", "+noall", "+answer", name, "CNAME")
        local lines = {}
        for line in (answer.stdout .. alias.stdout):gmatch "[^\n]+" do
          lines[#lines + 1] = line
        end
        table.sort(lines)
        parts[i] = name .. "\n" .. table.concat(lines, "\n")
      end
      return table.concat(parts, "\n")
    end
    body(run, look)
  end)
end

local CASES <const> = {
  ["a new record"] = { name = "newclient.embrix.com", type = "CNAME", ttl = 300, values = { "lb-1.example.com" } },
  ["another time to live"] = { name = "old.newclient.embrix.com", type = "A", ttl = 300, values = { "192.0.2.9" } },
  ["other values"] = {
    name = "many.newclient.embrix.com",
    type = "A",
    ttl = 300,
    values = { "192.0.2.3" },
    takeover = true,
  },
}

describe("undo of DNS", function()
  for what, record in pairs(CASES) do
    it("takes back " .. what, function()
      with_lab(function(run, look)
        local before = look()
        local first = run()
        first.api.dns.ensure_record(record)
        local after = look()
        assert.are_not.equal(before, after)
        local back = taken_back.back(first, run())
        assert.same({}, back.undo.left)
        assert.equal(before, look())
        taken_back.back(back, run())
        assert.equal(after, look())
      end)
    end)
  end
end)

-- A record of another name in the answer to a DNS query was taken for one of the name that was asked.

local defer = require "o2x.base.defer"
local dns = require "o2x.client.dns"
local task = require "o2x.base.task"
local udp = require "o2x.core.udp"

local A <const>, CNAME <const> = 1, 5

local function name_bytes(name)
  return (name:gsub("([^.]+)%.?", function(label) return ("s1"):pack(label) end)) .. "\0"
end

local function address(owner, text)
  local bytes = text:gsub("(%d+)%.?", function(part) return string.char(tonumber(part)) end)
  return name_bytes(owner) .. (">I2I2I4s2"):pack(A, 1, 60, bytes)
end

local function alias(owner, target) return name_bytes(owner) .. (">I2I2I4s2"):pack(CNAME, 1, 60, name_bytes(target)) end

-- The values that a lookup of a.embrix.com gives when the server answers with these records.
local function lookup(records, kind)
  local server <close> = assert(udp.bind("127.0.0.1", 0))
  local handle = task.spawn(function()
    while true do
      local query, from = server:receive()
      if query then
        local head = query:sub(1, 2) .. (">I2I2I2I2I2"):pack(0x8180, 1, #records, 0, 0)
        local question = query:match("^............([^\0]*\0....)")
        server:send(head .. question .. table.concat(records), from)
      else
        task.wait_fd(server:fd(), "r", math.huge)
      end
    end
  end)
  local _stop <close> = defer(function()
    handle:cancel()
    handle:wait(5, true)
  end)
  return (dns.values { name = "a.embrix.com", type = kind, servers = { "127.0.0.1:" .. server:port() }, timeout = 2 })
end

describe("the records of a name", function()
  for what, case in pairs {
    ["are its own"] = { { address("a.embrix.com", "192.0.2.1") }, { "192.0.2.1" } },
    ["may be written in other case"] = { { address("A.Embrix.COM", "192.0.2.1") }, { "192.0.2.1" } },
    ["are not those of another name"] = { { address("b.embrix.com", "192.0.2.66") }, {} },
    ["are not those of a name above it"] = { { address("embrix.com", "192.0.2.66") }, {} },
    ["stand beside those of another name"] = {
      { address("b.embrix.com", "192.0.2.66"), address("a.embrix.com", "192.0.2.1") },
      { "192.0.2.1" },
    },
    ["are where its aliases lead"] = {
      {
        alias("a.embrix.com", "b.example.net"),
        alias("b.example.net", "c.example.net"),
        address("c.example.net", "192.0.2.1"),
      },
      { "192.0.2.1" },
    },
    ["are where its aliases lead, in any order"] = {
      {
        address("c.example.net", "192.0.2.1"),
        alias("b.example.net", "c.example.net"),
        alias("a.embrix.com", "b.example.net"),
      },
      { "192.0.2.1" },
    },
    ["are not where another's aliases lead"] = {
      {
        alias("a.embrix.com", "b.example.net"),
        alias("x.example.net", "c.example.net"),
        address("c.example.net", "192.0.2.66"),
      },
      {},
    },
    ["are none when an alias leads to itself"] = { { alias("a.embrix.com", "a.embrix.com") }, {} },
  } do
    it(what, function() assert.same(case[2], lookup(case[1])) end)
  end

  it("are the aliases themselves, when those are asked for", function()
    local records = { alias("b.embrix.com", "x.example.net"), alias("a.embrix.com", "c.example.net") }
    assert.same({ "c.example.net." }, lookup(records, "CNAME"))
  end)
end)

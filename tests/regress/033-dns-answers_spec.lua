-- Queries carried the identifier 0, so that whoever guessed the port could answer. Now the identifier is random, and
-- only the answer to this query counts: what somebody else, or something else, answers is dropped, and the wait goes
-- on.

local defer = require "o2x.base.defer"
local dns = require "o2x.client.dns"
local task = require "o2x.base.task"
local udp = require "o2x.core.udp"

local NAME <const>, REAL <const>, FORGED <const> = "a.embrix.com", "192.0.2.1", "192.0.2.66"

local function name_bytes(name)
  return (name:gsub("([^.]+)%.?", function(label) return ("s1"):pack(label) end)) .. "\0"
end

-- An answer to the query with these deviations from what is right.
local function answer(query, o)
  local id = (">I2"):unpack(query)
  local address = (o.address or FORGED):gsub("(%d+)%.?", function(part) return string.char(tonumber(part)) end)
  local question = name_bytes(o.name or NAME) .. (">I2I2"):pack(o.type or 1, o.class or 1)
  return (">I2I2I2I2I2I2"):pack(o.id and id ~ o.id or id, o.flags or 0x8180, o.questions or 1, o.answers or 1, 0, 0)
    .. (o.questions == 0 and "" or question)
    .. (o.owner or "\xc0\x0c")
    .. (">I2I2I4s2"):pack(o.type or 1, o.class or 1, 60, o.data or address)
end

local DROPPED = {
  ["another identifier"] = { id = 1 },
  ["an identifier with its bytes swapped"] = { id = 0xffff },
  ["another name"] = { name = "b.embrix.com" },
  ["a longer name"] = { name = "x.a.embrix.com" },
  ["another type"] = { type = 28, data = ("\0"):rep(16) },
  ["another class"] = { class = 3 },
  ["no question"] = { questions = 0 },
  ["the query itself"] = { flags = 0x0100 },
}

-- Answers that count, because they are the server's, and are not read.
local MALFORMED = {
  ["a name that points at itself"] = { owner = "\xc0\x26" },
  ["a name that points behind the end"] = { owner = "\xff\xff" },
  ["a label of 64 bytes"] = { owner = "\x40" .. ("x"):rep(64) .. "\0" },
  ["an address of 3 bytes"] = { data = "abc" },
  ["more answers than there are"] = { answers = 65535 },
}

describe("the answer to a DNS query", function()
  local server, seen, reply

  -- A test with a server that calls reply(query, from).
  local function case(name, body)
    it(name, function()
      local listening <close> = assert(udp.bind("127.0.0.1", 0))
      server, seen = listening, {}
      local handle = task.spawn(function()
        while true do
          local query, from = server:receive()
          if query then
            seen[#seen + 1] = { id = (">I2"):unpack(query), port = (">I2"):unpack(from, 3) }
            reply(query, from)
          else
            task.wait_fd(server:fd(), "r", math.huge)
          end
        end
      end)
      local _stop <close> = defer(function()
        handle:cancel()
        handle:wait(5, true)
      end)
      body()
    end)
  end

  local function ask(more)
    local question = { name = NAME, servers = { "127.0.0.1:" .. server:port() }, timeout = 1, tries = 2 }
    for key, value in pairs(more or {}) do
      question[key] = value
    end
    return dns.values(question)
  end

  case("has the random identifier and port of its query", function()
    function reply(query, from) server:send(answer(query, { address = REAL }), from) end
    for _ = 1, 50 do
      assert.same({ REAL }, (ask()))
    end
    local ids, ports = {}, {}
    for _, query in ipairs(seen) do
      ids[query.id], ports[query.port] = true, true
    end
    local function count(set)
      local n = 0
      for _ in pairs(set) do
        n = n + 1
      end
      return n
    end
    assert.is_true(count(ids) > 45, count(ids) .. " identifiers")
    assert.is_true(count(ports) > 25, count(ports) .. " ports")
  end)

  for what, deviation in pairs(DROPPED) do
    case("is not " .. what, function()
      function reply(query, from)
        server:send(answer(query, deviation), from)
        server:send(answer(query, { address = REAL }), from)
      end
      assert.same({ REAL }, (ask()))
    end)
  end

  case("is not what comes from another port", function()
    local other <close> = assert(udp.bind("127.0.0.1", 0))
    function reply(query, from)
      other:send(answer(query, {}), from)
      server:send(answer(query, { address = REAL }), from)
    end
    assert.same({ REAL }, (ask()))
  end)

  case("may have the name in other case", function()
    function reply(query, from) server:send(answer(query, { name = "A.Embrix.COM", address = REAL }), from) end
    assert.same({ REAL }, (ask()))
  end)

  case("is waited for until the deadline, and no longer", function()
    function reply(query, from) server:send(answer(query, { id = 1 }), from) end
    local ok, err = pcall(ask, { timeout = 0.1, tries = 1 })
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
    function reply(query, from) server:send(answer(query, { flags = 0x0100 }), from) end
    ok, err = pcall(ask, { timeout = 0.1, tries = 1 })
    assert.is_false(ok)
    assert.truthy(err.kind == "timeout" or err.kind == "unreachable", err.kind)
  end)

  for what, deviation in pairs(MALFORMED) do
    case("is malformed with " .. what, function()
      function reply(query, from) server:send(answer(query, deviation), from) end
      local ok, err = pcall(ask)
      assert.is_false(ok)
      assert.equal("failed", err.kind)
      assert.matches("malformed DNS message", err.message)
    end)
  end
end)

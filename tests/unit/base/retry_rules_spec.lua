-- The tables of what is retried, each row by itself: it is found, and a read and a write fare as it says.

local errors = require "o2x.base.error"
local gates = require "tests.support.memory_gate"
local moods = require "tests.support.moods"
local retry = require "o2x.base.retry"
local retry_rules = require "o2x.base.retry_rules"

local function each(fn)
  for _, system in ipairs(retry_rules.SYSTEMS) do
    for _, rule in ipairs(retry_rules.rules(system.name)) do
      fn(system.name, rule, ("%s, %s"):format(system.title, moods.name(rule)))
    end
  end
end

local function error_of(system, rule, is_read)
  local fields, means = retry_rules.judge(system, moods.of(rule), is_read)
  fields.message = means
  return fields
end

describe("each rule", function()
  it("says what is the matter, and what to do where o2x waits for it", function()
    each(function(_, rule, name)
      assert.is_truthy(retry_rules.VERDICTS[rule.verdict], name)
      assert.is_true(#rule.means > 5, name)
      if rule.verdict ~= "never" then assert.is_true(#rule.hint > 10, name) end
      assert.is_true(rule.status ~= nil or rule.code ~= nil or rule.text ~= nil, name)
    end)
  end)

  it("is found by what it names, past those before it", function()
    local count = 0
    each(function(system, rule, name)
      assert.equal(rule, retry_rules.find(system, moods.of(rule)), name)
      count = count + 1
    end)
    assert.is_true(count > 110, tostring(count))
  end)
end)

describe("by each rule", function()
  -- A read that fails so twice, then works: -> how often it was made, its error if it failed.
  local function read(system, rule, times)
    local made = 0
    local ok, err = pcall(retry.read, { first_pause = 0, attempts = 10 }, function()
      made = made + 1
      if made <= times then errors.raise(error_of(system, rule, true)) end
    end)
    return made, not ok and err or nil
  end

  it("a read is made again, or not", function()
    each(function(system, rule, name)
      local made, err = read(system, rule, 2)
      if rule.verdict == "never" then
        assert.equal(1, made, name)
        assert.matches(rule.means, err.message, 1, true)
      else
        assert.same({ 3, nil }, { made, err }, name)
      end
    end)
  end)

  it("a read that never works ends in one line, with what to do", function()
    each(function(system, rule, name)
      if rule.verdict == "never" then return end
      local made, err = read(system, rule, math.huge)
      assert.equal(10, made, name)
      assert.equal(rule.means .. " (tried 10 times in 0 s)", err.message)
      assert.equal(rule.hint, err.hint)
    end)
  end)

  -- A write that fails so once, after it took place if `done`: -> how often it was sent, the value, the error.
  local function write(kind, system, rule, done)
    local g = gates.new { system = {} }
    g.run.first_pause = 0
    g:fail("x", error_of(system, rule, false), done)
    local ok, err = pcall(g.effect, g, kind, "x", 1)
    return g.attempts.x, g.system.x, not ok and err or nil
  end

  it("a write is sent again where it was surely not carried out, or where the system says so", function()
    each(function(system, rule, name)
      local sent, value, err = write("thing", system, rule, false)
      local again = rule.verdict == "later" or rule.verdict == "ask"
      assert.same({ again and 2 or 1, again and 1 or nil }, { sent, value }, name)
      assert.equal(not again, err ~= nil, name)
    end)
  end)

  it("a write that was carried out is not sent again", function()
    each(function(system, rule, name)
      if rule.verdict ~= "ask" then return end
      assert.same({ 1, 1 }, { write("thing", system, rule, true) }, name)
    end)
  end)

  it("a write that nobody can ask for stops where it is in doubt", function()
    each(function(system, rule, name)
      local sent, _, err = write("blind", system, rule, true)
      if rule.verdict == "later" then return end
      assert.equal(1, sent, name)
      assert.equal(rule.verdict == "ask" and "unknown" or err.kind, err.kind, name)
    end)
  end)
end)

describe("a failure without a rule", function()
  for _, case in ipairs {
    { "http", { status = 404 } },
    { "http", { status = 501 } },
    { "vault", { status = 404 } },
    { "kubernetes", { status = 404 } },
    { "postgresql", { code = "22P02" } },
    { "redis", { code = "WRONGTYPE" } },
    { "helm", { text = "chart requires kubeVersion" } },
    { "aws", { code = "NoSuchHostedZone", status = 404 } },
    { "dns", { code = "NXDOMAIN" } },
    { "network", { code = "tls" } },
  } do
    it("is not judged: " .. case[1], function() assert.is_nil(retry_rules.judge(case[1], case[2], true)) end)
  end
end)

describe("the pause that a server asks for", function()
  it("is a number of seconds or a date", function()
    assert.equal(7, retry_rules.retry_after { ["retry-after"] = "7" })
    assert.equal(0, retry_rules.retry_after { ["retry-after"] = "Sat, 14 Feb 2015 09:30:00 GMT" })
    assert.is_true(retry_rules.retry_after { ["retry-after"] = "Sat, 14 Feb 2099 09:30:00 GMT" } > 1e6)
    assert.is_nil(retry_rules.retry_after { ["retry-after"] = "soon" })
    assert.is_nil(retry_rules.retry_after {})
  end)
end)

local errors = require "o2x.base.error"
local retry = require "o2x.base.retry"

local function fault(kind, fields)
  local err = { kind = kind, message = "it did not work" }
  for key, v in pairs(fields or {}) do
    err[key] = v
  end
  return errors.new(err)
end

local function away(kind, fields)
  fields = fields or {}
  fields.retryable = true
  return fault(kind, fields)
end

-- Fails with these errors, one after the other, then succeeds; -> fn and the count of its calls
local function failing(list)
  local calls = { n = 0 }
  return function()
    calls.n = calls.n + 1
    if list[calls.n] then error(list[calls.n], 0) end
    return "done", calls.n
  end,
    calls
end

describe("retry.may", function()
  it("allows a read where the outcome is unknown, a write not", function()
    assert.is_true(retry.may(fault "unknown", true))
    assert.is_false(retry.may(fault "unknown", false))
  end)

  it("allows nothing that no rule allows", function()
    for _, kind in ipairs { "unreachable", "timeout", "failed", "conflict" } do
      assert.is_false(retry.may(fault(kind), true), kind)
    end
  end)

  it("allows neither after any other failure", function()
    assert.is_false(retry.may(fault "input", true))
    assert.is_false(retry.may("a plain text", true))
  end)

  it("believes the client, who knows whether something was done", function()
    assert.is_true(retry.may(fault("failed", { retryable = true }), false))
    assert.is_false(retry.may(fault("unreachable", { retryable = false }), true))
  end)
end)

describe("retry.pause", function()
  it("stays below a limit that doubles, up to the longest", function()
    for n, limit in pairs { [1] = 0.2, [3] = 0.8, [20] = retry.longest } do
      for _ = 1, 50 do
        local seconds = retry.pause(n, {})
        assert.is_true(seconds >= 0 and seconds <= limit)
      end
    end
  end)

  it("is what the server asks for, within bounds", function()
    assert.equal(7, retry.pause(1, { retry_after = 7 }))
    assert.equal(7, retry.pause(1, { retry_after = "7" }))
    assert.is_true(retry.pause(1, { retry_after = -1 }) <= 0.2) -- "at once" would be forty times at once
    assert.equal(retry.longest_retry_after, retry.pause(1, { retry_after = 86400 }))
  end)
end)

describe("retry.read", function()
  local first, noted

  before_each(function()
    first, retry.first, noted = retry.first, 1e-4, {}
  end)
  after_each(function() retry.first = first end)

  local function note(n, err) noted[#noted + 1] = n .. " " .. err.kind end

  it("gives all results of a read that works", function()
    local fn = failing {}
    assert.same({ "done", 1 }, { retry.read({ on_retry = note }, fn) })
    assert.same({}, noted)
  end)

  it("tries again after transient failures, and tells", function()
    local fn = failing { away "timeout", away "unreachable" }
    assert.same({ "done", 3 }, { retry.read({ on_retry = note }, fn) })
    assert.same({ "1 timeout", "2 unreachable" }, noted)
  end)

  it("gives up after so many attempts, with the last error", function()
    local fn, calls = failing { away "timeout", away "timeout", away "unreachable" }
    local ok, err = pcall(retry.read, { on_retry = note, attempts = 3 }, fn)
    assert.is_false(ok)
    assert.equal("unreachable", err.kind)
    assert.equal(3, calls.n)
  end)

  it("does not try again after an error that is final", function()
    local fn, calls = failing { fault "refused" }
    assert.is_false((pcall(retry.read, { on_retry = note }, fn)))
    assert.equal(1, calls.n)
  end)

  it("gives up early while the system has not answered at all", function()
    local fn, calls = failing { away "unreachable", away "unreachable", away "unreachable", away "unreachable" }
    assert.is_false((pcall(retry.read, { silent_attempts = 3 }, fn)))
    assert.equal(3, calls.n)
  end)

  it("goes on after an answer, even if it is a refusal", function()
    local fn = failing { away "unreachable", away("unreachable", { answered = true }), away "timeout", away "timeout" }
    assert.same({ "done", 5 }, { retry.read({ silent_attempts = 3 }, fn) })
  end)

  it("says in the end how long it tried", function()
    local fn = failing { away "timeout", away "timeout" }
    local _, err = pcall(retry.read, { attempts = 2 }, fn)
    assert.equal("it did not work (tried 2 times in 0 s)", err.message)
  end)

  it("says the same each time where it is to be terse", function()
    local fn = failing { away "timeout", away "timeout" }
    local _, err = pcall(retry.read, { attempts = 2, terse = true }, fn)
    assert.equal("it did not work", err.message)
  end)

  it("takes its pauses from the options", function()
    local fn, slept = failing { away "timeout", away("timeout", { retry_after = 7 }) }, {}
    local options = { first_pause = 0, sleep = function(seconds) slept[#slept + 1] = seconds end }
    assert.same({ "done", 3 }, { retry.read(options, fn) })
    assert.same({ 0.0, 7 }, slept)
  end)

  it("does not begin a pause that the time limit forbids", function()
    local fn, calls = failing { away("timeout", { retry_after = 1000 }) }
    local ok = pcall(retry.read, { on_retry = note, seconds = 1 }, fn)
    assert.is_false(ok)
    assert.equal(1, calls.n)
  end)
end)

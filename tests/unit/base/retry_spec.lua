local errors = require "o2x.base.error"
local retry = require "o2x.base.retry"

local function fault(kind, fields)
  local err = { kind = kind, message = "it did not work" }
  for key, v in pairs(fields or {}) do
    err[key] = v
  end
  return errors.new(err)
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
  it("allows a read after a transient failure, a write not", function()
    for _, kind in ipairs { "unreachable", "timeout", "unknown" } do
      assert.is_true(retry.may(fault(kind), true), kind)
      assert.is_false(retry.may(fault(kind), false), kind)
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
    assert.equal(0, retry.pause(1, { retry_after = -1 }))
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
    local fn = failing { fault "timeout", fault "unreachable" }
    assert.same({ "done", 3 }, { retry.read({ on_retry = note }, fn) })
    assert.same({ "1 timeout", "2 unreachable" }, noted)
  end)

  it("gives up after so many attempts, with the last error", function()
    local fn, calls = failing { fault "timeout", fault "timeout", fault "unreachable" }
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

  it("does not begin a pause that the time limit forbids", function()
    local fn, calls = failing { fault("timeout", { retry_after = 1000 }) }
    local ok = pcall(retry.read, { on_retry = note, seconds = 1 }, fn)
    assert.is_false(ok)
    assert.equal(1, calls.n)
  end)
end)

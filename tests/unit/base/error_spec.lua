local errors = require "o2x.base.error"
local json = require "o2x.base.json"

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

describe("an error object", function()
  it("is shown with its place", function()
    assert.equal("x.lua:3: bad", tostring(errors.new { kind = "input", message = "bad", where = "x.lua:3" }))
    assert.equal("bad", tostring(errors.new { kind = "input", message = "bad" }))
    assert.equal("locked", tostring(errors.new { kind = "locked" }))
  end)

  it("keeps all that it was raised with", function()
    local err = raised(errors.input, "bad", "say good", "x.lua")
    assert.same({ "input", "bad", "say good", "x.lua" }, { err.kind, err.message, err.hint, err.where })
  end)

  it("is told from other tables", function()
    assert.is_true(errors.is(errors.new { kind = "bug" }))
    assert.is_false(errors.is { kind = "bug" })
    assert.is_false(errors.is "bug")
  end)
end)

describe("errors.wrap", function()
  it("is no bug where the machine lacks a library", function()
    local message = "OpenSSL's libcrypto cannot be loaded: libcrypto.so.3: cannot open shared object file"
    local err = errors.wrap("lua/o2x/base/crypto.lua:22: " .. message, "stack traceback")
    assert.same({ "failed", "library", message, nil }, { err.kind, err.code, err.message, err.traceback })
  end)

  it("leaves an error object as it is", function()
    local err = errors.new { kind = "locked" }
    assert.equal(err, errors.wrap(err))
    assert.equal(err, errors.handler(err))
  end)

  it("makes a bug of anything else", function()
    local err = errors.wrap("oops", "a traceback")
    assert.same({ "bug", "oops", "a traceback" }, { err.kind, err.message, err.traceback })
  end)

  it("as a handler notes the traceback", function()
    local _, err = xpcall(function() error "oops" end, errors.handler)
    assert.matches("error_spec.lua:%d+: oops", err.message)
    assert.matches("stack traceback", err.traceback)
  end)
end)

describe("errors.exit_code", function()
  local codes = { input = 3, refused = 3, unreachable = 4, unauthorised = 4, locked = 5, cancelled = 130, bug = 1 }
  for kind, code in pairs(codes) do
    it(("is %d for %s"):format(code, kind), function() assert.equal(code, errors.exit_code { kind = kind }) end)
  end
end)

describe("errors.check", function()
  it("passes results through", function()
    assert.same({ 7, "more", "still" }, { errors.check({ kind = "failed" }, 7, "more", "still") })
    assert.is_false((errors.check({ kind = "failed" }, false)))
  end)

  it("raises what a native call reported", function()
    local err = raised(errors.check, { kind = "failed", module = "fs" }, nil, "no such file", "ENOENT")
    assert.same({ "failed", "fs", "no such file", "ENOENT" }, { err.kind, err.module, err.message, err.code })
  end)

  it("puts the caller's message before the reported one", function()
    local err = raised(errors.check, { kind = "failed", message = "cannot open x" }, nil, "no such file", "ENOENT")
    assert.equal("cannot open x: no such file", err.message)
  end)
end)

describe("an error object in the hands of a script", function()
  local FIELDS = { kind = "failed", message = "no", details = { "a" }, cause = { code = 1 } }

  local function new() return errors.new(json.decode(json.encode(FIELDS))) end

  it("shows its fields, and nothing of its class", function()
    local err = new()
    assert.same({ "failed", "no", "a", 1 }, { err.kind, err.message, err.details[1], err.cause.code })
    for _, name in ipairs { "__index", "__newindex", "__tostring", "__gc", "__name", "__metatable", "new" } do
      assert.is_nil(err[name])
    end
    assert.is_false(getmetatable(err))
  end)

  for what, write in pairs {
    ["its kind"] = function(err) err.kind = "cancelled" end,
    ["a new field"] = function(err) err.retryable = true end,
    ["a field taken away"] = function(err) err.message = nil end,
    ["a table inside"] = function(err) err.details[1] = "b" end,
    ["a table inside a table"] = function(err) err.cause.code = 2 end,
    ["its metatable"] = function(err) setmetatable(err, {}) end,
  } do
    it("cannot be changed: " .. what, function()
      local err = new()
      assert.has_error(function() write(err) end)
      assert.same({ "failed", "no", "a", 1 }, { err.kind, err.message, err.details[1], err.cause.code })
      assert.is_nil(err.retryable)
    end)
  end

  it("is known by what it is, not by how it looks", function()
    local forged = setmetatable({ kind = "cancelled", message = "x" }, { __tostring = function() return "x" end })
    assert.is_false(errors.is(forged))
    assert.equal("bug", errors.wrap(forged).kind)
    assert.equal(1, errors.exit_code(errors.wrap(forged)))
  end)

  it("is amended by o2x only", function()
    local err = new()
    assert.equal(err, errors.amend(err, { hint = "try" }))
    assert.equal("try", err.hint)
  end)

  it("shows no address of a raised table", function()
    assert.equal("(error object is a table value)", tostring(errors.wrap {}))
    assert.equal("(error object is a function value)", tostring(errors.wrap(print)))
    assert.equal("7", tostring(errors.wrap(7)))
  end)
end)

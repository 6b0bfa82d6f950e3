-- o2x.value and o2x.diff: comparing, recording and showing what effects carry.

local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

describe("values", function()
  it("are equal all the way down", function()
    assert.is_true(value.equal({ a = { 1, { b = 2 } } }, { a = { 1, { b = 2 } } }))
    assert.is_true(value.equal({ 1 }, { 1.0 }))
    assert.is_true(value.equal(json.null, json.null))
    assert.is_true(value.equal({ 0 / 0 }, { -(0 / 0) }))
    assert.is_true(value.equal({ 0.0 }, { -0.0 }))
    assert.is_true(value.equal(value.plain { x = 2.0 }, { x = 2 }))
    assert.is_true(value.equal({ x = 2 }, value.plain { x = 2.0 }))
    assert.is_true(value.equal(value.plain(1e20), 1e20))
    assert.is_false(value.equal(value.plain { x = 2.0 }, { x = 3 }))
    assert.is_false(value.equal(value.plain(0 / 0), 0))
    assert.is_true(value.equal({ 0 / 0 }, { -(0 / 0) }))
    assert.is_true(value.equal({ 0.0 }, { -0.0 }))
    assert.is_true(value.equal(value.plain { x = 2.0 }, { x = 2 }))
    assert.is_true(value.equal({ x = 2 }, value.plain { x = 2.0 }))
    assert.is_true(value.equal(value.plain(1e20), 1e20))
    assert.is_false(value.equal(value.plain { x = 2.0 }, { x = 3 }))
    assert.is_false(value.equal(value.plain(0 / 0), 0))
    for _, pair in ipairs {
      { { 1 }, { 1, 2 } },
      { { a = 1 }, {} },
      { {}, { a = 1 } },
      { 1, "1" },
      { nil, {} },
      { json.null, nil },
      { false, nil },
    } do
      assert.is_false(value.equal(pair[1], pair[2]))
    end
  end)

  it("compare secrets by what is in them", function()
    local a, b, c = secret.new("one-secret", "x"), secret.new("one-secret", "y"), secret.new("two-secret", "x")
    assert.is_true(value.equal({ k = a }, { k = b }))
    assert.is_false(value.equal({ k = a }, { k = c }))
    assert.is_true(value.equal(a, "one-secret"))
    assert.is_false(value.equal(a, 1))
    assert.is_false(value.equal(a, { "one-secret" }))
    local reference = value.plain(a)
    assert.is_true(value.equal(a, reference))
    assert.is_true(value.equal(reference, value.plain(b)))
    assert.is_false(value.equal(c, reference))
    assert.is_false(value.equal("one-secret", reference))
  end)

  it("are recorded without their secrets", function()
    local plain =
      value.plain { user = "ann", password = secret.new("hunter2-hunter2", "door/key"), list = json.array {} }
    assert.equal(
      '{"list":[],"password":{"$secret":"door/key","fp":"' .. plain.password.fp .. '"},"user":"ann"}',
      json.encode(plain)
    )
    assert.is_true(value.has_reference(plain))
    assert.is_false(value.has_reference { a = { b = 1 } })
    assert.is_true(value.has_secret { { secret.new("x-secret-x") } })
    assert.has_error(function() value.plain { f = print } end)
    assert.is_false(value.has_reference(value.plain("a\0b")))
  end)

  it("may be unknown until apply", function()
    local u = value.unknown
    assert.equal("(known after apply)", tostring(u))
    assert.is_true(value.is_unknown(u .. "x"))
    assert.is_true(value.is_unknown("x" .. u))
    assert.is_true(value.is_unknown(u.id.name))
    assert.is_false(value.equal(u, u))
    assert.has_error(function() u.x = 1 end)
    assert.same({ ["$unknown"] = true }, value.plain(u))
  end)
end)

describe("a diff", function()
  local function lines(before, after) return table.concat(diff.lines(before, after), "|") end

  it("shows what comes, goes and changes", function()
    assert.equal("~ a: 1 → 2|+ c: x|- d.e: y", lines({ a = 1, b = 1, d = { e = "y" } }, { a = 2, b = 1, c = "x" }))
    assert.equal("+ a: 1|+ b.c: 2", lines(nil, { a = 1, b = { c = 2 } }))
    assert.equal("- a: 1", lines({ a = 1 }, nil))
    assert.equal("", lines({ a = { 1, 2 } }, { a = { 1, 2 } }))
    assert.equal("~ a: [1,2] → [1,3]", lines({ a = { 1, 2 } }, { a = { 1, 3 } }))
    assert.equal("~ a[2].n: 2 → 3", lines({ a = { { n = 1 }, { n = 2 } } }, { a = { { n = 1 }, { n = 3 } } }))
    assert.equal("~ x → y", lines("x", "y"))
    assert.equal("~ a: null → 1", lines({ a = json.null }, { a = 1 }))
  end)

  it("hides secrets but shows that one changed", function()
    local a, b = secret.new("one-secret", "k"), secret.new("two-secret", "k")
    assert.equal("+ p: ‹secret k›", lines({}, { p = a }))
    assert.equal("", lines({ p = a }, { p = secret.new("one-secret", "other") }))
    assert.equal(
      ("~ p: ‹secret k› #%s → ‹secret k› #%s"):format(
        secret.fingerprint(a):sub(1, 6),
        secret.fingerprint(b):sub(1, 6)
      ),
      lines({ p = a }, { p = b })
    )
    assert.equal("+ id: (known after apply)", lines({}, { id = value.unknown }))
  end)

  it("shows texts line by line, with a little around", function()
    local before, after = {}, {}
    for i = 1, 20 do
      before[i], after[i] = "line " .. i, "line " .. i
    end
    after[10] = "changed"
    table.insert(after, 21, "last")
    assert.same({
      "…",
      " line 8",
      " line 9",
      "-line 10",
      "+changed",
      " line 11",
      " line 12",
      "…",
      " line 19",
      " line 20",
      "+last",
    }, diff.text(table.concat(before, "\n") .. "\n", table.concat(after, "\n") .. "\n"))
    assert.same({ "+a", "+b" }, diff.text(nil, "a\nb\n"))
    assert.same({}, diff.text("a\n", "a\n"))
  end)

  it("shortens what is long and quotes what could be misread", function()
    assert.truthy(#diff.inline(("x"):rep(1000)) < 140)
    assert.equal('" x"', diff.inline(" x"))
    assert.equal('"a\\nb"', diff.inline("a\nb"))
    assert.equal("absent", diff.inline(nil))
    local big = {}
    for i = 1, 5000 do
      big[i] = tostring(i)
    end
    local other = { table.unpack(big) }
    for i = 1, 5000, 2 do
      other[i] = "x" .. i
    end
    assert.is_true(#diff.text(table.concat(big, "\n"), table.concat(other, "\n")) > 5000)
  end)
end)

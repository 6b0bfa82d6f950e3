local diff = require "o2x.base.diff"
local json = require "o2x.base.json"
local secret = require "o2x.base.secret"
local value = require "o2x.base.value"

describe("diff.lines", function()
  it("has no lines for equal values", function() assert.same({}, diff.lines({ a = { 1, 2 } }, { a = { 1, 2 } })) end)

  it(
    "shows an added, a removed and a changed field",
    function()
      assert.same(
        { "+ new: 3", "- old: 1", "~ size: 2 → 4" },
        diff.lines({ old = 1, size = 2 }, { new = 3, size = 4 })
      )
    end
  )

  it(
    "names a nested field by its path",
    function() assert.same({ "~ a.b.c: 1 → 2" }, diff.lines({ a = { b = { c = 1 } } }, { a = { b = { c = 2 } } })) end
  )

  it("names an item of a list of tables by its index", function()
    local before, after = { list = { { n = 1 }, { n = 2 } } }, { list = { { n = 1 }, { n = 3 } } }
    assert.same({ "~ list[2].n: 2 → 3" }, diff.lines(before, after))
  end)

  it(
    "shows a list of scalars on one line",
    function() assert.same({ "~ tags: [1,2] → [1,3]" }, diff.lines({ tags = { 1, 2 } }, { tags = { 1, 3 } })) end
  )

  it(
    "spreads a table that was added",
    function() assert.same({ "+ a.x: 1", "+ a.y: 2" }, diff.lines({}, { a = { x = 1, y = 2 } })) end
  )

  it("shows what became absent, and null", function()
    assert.same({ "- x" }, diff.lines("x", nil))
    assert.same({ "~ a: 1 → null" }, diff.lines({ a = 1 }, { a = json.null }))
  end)

  it(
    "shows a text of several lines as a text diff",
    function()
      assert.same({ "~ text:", "     a", "    -b", "    +c" }, diff.lines({ text = "a\nb\n" }, { text = "a\nc\n" }))
    end
  )

  it("shows of a changed secret only that it changed", function()
    local before, after = secret.new("hunter2hunter2", "password"), secret.new("correct-horse", "password")
    local line = diff.lines({ p = before }, { p = after })[1]
    assert.is_nil(line:find("hunter2", 1, true))
    assert.is_nil(line:find("correct", 1, true))
    local old, new = line:match "#(%x+) → .*#(%x+)"
    assert.is_not_nil(old)
    assert.not_equal(old, new)
  end)
end)

describe("diff.inline", function()
  it("cuts a long value and says how long it is", function()
    local shown = diff.inline(("a"):rep(200))
    assert.equal(("a"):rep(95) .. "… (200 bytes)", shown)
  end)

  it("does not cut inside a character", function()
    local shown = diff.inline(("ä"):rep(100))
    assert.is_not_nil(utf8.len(shown))
  end)

  it("quotes a text with outer spaces or special characters", function()
    assert.equal('" x"', diff.inline " x")
    assert.equal('"a\\"b"', diff.inline 'a"b')
    assert.equal("a b", diff.inline "a b")
  end)

  it("says what a plan does not know yet", function() assert.matches("known after", diff.inline(value.unknown)) end)
end)

describe("diff.text", function()
  it("keeps two equal lines around a change and marks what it leaves out", function()
    local before = "1\n2\n3\n4\n5\n6\n7\n"
    assert.same({ "…", " 3", " 4", "-5", "+five", " 6", " 7" }, diff.text(before, (before:gsub("5", "five"))))
  end)

  it(
    "finds the smallest change between equal ends",
    function() assert.same({ " a", "+b", " c" }, diff.text("a\nc\n", "a\nb\nc\n")) end
  )

  it("treats an absent text as empty", function()
    assert.same({ "+a" }, diff.text(nil, "a\n"))
    assert.same({ "-a" }, diff.text("a\n", nil))
  end)

  it("gives up on fine detail when the texts are huge, not on correctness", function()
    local function lines(prefix) return (prefix .. "\n"):rep(2100) end
    local found = diff.text(lines "a", lines "b")
    assert.equal(4200, #found)
    assert.equal("-a", found[1])
    assert.equal("+b", found[4200])
  end)
end)

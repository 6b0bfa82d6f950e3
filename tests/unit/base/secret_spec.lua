local json = require "o2x.base.json"
local secret = require "o2x.base.secret"

describe("a secret", function()
  local key = secret.new("sesame-sesame", "door.key")

  it("shows its name, not its text", function()
    assert.matches("door.key", tostring(key))
    assert.is_nil(tostring(key):find("sesame", 1, true))
  end)

  it("is told from a text", function()
    assert.is_true(secret.is(key))
    assert.is_false(secret.is "sesame-sesame")
  end)

  it("cannot be encoded", function() assert.is_false((pcall(json.encode, { key = key }))) end)

  it("has the fingerprint of its text", function()
    assert.equal(secret.fingerprint(key), secret.fingerprint(secret.new("sesame-sesame", "other")))
    assert.not_equal(secret.fingerprint(key), secret.fingerprint(secret.new("sesame-sesamf", "door.key")))
  end)
end)

describe("the life of a secret", function()
  local function masked(text) return select(2, secret.scrub("the word is " .. text)) end

  it("does not end with a scope", function()
    local ok = pcall(function()
      local closed <close> = secret.new("closed-sesame", "x")
      return closed
    end)
    assert.is_false(ok) -- Lua refuses: a secret has no __close
  end)

  it("does not end when it is collected, because a server may send its text back", function()
    do
      local _ = secret.new("collected-sesame", "x")
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(masked "collected-sesame")
  end)

  it("ends with wipe", function()
    local key = secret.new("wiped-sesame", "x")
    secret.wipe(key)
    secret.wipe(key)
    assert.is_false(masked "wiped-sesame")
    assert.is_false((pcall(tostring, key)))
    assert.is_false((pcall(secret.equal, key, "wiped-sesame")))
  end)

  it("ends for the oldest collected ones, so that memory is bounded", function()
    for i = 1, 3000 do
      local _ = secret.new(("many-sesames-%04d"):format(i), "x")
    end
    collectgarbage()
    collectgarbage()
    local live = 0
    for i = 1, 3000, 100 do
      live = live + (masked(("many-sesames-%04d"):format(i)) and 1 or 0)
    end
    assert.is_true(live > 5 and live < 16, live .. " of 30 are masked")
  end)

  for _, size in ipairs { 0, 1, 63, 64, 255, 256, 1023, 4095, 4096, 65536, 1024 * 1024 } do
    it(("holds %d bytes"):format(size), function()
      local text = ("x"):rep(size)
      local key = secret.new(text, "big")
      assert.equal(size, key:length())
      assert.is_true(secret.equal(key, text))
      assert.is_true(secret.equal(key:base64():unbase64(), text))
      secret.wipe(key)
    end)
  end
end)

describe("what a script could guess with", function()
  local key = secret.new("open-sesame-open", "cave.key")

  for _, name in ipairs { "fingerprint", "sub", "find", "match", "byte", "bytes", "equal", "wipe", "open" } do
    it("has no method " .. name, function() assert.is_nil(key[name]) end)
  end

  local UNREADABLE = {
    ["its parts"] = function() return key:sub(1, 1) end,
    ["its order"] = function() return key < "p" end,
    ["its order against a secret"] = function() return key < secret.new("p", "x") end,
    ["its length by #"] = function() return #key end,
    ["an index"] = function() return key[1] + 1 end,
    ["arithmetic"] = function() return key + 1 end,
    ["string.find"] = function() return string.find(key, "o") end,
    ["string.byte"] = function() return string.byte(key) end,
    ["string.len"] = function() return string.len(key) end,
    ["string.rep"] = function() return string.rep(key, 2) end,
    ["table.concat"] = function() return table.concat { key } end,
    ["table.sort"] = function() return table.sort { key, secret.new("a", "x"), "b" } end,
    ["tonumber"] = function() return tonumber(key) + 1 end,
    ["a call"] = function() return key() end,
    ["utf8.codepoint"] = function() return utf8.codepoint(key) end,
    ["a change"] = function() key.x = 1 end,
  }
  for what, fn in pairs(UNREADABLE) do
    it("does not give " .. what, function() assert.is_false((pcall(fn))) end)
  end

  it("knows what was made of parts", function()
    assert.is_false(secret.is_joined(key))
    assert.is_false(secret.is_joined(key:base64()))
    assert.is_true(secret.is_joined(key .. ""))
    assert.is_true(secret.is_joined(secret.new("", "none") .. "guess"))
    assert.is_true(secret.is_joined(key .. key))
    assert.is_true(secret.is_joined(("Bearer " .. key):base64():unbase64()))
  end)
end)

describe("the key of fingerprints", function()
  it("is never zero", function()
    assert.is_false((pcall(secret.set_key, ("\0"):rep(32))))
    assert.is_false((pcall(secret.set_key, "short")))
  end)
end)

describe("secret.ranges", function()
  local one, other = secret.new("ranges-one-ranges", "one"), secret.new("one-ranges-other", "other")

  for text, expected in pairs {
    [""] = {},
    ["nothing"] = {},
    ["ranges-one-ranges"] = { 1, 17 },
    ["a ranges-one-ranges b one-ranges-other"] = { 3, 19, 23, 38 },
    ["ranges-one-ranges-other"] = { 1, 23 }, -- they share a part
    ["\0ranges-one-ranges\0"] = { 2, 18 },
  } do
    it(("finds the parts of %q"):format(text), function()
      assert.same(expected, secret.ranges(text))
      assert.is_true(one:length() + other:length() > 0)
    end)
  end
end)

describe("secret.scrub", function()
  it("takes the text of every secret out of what is printed", function()
    local _ = secret.new("open-sesame-open", "cave.key")
    local shown = secret.scrub "the word is open-sesame-open."
    assert.is_nil(shown:find("open-sesame-open", 1, true))
    assert.matches("^the word is ", shown)
  end)
end)

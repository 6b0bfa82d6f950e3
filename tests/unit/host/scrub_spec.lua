-- Secrets in every form in which programs write them, and texts in which there is none.

local crypto = require "o2x.base.crypto"
local secret = require "o2x.base.secret"

-- A secret until the end of the block. (What Lua collects stays masked.)
local function hold(bytes, label)
  local live = secret.new(bytes, label)
  return setmetatable({}, { __close = function() secret.wipe(live) end })
end

local function each_byte(text, format)
  return (text:gsub(".", function(c) return format:format(c:byte()) end))
end

local function each_character(text, fn)
  local parts = {}
  for _, code in utf8.codes(text) do
    parts[#parts + 1] = fn(code)
  end
  return table.concat(parts)
end

local function utf16(code, format)
  if code < 0x10000 then return format:format(code) end
  code = code - 0x10000
  return format:format(0xd800 + (code >> 10)) .. format:format(0xdc00 + (code & 0x3ff))
end

local JSON = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\0"] = "\\u0000" }
local HTML = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;", ["'"] = "&#39;" }
local function json(text) return (text:gsub('["\\\n\t\r%z]', JSON)) end
local function html(text) return (text:gsub("[<>&\"']", HTML)) end
local function percent(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end
local function broken(text, width, line_break) return (text:gsub(("."):rep(width), "%0" .. line_break)) end
local function shifted(text, before) return crypto.base64(before .. text .. "tail") end
local function url64(text) return (crypto.base64(text):gsub("+", "-"):gsub("/", "_"):gsub("=", "")) end

-- name → function that writes a secret in that form; nil where it cannot.
local FORMS = {
  ["as it is"] = function(s) return s end,
  ["JSON"] = json,
  ["JSON within JSON"] = function(s) return json(json(s)) end,
  ["JSON within JSON within JSON"] = function(s) return json(json(json(s))) end,
  ["JSON as Go writes it"] = function(s)
    return (json(s):gsub("[<>&]", function(c) return ("\\u%04x"):format(c:byte()) end))
  end,
  ["JSON with \\/"] = function(s) return (json(s):gsub("/", "\\/")) end,
  ["\\uxxxx"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return utf16(c, "\\u%04x") end)
  end,
  ["\\uXXXX"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return utf16(c, "\\u%04X") end)
  end,
  ["\\u{x}"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return ("\\u{%x}"):format(c) end)
  end,
  ["\\UXXXXXXXX"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return ("\\U%08X"):format(c) end)
  end,
  ["\\u00xx of bytes"] = function(s) return each_byte(s, "\\u%04x") end,
  ["\\u00xx of bytes, escaped"] = function(s) return each_byte(s, "\\\\u%04X") end,
  ["%XX where needed"] = percent,
  ["%xx where needed"] = function(s) return (percent(s):gsub("%%%x%x", string.lower)) end,
  ["%xx everywhere"] = function(s) return each_byte(s, "%%%02x") end,
  ["%25XX"] = function(s) return percent(percent(s)) end,
  ["%2525XX"] = function(s) return percent(percent(percent(s))) end,
  ["a form field"] = function(s) return (percent(s):gsub("%%20", "+")) end,
  ["%uXXXX"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return utf16(c, "%%u%04x") end)
  end,
  ["HTML"] = html,
  ["HTML within HTML"] = function(s) return html(html(s)) end,
  ["&#N;"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return ("&#%d;"):format(c) end)
  end,
  ["&#xN;"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return ("&#x%X;"):format(c) end)
  end,
  ["&#0000N;"] = function(s)
    return utf8.len(s) and each_character(s, function(c) return ("&#%07d;"):format(c) end)
  end,
  ["HTML of JSON"] = function(s) return html(json(s)) end,
  ["URL of JSON"] = function(s) return percent(json(s)) end,
  ["JSON of a URL"] = function(s) return json(percent(s)) end,
  ["hex"] = function(s) return crypto.hex(s) end,
  ["HEX"] = function(s) return crypto.hex(s):upper() end,
  ["hex after a digit"] = function(s) return "a" .. crypto.hex(s) end,
  ["hex with colons"] = function(s) return each_byte(s, "%02x:") end,
  ["hex with spaces"] = function(s) return each_byte(s, "%02X ") end,
  ["hex in fours"] = function(s) return broken(crypto.hex(s), 4, " ") end,
  ["hex with dashes"] = function(s) return each_byte(s, "%02x-") end,
  ["0xXX"] = function(s) return each_byte(s, "0x%02X, ") end,
  ["\\xXX"] = function(s) return each_byte(s, "\\x%02X") end,
  ["\\\\xXX"] = function(s) return each_byte(s, "\\\\x%02x") end,
  ["a bytea"] = function(s) return "\\x" .. crypto.hex(s) end,
  ["octal"] = function(s) return each_byte(s, "\\%03o") end,
  ["decimal"] = function(s) return each_byte(s, "\\%03d") end,
  ["a list of numbers"] = function(s) return each_byte(s, "%d,") end,
  ["a list with spaces"] = function(s) return each_byte(s, "%d ") end,
  ["a list of signed bytes"] = function(s)
    return (s:gsub(".", function(c) return ("%d, "):format(c:byte() > 127 and c:byte() - 256 or c:byte()) end))
  end,
  ["SQL"] = function(s) return (s:gsub("'", "''")) end,
  ["SQL with E''"] = function(s) return (s:gsub("\\", "\\\\"):gsub("'", "\\'"):gsub("\n", "\\n")) end,
  ["a SQL name"] = function(s) return (s:gsub('"', '""')) end,
  ["a shell's word"] = function(s) return (s:gsub("'", "'\\''")) end,
  ["a shell's word as Python writes it"] = function(s) return (s:gsub("'", "'\"'\"'")) end,
  ["a shell's word without quotes"] = function(s) return (s:gsub("[^%w\n\128-\255]", "\\%0")) end,
  ["a makefile"] = function(s) return (s:gsub("%$", "$$")) end,
  ["printf"] = function(s) return (s:gsub("%%", "%%%%")) end,
  ["quoted-printable"] = function(s)
    return (s:gsub("[=\128-\255%c]", function(c) return ("=%02X"):format(c:byte()) end))
  end,
  ["quoted-printable, broken"] = function(s)
    local text = s:gsub("[=\128-\255%c]", function(c) return ("=%02X"):format(c:byte()) end)
    return text:gsub("^(%w+)", "%1=\r\n")
  end,
  ["Lua's %q"] = function(s) return ("%q"):format(s) end,
  ["folded YAML"] = function(s) return (s:gsub(" ", "\n    ")) end,
  ["broken YAML"] = function(s) return (json(s):gsub("^(%w+)", "%1\\\n    ")) end,
  ["one line"] = function(s) return (s:gsub("\n", " ")) end,
  ["indented lines"] = function(s) return (s:gsub("\n", "\n      ")) end,
  ["with question marks"] = function(s) return (s:gsub("[%z\1-\8\14-\31\127-\255]", "?")) end,
  ["with U+FFFD"] = function(s) return utf8.len(s) and s or (s:gsub("[\128-\255]", "\u{fffd}")) end,
  ["base64"] = crypto.base64,
  ["base64 at 1"] = function(s) return shifted(s, "x") end,
  ["base64 at 2"] = function(s) return shifted(s, "yz") end,
  ["base64 after letters"] = function(s) return "ab" .. crypto.base64(s) end,
  ["base64url"] = url64,
  ["base64 in lines of 4"] = function(s) return broken(crypto.base64(s), 4, "\n") end,
  ["base64 in lines of 5"] = function(s) return broken(shifted(s, "q"), 5, "\r\n    ") end,
  ["base64 with \\n"] = function(s) return broken(crypto.base64(s), 6, "\\n") end,
  ["base64 with \\\\n"] = function(s) return broken(crypto.base64(s), 6, "\\\\n") end,
  ["base64 with \\/"] = function(s) return (crypto.base64(s):gsub("/", "\\/")) end,
  ["base64 in a URL"] = function(s) return percent(crypto.base64(s)) end,
  ["base64 of base64"] = function(s) return crypto.base64(shifted(s, "user:")) end,
  ["base64 of base64 of base64"] = function(s) return crypto.base64("a" .. crypto.base64(shifted(s, "bc"))) end,
  ["base64 of JSON"] = function(s) return crypto.base64('{"auths":{"password":"' .. json(s) .. '"}}') end,
  ["base64 of hex"] = function(s) return crypto.base64(crypto.hex(s)) end,
  ["hex of base64"] = function(s) return crypto.hex(crypto.base64(s)) end,
}

local SECRETS = {
  plain = "hunter2hunter2",
  ["six characters"] = "s3cr3t",
  ["with quotes"] = [[it's "quoted" \ `$HOME` 100%]],
  ["with markup"] = "<a&b>'c'+\"d\"/e=f?",
  ["two lines"] = "first line\nsecond line",
  ["UTF-8"] = "pässwörd-✓-日本",
  ["beyond 16 bits"] = "key-😀-🔑-key",
  ["with a NUL"] = "abc\0def\0ghi",
  ["binary"] = "\1\255\254\200\0\127xyz\130\131",
  ["a common word"] = "password",
  ["repeated"] = "aaaaaa",
  ["like base64"] = "c2VjcmV0/+c2VjcmV0==",
  ["like hex"] = "deadbeef0123",
  ["like an escape"] = "\\u0041%41&amp;",
  ["backslashes"] = "\\\\server\\share\\new",
  ["quotes alone"] = "''''''\"\"",
  ["braces"] = "{{secret}}",
  ["a number"] = "1234567",
}

describe("a secret is masked", function()
  local combinations = 0
  for form, encode in pairs(FORMS) do
    it("as " .. form, function()
      for name, bytes in pairs(SECRETS) do
        local text = encode(bytes)
        if text then
          local _live <close> = hold(bytes, name)
          for _, around in ipairs { { "", "" }, { 'x="', '";' }, { "see ", " there" }, { "(\n", "\n)" } } do
            local clean, masked = secret.scrub(around[1] .. text .. around[2])
            assert.is_true(masked, ("%s in %q"):format(name, text))
            assert.is_nil(clean:find(text, 1, true), ("%s in %q"):format(name, text))
            assert.is_nil(clean:find(bytes, 1, true), name)
            assert.equal("******", clean:match "%*+", clean)
          end
          combinations = combinations + 1
        end
      end
    end)
  end

  it("in more than a thousand combinations", function() assert.is_true(combinations > 1000, tostring(combinations)) end)
end)

describe("several secrets", function()
  -- Masked in whatever order they were made: the list of the live ones has the newest first.
  local function both_orders(texts, text, expected)
    for _, order in ipairs { { 1, 2, 3 }, { 3, 2, 1 }, { 2, 1, 3 }, { 2, 3, 1 } } do
      local live = {}
      for _, i in ipairs(order) do
        if texts[i] then live[#live + 1] = secret.new(texts[i], "s" .. i) end
      end
      local clean = secret.scrub(text)
      for _, one in ipairs(live) do
        secret.wipe(one)
      end
      assert.equal(expected, clean)
    end
  end

  it("leave nothing of the longer one when one is part of the other", function()
    both_orders({ "sk_live_abc123", "sk_live" }, "key sk_live_abc123 and sk_live", "key ****** and ******")
    both_orders({ "abc123", "sk_live_abc123_end" }, "sk_live_abc123_end.", "******.")
  end)

  it("leave nothing where they overlap or follow each other", function()
    both_orders({ "abcdefgh", "fghijklm", "klmnopqr" }, "<abcdefghijklmnopqr>", "<******>")
    both_orders({ "abcdefgh", "ijklmnop" }, "<abcdefghijklmnop>", "<******>")
  end)

  it(
    "are masked together with the base64 around them",
    function() both_orders({ "hunter2hunter2", "YWRtaW46" }, crypto.base64 "admin:hunter2hunter2", "******=") end
  )
end)

describe("a repeated secret", function()
  it("is masked with every overlap", function()
    local _live <close> = hold("aaaaaa", "a")
    assert.equal("x******y", (secret.scrub("x" .. ("a"):rep(4001) .. "y")))
    assert.equal("aaaaa b ****** aaaaa", (secret.scrub "aaaaa b aaaaaaaaaaa aaaaa"))
  end)
end)

describe("a long text", function()
  it("is searched across the places where its parts meet", function()
    local _live <close>, text = hold("boundary-boundary", "b"), ("x "):rep(300000)
    for _, form in ipairs { "boundary-boundary", crypto.base64 "boundary-boundary", crypto.hex "boundary-boundary" } do
      for at = 523300, 524300, 37 do
        local clean = secret.scrub(text:sub(1, at) .. " " .. form .. " " .. text:sub(at + 1))
        assert.is_nil(clean:find(form, 1, true), at)
      end
    end
  end)
end)

describe("a key of several lines", function()
  local lines = {
    "-----BEGIN PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQ",
    "EFAASCBKcwggSjAgEAAoIBAQ",
    "-----END PRIVATE KEY-----",
  }
  it("is masked line by line, too", function()
    local _live <close> = hold(table.concat(lines, "\n") .. "\n", "tls.key")
    assert.equal("line ******", (secret.scrub("line " .. lines[2])))
    assert.equal("line ******", (secret.scrub("line " .. lines[3])))
    assert.equal("the file begins with " .. lines[1], (secret.scrub("the file begins with " .. lines[1])))
    assert.equal("******", (secret.scrub(table.concat(lines, "\\n"))))
  end)

  it("needs not have the white space around it", function()
    local _live <close> = hold("  padded-secret\n", "padded")
    assert.equal("is ****** now", (secret.scrub "is padded-secret now"))
    local _short <close> = hold(" abc\n\n", "short within")
    assert.equal("<******>abc", (secret.scrub "< abc\n\n>abc"))
  end)
end)

describe("what is no secret", function()
  it("stays as it is", function()
    local live = {}
    for name, bytes in pairs(SECRETS) do
      if name ~= "a common word" then live[#live + 1] = secret.new(bytes, name) end
    end
    for i = 1, 50 do
      live[#live + 1] = secret.random(8, nil, "random " .. i)
    end
    for _, path in ipairs { "docs/architecture.md", "README.md", "docs/guide.md", "host/task.c", "docs/house.svg" } do
      local file <close> = assert(io.open(path, "rb"))
      local text = file:read "a"
      assert.is_true(#text > 1000)
      assert.equal(text, (secret.scrub(text)), path)
    end
    local texts = { "", "a", "\\", "%", "&", "='", "aaaaa", "\0\0\0", "\\u", "\\u{", "%u", "&#", "\\x{", "'\\''" }
    for _, text in ipairs(texts) do
      assert.equal(text, (secret.scrub(text)))
    end
    for _, one in ipairs(live) do
      secret.wipe(one)
    end
  end)

  it("is white space", function()
    local _live <close> = hold("      \n", "blank")
    assert.equal("a       \n b", (secret.scrub "a       \n b"))
  end)

  it("is what has fewer than six bytes", function()
    local short, long = secret.new("abcde", "short"), secret.new("abcdef", "long enough")
    assert.is_false(secret.is_maskable(short))
    assert.is_true(secret.is_maskable(long))
    assert.equal("abcde", (secret.scrub "abcde"))
    secret.wipe(long)
  end)
end)

describe("a secret like the mask", function()
  it("is not made by masking", function()
    local _live <close> = hold("a*****", "asterisks")
    for _, text in ipairs { "aa*****", "aa*****a*****", "a*****", "ba*****b" } do
      local clean = secret.scrub(text)
      assert.is_nil(clean:find("a*****", 1, true), clean)
    end
  end)
end)

describe("secret.found", function()
  it("names a secret in a text", function()
    local _live <close> = hold("open-sesame-open", "cave/key")
    assert.equal("cave/key", secret.found("the word is " .. crypto.base64 "open-sesame-open"))
    assert.is_nil(secret.found "the word is open")
  end)
end)

describe("any mixture of escapes", function()
  local WAYS = {
    function(c) return c end,
    function(c) return ("\\u%04x"):format(c:byte()) end,
    function(c) return ("\\x%02X"):format(c:byte()) end,
    function(c) return ("%%%02x"):format(c:byte()) end,
    function(c) return ("&#x%x;"):format(c:byte()) end,
    function(c) return ("&#%d;"):format(c:byte()) end,
    function(c) return ("\\%03o"):format(c:byte()) end,
    function(c) return ("=%02X"):format(c:byte()) end,
    function(c) return c:find "[%w%c]" and c or "\\" .. c end,
  }
  local AROUND = {
    function(s) return s end,
    json,
    percent,
    html,
    crypto.base64,
    crypto.hex,
    function(s) return crypto.base64("a" .. s) end,
    function(s) return broken(crypto.base64(s), 76, "\n") end,
  }

  it("is read", function()
    math.randomseed(20)
    local alphabet = "abcXYZ019\\\"'%&;=+/<>{}$` -_.:?\n\t"
    for round = 1, 3000 do
      local bytes, mixed = {}, {}
      for i = 1, math.random(6, 24) do
        local at = math.random(#alphabet)
        bytes[i] = i == 1 and "k" or alphabet:sub(at, at)
        mixed[i] = WAYS[math.random(#WAYS)](bytes[i])
      end
      bytes[#bytes + 1], mixed[#mixed + 1] = "e", "e"
      local text = AROUND[math.random(#AROUND)](AROUND[math.random(#AROUND)](table.concat(mixed)))
      local _live <close> = hold(table.concat(bytes), "mixed")
      local clean, masked = secret.scrub("<" .. text .. ">")
      -- the rest is the part of a code that stands for what was put around it
      local place = ("round %d: %q as %q"):format(round, table.concat(bytes), text)
      assert.is_true(masked and #clean < 24, place)
    end
  end)
end)

describe("a secret that was cut", function()
  it("is masked where dots say that it goes on", function()
    local _live <close> = hold("sk_live_abc123def456", "api key")
    assert.equal("row (1, ******...)", (secret.scrub "row (1, sk_live_abc...)"))
    assert.equal("it is ******…", (secret.scrub "it is sk_live_abc123…"))
    assert.equal('"******..."', (secret.scrub '"sk\\u005flive\\u005fabc1..."'))
    assert.equal("the word sk_live...", (secret.scrub "the word sk_live..."))
    assert.equal("the word sk_live_abc1 is", (secret.scrub "the word sk_live_abc1 is"))
  end)
end)

-- Where escapes were decoded, the search decodes only those runs of base64, hexadecimal and numbers again that are new.
-- A code that an escape cuts, begins or ends is one of them, at every layer.

local crypto = require "o2x.base.crypto"
local secret = require "o2x.base.secret"

local SECRET <const> = "correct horse 42+battery/staple"
local live = secret.new(SECRET, "a secret")

local function each_byte(text, format)
  return (text:gsub(".", function(c) return format:format(c:byte()) end))
end

local function json(text) return (text:gsub('["\\\n]', { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n" })) end

-- A text in which one byte is written in another way.
local function with_escape(text, at, format)
  return text:sub(1, at - 1) .. format:format(text:byte(at)) .. text:sub(at + 1)
end

local CODES <const> = {
  base64 = crypto.base64(SECRET),
  ["base64 in lines"] = crypto.base64(SECRET):gsub("............", "%0\n"),
  hexadecimal = each_byte(SECRET, "%02x"),
  ["hexadecimal with colons"] = each_byte(SECRET, "%02x:"),
  numbers = each_byte(SECRET, "%d, "),
}

local function is_found(text) return #secret.ranges(("key = (%s) ;"):format(text)) > 0 end

describe("a code with escapes in it is found", function()
  for name, code in pairs(CODES) do
    for _, format in ipairs { "\\u%04x", "\\x%02x", "%%%02X", "&#%d;" } do
      it(("%s, an escape as %s at each place"):format(name, format), function()
        for at = 1, #code do
          local cut = with_escape(code, at, format)
          assert.is_true(is_found(cut), cut)
          assert.is_true(is_found(json(cut)), cut)
        end
      end)
    end
    it(name .. " in JSON, between other words", function()
      assert.is_true(is_found(json('{"a": "' .. json(code) .. '"}')))
      assert.is_true(is_found('\\"' .. code .. '\\"'))
      assert.is_true(is_found("\\n" .. code .. "\\n"))
      assert.is_true(is_found(code:sub(1, 12) .. "\\\n  " .. code:sub(13)))
    end)
  end

  it(
    "nothing is found where there is none",
    function() assert.is_false(is_found(json(json '"abcd" \\n %41 &#65;'))) end
  )

  lazy_teardown(function() secret.wipe(live) end)
end)

-- Beside Python's configparser: tests/reference/aws_spec.lua.
local folder = require "tests.support.folder"
local ini = require "o2x.client.aws.credentials.ini"
local secret = require "o2x.base.secret"

local function read(text)
  local place <close> = folder { file = text }
  return ini.read(place:at "file")
end

describe("an INI file", function()
  it("is none when it does not exist, or is a folder", function()
    assert.same({}, ini.read "/nosuch/file")
    assert.same({}, ini.read "/tmp")
  end)

  it(
    "has sections of options",
    function()
      assert.same(
        { a = { x = "1", y = "2 # no comment" }, ["profile b"] = { x = "3" } },
        read "[a]\nX = 1\n# a comment\ny: 2 # no comment\n\n[profile b] ; behind a section\nx=3"
      )
    end
  )

  it(
    "has blocks and continued values",
    function()
      assert.same(
        { a = { s3 = { one = "1", two = "2 = 3" }, z = "4\n5" } },
        read "[a]\ns3 =\n  one = 1\n  two = 2 = 3\nz = 4\n  5\n"
      )
    end
  )

  it(
    "gives [DEFAULT] to all sections",
    function() assert.same({ a = { x = "1" }, b = { x = "2" } }, read "[DEFAULT]\nx = 1\n[a]\n[b]\nx = 2\n") end
  )

  it("keeps keys as secrets", function()
    local section = read("[a]\nAWS_Secret_Access_Key = one/two+three\r\naws_session_token=tok=en==").a
    assert.is_true(secret.equal(section.aws_secret_access_key, "one/two+three"))
    assert.is_true(secret.equal(section.aws_session_token, "tok=en=="))
  end)

  local WRONG <const> = {
    { "x = 1\n", ":1: an option before the first section" },
    { "[a]\nx = 1\nX = 2\n", ":3: the option x is there twice" },
    { "[a]\n[b]\n[a]\n", ":3: the section [a] is there twice" },
    { "[a]\nnonsense\n", ":2: neither a section" },
    { "[a]\n= 1\n", ":2: a value without the name" },
    { "\u{FEFF}[a]\n", ":1: the file begins with a byte order mark" },
    { "[a]\ns3 =\n  nonsense\n", "the block of s3 has a line without a value" },
  }
  it("that is wrong is refused with its line", function()
    for _, case in ipairs(WRONG) do
      local ok, err = pcall(read, case[1])
      assert.is_false(ok, case[1])
      assert.equal("input", err.kind)
      assert.matches(case[2], tostring(err), 1, true)
    end
  end)
end)

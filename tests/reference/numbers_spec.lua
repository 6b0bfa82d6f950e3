-- What a plain scalar of a values file is: the same text to helm and to o2x. Helm's templates see every number as a
-- float64, so numbers are compared as such.

local folder = require "tests.support.folder"
local json = require "o2x.base.json"
local proc = require "o2x.base.proc"
local yaml = require "o2x.base.yaml"

-- Texts that both read, each as a number or as a string.
local READ <const> = {}
for text in
  ([[0 -0 +0 7 -7 +7 007 0777 08 0o17 0O17 0x1F -0x1F 0X1f 0b101 -0b101 1_000 1_0.5 _1 1__0 0x_1F
  2147483648 9007199254740991 9007199254740992 9007199254740993 -9007199254740993 9223372036854775807
  9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
  +9223372036854775808 100000000000000000000 1000000000000000000000000000000 0x7FFFFFFFFFFFFFFF 0x8000000000000000
  0xFFFFFFFFFFFFFFFF 0x10000000000000000 -0x8000000000000001 0777777777777777777777 01777777777777777777777
  02000000000000000000000 1_000_000_000_000_000_000_000 1.0 1. .5 -.5 +.5 1.5e3 1e3 1E3 1e+3 1e-7 -1e-7 1e20 1e21
  1e22 1e300 1.7976931348623157e308 1e308 1e309 1e400 -1e400 5e-324 1e-400 0.1 0.30000000000000004 3.14159265358979
  1e 1e+ e5 1.2.3 1,000 12:30 1:20:30 2026-02-14 2026-02-14T09:30:00Z 1e5e 0x 0b 0b2 0x1G 1d 1f + . -. +. .. 1- 1_
  64Mi 500m 1k yes no on off y n true True TRUE false ~ null Null infinity NaN nan Inf inf -inf]]):gmatch "%S+"
do
  READ[#READ + 1] = text
end

-- Texts that neither takes.
local REFUSED <const> = { ".inf", "-.inf", "+.Inf", ".nan", ".NaN" }

local CHART <const> = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
local TEMPLATE <const> = "{{ range $k, $v := .Values }}\n{{ $k }}: {{ toJson $v }}{{ end }}\n"

describe("a number of a values file", function()
  local place
  setup(function()
    local files = { ["c/Chart.yaml"] = CHART, ["c/templates/all.yaml"] = TEMPLATE, ["c/values.yaml"] = "" }
    place = folder(files)
  end)
  teardown(function() place:close() end)

  local function helm(text)
    local path = place:write("values.yaml", text)
    return proc.run {
      argv = { "helm", "template", place:at "c", "-f", path },
      timeout = 120,
      env = { HOME = place:at "" },
    }
  end

  local function as_float(v) return type(v) == "number" and v + 0.0 or v end

  it("is the same to helm and to o2x", function()
    local lines = {}
    for i, text in ipairs(READ) do
      lines[i] = ("k%d: %s\n"):format(i, text)
    end
    local text = table.concat(lines)
    local result = helm(text)
    assert.equal(0, result.code, result.stderr)
    local ours, alike = yaml.decode(text, "values.yaml"), 0
    for i, scalar in ipairs(READ) do
      local theirs = result.stdout:match(("\nk%d: ([^\n]*)"):format(i))
      -- helm drops a key whose value is null
      local given = json.decode(theirs or "null")
      local found = ours["k" .. i]
      local told = ("%s: helm %s, o2x %s"):format(scalar, tostring(theirs), tostring(found))
      assert.equal(as_float(given), as_float(found), told)
      alike = alike + 1
    end
    print(("numbers: %d cases, %d alike, 0 different on purpose"):format(#READ + #REFUSED, alike + #REFUSED))
  end)

  for _, text in ipairs(REFUSED) do
    it("is refused by both: " .. text, function()
      assert.not_equal(0, helm("a: " .. text .. "\n").code)
      local ok, err = pcall(yaml.decode, "a: " .. text .. "\n", "values.yaml")
      assert.is_false(ok)
      assert.matches("values.yaml:1:4: .*not finite", tostring(err))
    end)
  end

  it("is exact in the files that operators write for o2x, or refused with its line", function()
    for _, text in ipairs(READ) do
      local ok, v = pcall(yaml.decode, "a: " .. text .. "\n", "o2x.yaml", { exact = true })
      if ok and math.type(v.a) == "integer" then assert.equal(yaml.decode("a: " .. text .. "\n").a, v.a) end
      if not ok then assert.matches("o2x.yaml:1:4: .*64 bits", tostring(v)) end
    end
  end)
end)

local version = require "o2x.client.flyway.version"

local ORDER = {
  "0",
  "1",
  "1.0.1",
  "1.1",
  "1.9",
  "1.10",
  "2",
  "20240115103000",
  "9223372036854775807",
  "9223372036854775808",
  "20240115103000123456",
  "99999999999999999999",
  "100000000000000000000",
  "100000000000000000000.1",
}

describe("versions", function()
  it("are compared number by number, however large", function()
    for i, a in ipairs(ORDER) do
      for j, b in ipairs(ORDER) do
        local found = version.compare(a, b)
        assert.equal(i < j and -1 or i > j and 1 or 0, found < 0 and -1 or found > 0 and 1 or 0, a .. " and " .. b)
      end
    end
  end)

  it("are equal with zeros before and after", function()
    for _, pair in ipairs { { "1", "1.0" }, { "1", "01" }, { "1.2", "001.02.0.0" }, { "0", "0.0" } } do
      assert.equal(0, version.compare(pair[1], pair[2]))
      assert.equal(version.canonical(pair[1]), version.canonical(pair[2]))
    end
  end)

  it("are read from names, where an underscore is a dot", function()
    for text, expected in pairs {
      ["1"] = "1",
      ["1_2"] = "1.2",
      ["1.2_3"] = "1.2.3",
      ["002"] = "002",
      ["20240115103000123456"] = "20240115103000123456",
    } do
      assert.equal(expected, version.parse(text))
    end
    for _, text in ipairs { "", "x", "1x", ".1", "1.", "1..2", "1__2", "-1", "1 ", "１" } do
      assert.is_nil(version.parse(text), text)
    end
  end)
end)

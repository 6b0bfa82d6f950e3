local units = require "o2x.base.units"

describe("a duration for people", function()
  for seconds, text in pairs {
    [0.42] = "0.4 s",
    [7] = "7 s",
    [12.6] = "13 s",
    [59.7] = "1 min",
    [200] = "3 min 20 s",
    [3599.9] = "1 h",
    [7500] = "2 h 5 min",
    [273600] = "3 d 4 h",
  } do
    it(text, function() assert.equal(text, units.duration(seconds)) end)
  end
end)

describe("a typed duration", function()
  for text, seconds in pairs { ["90s"] = 90, ["30m"] = 1800, ["2h"] = 7200, ["7d"] = 604800, ["0s"] = 0 } do
    it(text, function() assert.equal(seconds, units.parse_duration(text)) end)
  end

  for _, text in ipairs { "", "10", "m", "1.5h", "-1h", "2 h", "2h30m", "99999999999999999999s" } do
    it(("%q is none"):format(text), function() assert.is_nil(units.parse_duration(text)) end)
  end
end)

describe("a size", function()
  for bytes, text in pairs { [512] = "512 bytes", [2048] = "2.0 KB", [9332326] = "8.9 MB", [3 << 40] = "3.0 TB" } do
    it(text, function() assert.equal(text, units.bytes(bytes)) end)
  end
end)

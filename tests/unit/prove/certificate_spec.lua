local certificate = require "o2x.prove.certificate"
local fs = require "o2x.base.fs"

-- What it says of runbooks and libraries is in tests/e2e/prove_spec.lua.
describe("a certificate", function()
  local REST <const> = '"failures":[],"cases":1,"all_cases":1,"at":"now"}'
  for _, text in ipairs {
    "{}",
    "[]",
    '"x"',
    '{"format":2}',
    '{"format":3,"seal":"x","command":["a"],"hashes":{},"counts":{},' .. REST,
    '{"format":3,"seal":"x","command":["a",{}],"hashes":{},"counts":{},' .. REST,
    '{"format":3,"seal":"x","command":["a","b"],"hashes":{},"counts":{"kill":{}},' .. REST,
    '{"format":3,"seal":"x","command":["a","b"],"hashes":{},"counts":{},"failures":1' .. REST:match ",.*",
  } do
    it("is not just any file: " .. text, function()
      local folder = fs.temp_folder()
      local path = fs.join(folder, "x.json")
      fs.write(path, text)
      local ok, err = pcall(certificate.check, path)
      fs.remove_tree(folder)
      assert.is_false(ok)
      assert.matches("no certificate", tostring(err), 1, true)
      assert.equal("input", err.kind)
    end)
  end
end)

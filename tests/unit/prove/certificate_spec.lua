local certificate = require "o2x.prove.certificate"
local fs = require "o2x.base.fs"

-- What it says of runbooks and libraries is in tests/e2e/prove_spec.lua.
describe("a certificate", function()
  it("is not just any file", function()
    local folder = fs.temp_folder()
    local path = fs.join(folder, "x.json")
    fs.write(path, "{}")
    local ok, err = pcall(certificate.check, path)
    fs.remove_tree(folder)
    assert.is_false(ok)
    assert.matches("no certificate", tostring(err), 1, true)
    assert.equal("input", err.kind)
  end)
end)

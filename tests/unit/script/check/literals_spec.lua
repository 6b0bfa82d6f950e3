local literals = require "o2x.script.check.literals"
local parser = require "o2x.script.check.parser"

-- The lines on which a secret is found.
local function lines_of(text)
  local lines = {}
  literals.check {
    tree = parser.parse(text),
    problem = function(line, message)
      assert.is_nil(message:find("hunter2", 1, true), "the message repeats the secret")
      lines[#lines + 1] = line
    end,
  }
  return lines
end

describe("a secret in the source", function()
  it("is found by the name that it is given", function()
    assert.same({ 1 }, lines_of 'local password = "hunter2-hunter2"')
    assert.same({ 2 }, lines_of 'config({\n  api_key = "hunter2-hunter2" })')
    assert.same({ 1 }, lines_of 'config["client-secret"] = "hunter2-hunter2"')
    assert.same({ 1 }, lines_of 'config.authToken = "hunter2-hunter2"')
  end)

  it("is found by its shape", function()
    for _, text in ipairs {
      "AKIA" .. "IOSFODNN7EXAMPLE",
      "ghp_" .. "abcdefghijklmnopqrst",
      "hvs." .. "CAESIJ1234567890",
      "xoxb-" .. "123456789012-abcdef",
      "glpat-" .. "abcdefghij12345",
      "https://admin:" .. "hunter2@db.example.com/x",
    } do
      assert.same({ 1 }, lines_of(("log(%q)"):format(text)), text)
    end
  end)

  it(
    "is told once, though both name and shape say so",
    function() assert.same({ 1 }, lines_of('local token = "ghp_' .. 'abcdefghijklmnopqrst12"')) end
  )

  it("is no word, no path, no template and no name of a secret", function()
    for _, value in ipairs {
      "",
      "changeme",
      "tenant/acme/db",
      "{{password}}",
      "%s-key-1",
      "coredb-credentials",
      "short1",
    } do
      assert.same({}, lines_of(("local password = %q"):format(value)), value)
    end
  end)

  it("is no other long text", function()
    assert.same({}, lines_of 'local image = "sha256-0123456789abcdef0123456789abcdef"')
    assert.same({}, lines_of 'local url = "https://db.example.com:8080/x"')
  end)
end)

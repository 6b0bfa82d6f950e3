-- What stands in a YAML text was repeated in the message about it, however long it was.

local raised = require "tests.support.raised"
local yaml = require "o2x.base.yaml"

describe("a message about YAML", function()
  local long = ("é"):rep(5000)
  for name, text in pairs {
    ["a key that is there twice"] = ("%s: 1\n%s: 2\n"):format(('"%s"'):format(long), ('"%s"'):format(long)),
    ["a tag"] = "a: !" .. ("x"):rep(5000) .. " 1\n",
    ["a type"] = "a: !!int " .. long .. "\n",
    ["a number"] = "a: 1" .. ("0"):rep(5000) .. "\n",
    ["an anchor"] = "a: *" .. ("x"):rep(5000) .. "\n",
  } do
    it("is one short line: " .. name, function()
      local message = raised(yaml.decode, text, "v.yaml", { exact = true }).message
      assert.is_true(#message < 500, message)
      assert.is_truthy(utf8.len(message))
    end)
  end
end)

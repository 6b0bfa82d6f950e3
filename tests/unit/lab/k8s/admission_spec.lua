-- The language of admission policies, as far as the simulator has it.

local admission = require "lab.k8s.admission"

local REQUEST <const> = {
  name = "web",
  operation = "CREATE",
  resource = { resource = "secrets", group = "" },
  userInfo = { username = "system:serviceaccount:default:robot" },
}

describe("an expression", function()
  for text, wanted in pairs {
    ["request.name == 'web'"] = true,
    ["request.name == 'other'"] = false,
    ["request.name in ['a', 'web']"] = true,
    ["request.name in []"] = false,
    ["request.name.startsWith('we')"] = true,
    ["request.name.startsWith('eb')"] = false,
    ["request.resource.resource == 'secrets' && request.operation == 'DELETE'"] = false,
    ["request.name == 'x' || (request.operation == 'CREATE' && request.name in ['web'])"] = true,
    ["false || request.name == 'web'"] = true,
    ["false"] = false,
  } do
    it(text, function() assert.equal(wanted, admission.evaluate(text, REQUEST)) end)
  end

  for _, text in ipairs {
    "",
    "true",
    "object.metadata.name == 'x'",
    "request.name ==",
    "request.name == 'a' x",
    "request.no == 'a'",
  } do
    it("that does not compile: " .. text, function()
      local result, problem = admission.evaluate(text, REQUEST)
      assert.is_nil(result)
      assert.matches("^ERROR", problem)
    end)
  end
end)

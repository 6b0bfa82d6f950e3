local placeholders = require "o2x.client.flyway.placeholders"

local VALUES = { name = "acme", ["flyway:database"] = "db", other = "${name}", empty = "" }

describe("placeholders", function()
  it("are replaced wherever they stand, in any case, once", function()
    for text, expected in pairs {
      ["none"] = "none",
      ["${name}"] = "acme",
      ["'${NAME}' -- ${Name}"] = "'acme' -- acme",
      ["${flyway:database}${FLYWAY:DATABASE}"] = "dbdb",
      ["${other}"] = "${name}",
      ["a${empty}b"] = "ab",
      ["$name {name} $$ $ {name} $"] = "$name {name} $$ $ {name} $",
      ["$${name}"] = "$${name}",
      ["$$${name} $x${name}"] = "$$acme $xacme",
    } do
      assert.equal(expected, placeholders.replace(text, VALUES))
    end
  end)

  it("without a value are refused, with their line", function()
    for text, expected in pairs {
      ["\n-- ${nosuch}"] = "no value for the placeholder ${nosuch}",
      ["\n${}"] = "no value for the placeholder ${}",
      ["\n${name"] = "a placeholder ${ that does not end",
    } do
      local replaced, problem, line = placeholders.replace(text, VALUES)
      assert.same({ nil, expected, 2 }, { replaced, problem, line })
    end
  end)
end)

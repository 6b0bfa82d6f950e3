local conf = require "o2x.client.flyway.conf"
local raised = require "tests.support.raised"

local READ = {
  [""] = {},
  ["executeInTransaction=false"] = { transaction = false },
  ["executeInTransaction=TRUE"] = { transaction = true },
  ["# executeInTransaction=false"] = {},
  ["  ! executeInTransaction=false"] = {},
  ["executeInTransaction: false"] = { transaction = false },
  ["executeInTransaction false"] = { transaction = false },
  ["\texecuteInTransaction \t = \t false \t"] = { transaction = false },
  ["executeInTransaction=\\\nfalse"] = { transaction = false },
  ["executeInTransaction\\\r\n  =false\r\n"] = { transaction = false },
  ["# comment \\\nexecuteInTransaction=false"] = { transaction = false },
  ["executeInTransaction=true\nexecuteInTransaction=false"] = { transaction = false },
  ["placeholderReplacement=false\nencoding=ISO-8859-1"] = { replace = false, encoding = "ISO-8859-1" },
  ["\r\n\r\nplaceholderReplacement=false"] = { replace = false },
  ["\xEF\xBB\xBFexecuteInTransaction=false"] = { transaction = false },
}

local REFUSED = {
  ["executeInTransaction=no"] = "true or false",
  ["executeInTransaction="] = "true or false",
  ["executeInTransaction"] = "true or false",
  ["executeInTransaction=false # comment"] = "true or false",
  ["executeInTransaction=false\\"] = "true or false",
  ["shouldExecute=false"] = "shouldExecute is not supported",
  ["executeintransaction=false"] = "unknown key 'executeintransaction'",
  ["flyway.executeInTransaction=false"] = "unknown key",
  ["encoding=${x}"] = "placeholder",
  ["=x"] = "unknown key ''",
  ["# gr\xfc\xdfe\nexecuteInTransaction=false"] = "is not UTF%-8: byte 0xFC",
}

describe("a script's configuration", function()
  it("is read as Java's properties", function()
    for text, expected in pairs(READ) do
      assert.same(expected, conf.parse(text, "x.conf"), text)
    end
  end)

  it("is refused by name and line", function()
    for text, expected in pairs(REFUSED) do
      local problem = raised(conf.parse, "\n" .. text, "V1__x.sql.conf")
      assert.matches(expected, problem.message)
      assert.equal("V1__x.sql.conf:2", problem.where)
    end
  end)
end)

-- Commands of the program aws, as a shell takes them.

local command = require "o2x.client.aws.command"

describe("a command about RDS", function()
  local CASES <const> = {
    { "Amazon's own", {}, "aws rds wait 'it is'" },
    { "Amazon's own, with other settings", { aws = { region = "us-east-1" } }, "aws rds wait 'it is'" },
    {
      "at another address",
      { aws = { endpoint = "http://127.0.0.1:1/a b" } },
      "aws --endpoint-url 'http://127.0.0.1:1/a b' rds wait 'it is'",
    },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function() assert.equal(case[3], command.rds(case[2], "wait", "it is")) end)
  end
end)

-- Answers of name servers.
local dns = require "o2x.client.dns"
local only = require "tests.fuzz.only"

return only(function(bytes)
  local answer, problem = dns.parse(bytes)
  assert(type(answer) == "table" or type(problem) == "string")
end)

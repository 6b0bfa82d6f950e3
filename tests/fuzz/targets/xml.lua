-- Answers of AWS.
local only = require "tests.fuzz.only"
local xml = require "o2x.base.xml"

return only(function(text)
  local root = xml.parse(text, "input")
  root:find "Error"
  root:value "Code"
end)

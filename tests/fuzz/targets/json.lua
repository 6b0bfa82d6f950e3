-- JSON: what is read can be written, and reads the same again.
local json = require "o2x.base.json"
local only = require "tests.fuzz.only"

return only(function(text)
  local value = json.decode(text, "input")
  local again = json.encode { value }
  assert(json.encode(json.decode(again, "again")) == again, "written and read again, it differs")
end)

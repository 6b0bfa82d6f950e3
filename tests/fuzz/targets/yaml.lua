-- YAML: a values file is read, written, and reads the same again.
local only = require "tests.fuzz.only"
local json = require "o2x.base.json"
local yaml = require "o2x.base.yaml"

return only(function(text)
  local value = yaml.decode(text, "input")
  if type(value) ~= "table" or value == json.null then return end
  local written = yaml.encode(value)
  assert(yaml.encode(yaml.decode(written, "again")) == written, "written and read again, it differs")
end)

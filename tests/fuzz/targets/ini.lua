-- Files of AWS's profiles.
local ini = require "o2x.client.aws.credentials.ini"
local only = require "tests.fuzz.only"
local words_of = require "o2x.client.aws.credentials.words"

return only(function(text)
  words_of(text)
  ini.parse(text, "input")
end)

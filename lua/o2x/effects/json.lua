--- JSON for runbooks: require "o2x.json". Secrets are refused by encode.

local json = require "o2x.json"
local placeholder = require "o2x.placeholder"

return {
  name = "json",
  api = function()
    return {
      decode = json.decode, array = json.array, is_array = json.is_array, null = json.null,
      encode = function(value) return json.encode(placeholder.fill(value)) end,
      pretty = function(value) return json.pretty(placeholder.fill(value)) end,
    }
  end,
}

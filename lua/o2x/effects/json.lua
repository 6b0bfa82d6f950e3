--- JSON for runbooks: require "o2x.json". Secrets are refused by encode.

local json = require "o2x.base.json"
local placeholder = require "o2x.base.placeholder"

return {
  name = "json",
  api = function()
    return {
      --- Parses JSON.
      ---@param text string
      ---@param source string? where it comes from, for messages
      ---@return any
      decode = json.decode,
      --- Marks a table as a list, even an empty one.
      ---@param list table
      ---@return table
      array = json.array,
      --- Is a table a list?
      ---@param value any
      ---@return boolean
      is_array = json.is_array,

      --- The null of JSON.
      ---@type any
      null = json.null,
      --- Writes JSON on one line, keys sorted. A secret is refused.
      ---@param value any
      ---@return string
      encode = function(value) return json.encode(placeholder.fill(value)) end,
      --- Writes indented JSON.
      ---@param value any
      ---@return string
      pretty = function(value) return json.pretty(placeholder.fill(value)) end,
    }
  end,
}

--- JSON for runbooks: require "o2x.json". Secrets are refused by encode.

local json = require "o2x.base.json"
local placeholder = require "o2x.base.placeholder"
local shape = require "o2x.base.shape"

return {
  name = "json",
  api = function()
    return {
      --- Parses JSON. What a server may send is read as Go reads it: an integer beyond 64 bits becomes a float, and of
      --- two members with one name the last one counts.
      ---@param text string
      ---@param source string? where it comes from, for messages
      ---@param options { exact: boolean? }? exact: both are errors, as is right for a file that somebody wrote
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

      --- Returns the value if it has a form, otherwise fails with one line that names the field. Forms: "string",
      --- "number", "integer", "boolean", "scalar" (a text, a number or a boolean), "map", "any", with "?" where it may
      --- be absent or null; { "each", FORM }: a list of that; { name = FORM, … }: a map that has at least these
      --- fields; { "?", name = FORM, … }: such a map, or nothing.
      ---@param value any decoded JSON
      ---@param form string|table
      ---@param what string whose answer to what it is: "GraphQL"
      ---@return any value without the fields that are null where the form names them
      check = function(value, form, what) return shape.check(value, form, what) end,

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

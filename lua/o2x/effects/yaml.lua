--- YAML for runbooks, read as Helm reads it: require "o2x.yaml". Secrets are refused by encode.

local placeholder = require "o2x.base.placeholder"
local yaml = require "o2x.base.yaml"

return {
  name = "yaml",
  api = function()
    return {
      --- Parses one YAML document. Mappings become tables, null becomes yaml.null, an integer beyond 64 bits a float.
      ---@param text string
      ---@param source string? the file that it comes from, for messages
      ---@return any
      decode = function(text, source) return yaml.decode(text, source) end,
      --- Parses any number of YAML documents.
      ---@param text string
      ---@param source string?
      ---@return any[]
      decode_all = function(text, source) return yaml.decode_all(text, source) end,
      --- A table that encode writes in the order of its pairs: { { "name", "x" }, { "value", 1 } }.
      ---@param pairs any[][]
      ---@return table
      ordered = yaml.ordered,
      --- The keys of a table, in their order.
      ---@param value table
      ---@return string[]
      keys = yaml.keys,
      --- Marks a table as a list, even an empty one.
      ---@param list table
      ---@return table
      array = yaml.array,

      --- The null of YAML.
      ---@type any
      null = yaml.null,
      --- Writes YAML. A secret is refused.
      ---@param value any
      ---@return string
      encode = function(value) return yaml.encode(placeholder.fill(value)) end,
    }
  end,
}

--- Amounts and names as people read and type them: require "o2x.text".

local quantity = require "o2x.client.k8s.quantity"
local shell = require "o2x.base.shell"
local suggest = require "o2x.base.suggest"
local units = require "o2x.base.units"

return {
  name = "text",
  api = function()
    return {
      --- A size: "8.9 MB".
      ---@param bytes integer
      ---@return string
      bytes = units.bytes,
      --- A duration: "3 min 20 s", "2 h 5 min".
      ---@param seconds number
      ---@return string
      duration = units.duration,
      --- The seconds of a typed duration: "90s", "30m", "2h", "7d"; nil if it is not a duration.
      ---@param text string
      ---@return integer?
      parse_duration = units.parse_duration,
      --- The number of a Kubernetes quantity: 1.5 for "1500m", 2147483648 for "2Gi"; nil if it is not a quantity.
      ---@param quantity string|number|nil
      ---@return number?
      parse_quantity = quantity.value,
      --- A word of a command line that people paste into a shell: in single quotes, unless it is plain.
      ---@param word string
      ---@return string
      shell_word = shell.quote,
      --- "; did you mean NAME?" for a misspelt name, or "" if no name is similar.
      ---@param name string
      ---@param names string[]
      ---@return string
      suggest = suggest.did_you_mean,
    }
  end,
}

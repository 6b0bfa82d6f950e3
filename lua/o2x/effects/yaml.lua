--- YAML for runbooks, read as Helm reads it: require "o2x.yaml". Secrets are refused by encode.

local placeholder = require "o2x.placeholder"
local yaml = require "o2x.yaml"

return {
  name = "yaml",
  api = function()
    return {
      decode = yaml.decode, decode_all = yaml.decode_all, ordered = yaml.ordered, keys = yaml.keys,
      array = yaml.array, null = yaml.null,
      encode = function(value) return yaml.encode(placeholder.fill(value)) end,
    }
  end,
}

--- Taking over a tenant that was made by hand: what would the runbook that makes tenants change, if the tenant's file
--- said this? For runbooks that write that file (adopts). Reads only.

local yaml = require "o2x.base.yaml"

return {
  name = "adoption",
  api = function(ctx)
    return {
      --- What a tenant's file says.
      ---@param text string
      ---@return any file without what is null
      parse = function(text) return yaml.read(text, "the tenant's file", { exact = true }) end,

      --- What differs from what a tenant's file would say.
      ---@param text string of the file
      ---@return { differences: table[], problems: table[], failed: table[] } found differences: what ("KIND KEY"),
      --- key, kind, title, step, way ("missing", "different", "left over"), lines, and tag, by which the file keeps it
      --- (nil: a secret is in it), text of a file that is missing; problems: what could not be looked at; failed:
      --- checks that fail, each with step, name, message, hint
      differences = function(text) return ctx:differences(yaml.read(text, "the tenant's file", { exact = true })) end,
    }
  end,
}

--- Helm values files for runbooks, changed by path with comments and layout kept: require "o2x.helm_values".
--- The files themselves are read and written by o2x.files.

local helm_values = require "o2x.client.helm.values"
local placeholder = require "o2x.base.placeholder"

-- A document as scripts see it: in a plan, a value that they set may be unknown.
local function open(doc)
  local api = {}
  --- The value at a path: app.envMap[name=X].value, hosts[0], a\.b; nil if there is none.
  ---@param path string
  ---@return any
  function api:get(path) return doc:get(path) end
  --- The paths of all values.
  ---@return string[]
  function api:paths() return doc:paths() end
  --- The file's text as it is now.
  ---@return string
  function api:text() return doc:text() end
  --- Removes a value.
  ---@param path string
  function api:remove(path) return doc:remove(path) end
  --- Sets a value.
  ---@param path string
  ---@param value any
  ---@return o2x.helm_values.document
  function api:set(path, value)
    doc:set(path, placeholder.fill(value))
    return api
  end
  --- Sets all values of a table.
  ---@param values table
  ---@return o2x.helm_values.document
  function api:merge(values)
    doc:merge(placeholder.fill(values))
    return api
  end
  --- Replaces one tenant's names with another's, as whole words.
  ---@param names string[][] { old, new } pairs
  ---@param options { keep: string[]? }? keep: paths that stay
  ---@return { replaced: integer, left: table }
  function api:replace_tenant(names, options) return doc:replace_tenant(placeholder.fill(names), options) end
  return api
end

return {
  name = "helm_values",
  api = function()
    return {
      --- Parses the text of a values file, to change it by path; comments and layout are kept.
      ---@param text string
      ---@param filename string for messages
      ---@return o2x.helm_values.document
      parse = function(text, filename) return open(helm_values.parse(text, filename)) end,
      --- Writes a table as a values file.
      ---@param values table
      ---@return string
      render = function(values) return helm_values.render(placeholder.fill(values)) end,
    }
  end,
}

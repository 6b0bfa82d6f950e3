--- Helm values files for runbooks, changed by path with comments and layout kept: require "o2x.helm_values".
--- The files themselves are read and written by o2x.files.

local helm_values = require "o2x.helm_values"
local placeholder = require "o2x.placeholder"

-- A document as scripts see it: what they set may be unknown in a plan.
local function open(doc)
  local api = {}
  function api:get(path) return doc:get(path) end
  function api:paths() return doc:paths() end
  function api:text() return doc:text() end
  function api:remove(path) return doc:remove(path) end
  function api:set(path, value)
    doc:set(path, placeholder.fill(value))
    return api
  end
  function api:merge(values)
    doc:merge(placeholder.fill(values))
    return api
  end
  function api:replace_tenant(names, options) return doc:replace_tenant(placeholder.fill(names), options) end
  return api
end

return {
  name = "helm_values",
  api = function()
    return {
      parse = function(text, filename) return open(helm_values.parse(text, filename)) end,
      render = function(values) return helm_values.render(placeholder.fill(values)) end,
    }
  end,
}

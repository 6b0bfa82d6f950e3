--- What an API server answers, checked: objects, lists, Secrets.

local errors = require "o2x.base.error"
local forms = require "o2x.client.k8s.forms"
local json = require "o2x.base.json"
local shape = require "o2x.base.shape"

local M = {}

-- What every list has.
local LIST <const> = {
  items = { "each", { metadata = { name = "string?" } } },
  metadata = { "?", continue = "string?", resourceVersion = "string?" },
}

local function decode_any(response, what)
  local ok, object = pcall(json.read, response.body, what)
  if ok and type(object) == "table" then return object end
  errors.raise { kind = "failed", module = "k8s", op = "decode", message = what .. ": the answer is not JSON" }
end

--- An object, or another answer.
---@param response table
---@param what string for messages
---@param resource table? whose form it has
---@return table
function M.object(response, what, resource) return forms.check(resource, decode_any(response, what), what) end

--- A list.
---@param response table
---@param what string for messages
---@param resource table
---@return table list items, metadata
function M.list(response, what, resource)
  local answer = decode_any(response, what)
  -- Of an empty list the API server may write null.
  if answer.items == nil and tostring(answer.kind):find "List$" then answer.items = json.array {} end
  local list = shape.check(answer, LIST, what, "k8s")
  for i, item in ipairs(list.items) do
    forms.check(resource, item, ("%s: items[%d]"):format(what, i))
  end
  return list
end

--- A Secret, without exposing its values as text.
---@param response table
---@param what string the label of its values
---@return table
function M.secret(response, what)
  local object = json.decode_secret(response.body, "data", what)
  return json.without_nulls(object)
end

return M

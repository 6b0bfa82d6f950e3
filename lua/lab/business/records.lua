--- The records of a business: lists of plain tables.

local M = {}

--- The first record that has these fields.
---@param list table[]
---@param fields table
---@return table? record
function M.find(list, fields)
  for _, item in ipairs(list) do
    local same = true
    for key, value in pairs(fields) do
      same = same and item[key] == value
    end
    if same then return item end
  end
end

--- All records that have these fields.
---@param list table[]
---@param fields table
---@return table[] records
function M.filter(list, fields)
  local found = {}
  for _, item in ipairs(list) do
    if M.find({ item }, fields) then found[#found + 1] = item end
  end
  return found
end

--- Ends a request with an error of GraphQL.
---@param code string
---@param message string format
---@param ... any its values
function M.reject(code, message, ...)
  error({ graphql = true, message = message:format(...), extensions = { code = code } }, 0)
end

return M

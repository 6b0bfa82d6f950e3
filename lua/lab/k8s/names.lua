--- What names, labels and keys may be, and what the API server says of those that are not.
local M = {}

M.SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
  .. "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
  .. "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
M.LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
  .. "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
  .. "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
M.DNS1035 = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
  .. "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
  .. "'[a-z]([-a-z0-9]*[a-z0-9])?')"
M.LABEL_VALUE = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
  .. "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
  .. "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
M.CONFIG_KEY = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
  .. "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"

--- Is it the label of a name, such as a namespace has?
---@param text string
---@return boolean
function M.is_label(text)
  if #text > 63 then return false end
  return text:match "^[a-z0-9][-a-z0-9]*$" ~= nil and text:sub(-1) ~= "-"
end

--- Is it a subdomain, such as most objects have as their name?
---@param text string
---@return boolean
function M.is_subdomain(text)
  if #text > 253 or text == "" then return false end
  for part in (text .. "."):gmatch("([^.]*)%.") do
    if not part:match("^[a-z0-9][-a-z0-9]*$") or part:sub(-1) == "-" then return false end
  end
  return true
end

M.LABEL_KEY = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
  .. "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
  .. "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

--- Is it the key of a label?
---@param text string
---@return boolean
function M.is_label_key(text)
  local name = text:match "([^/]*)$"
  return name:match "^%w[-%w_.]*$" ~= nil and name:match "%w$" ~= nil
end

return M
